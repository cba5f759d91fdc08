//! Drivers, the API client and a whole control plane together: on the Conveyor CI server that
//! `scripts/conveyor-server.sh` finds, without authentication and with it.
//!
//! Where there is no such server its tests are skipped, which is said and counted.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod access;
mod api;
mod command_line;
mod conveyor;
mod language;
mod pipeline;
mod server;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;
use tokio::time::timeout;

use self::conveyor::Conveyor;
use self::server::{Access, Server};

/// No test takes so long.
const LIMIT: Duration = Duration::from_secs(180);

type Test = for<'a> fn(&'a Server) -> futures_util::future::LocalBoxFuture<'a, ()>;

/// What is shown on every server, with and without authentication.
const EVERYWHERE: [(&str, Test); 6] = [
    ("each_step_sees_the_results_of_those_before", |s| {
        Box::pin(pipeline::each_step_sees_the_results(s))
    }),
    ("logs_come_back_complete_and_in_order", |s| Box::pin(pipeline::logs_come_back(s))),
    ("a_failing_step_stops_the_pipeline", |s| Box::pin(pipeline::a_failing_step_stops_it(s))),
    ("the_api_does_what_the_client_says", |s| Box::pin(api::does_what_the_client_says(s))),
    ("the_command_line_applies_follows_and_cancels", |s| {
        Box::pin(command_line::applies_follows_and_cancels(s))
    }),
    ("the_api_lacks_what_the_page_on_interop_says", |s| Box::pin(api::lacks_what_the_page_says(s))),
];
/// What only authentication shows.
const WITH_AUTHENTICATION: [(&str, Test); 2] = [
    ("without_a_certificate_nobody_is_let_in", |s| {
        Box::pin(access::nobody_without_a_certificate(s))
    }),
    ("a_certificate_for_clients_alone_is_refused_by_the_api", |s| {
        Box::pin(access::usages_count(s))
    }),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Two servers would want the same port of their databases.
    arguments.test_threads = Some(1);
    let program = Conveyor::program();
    if program.is_none() && !arguments.list {
        println!("skipped: no conveyor server; scripts/conveyor-server.sh says why");
    }
    let stage = Arc::new(Stage::new());
    let mut trials = Vec::new();
    for access in [Access::Open, Access::Certificates] {
        let own = if access == Access::Open { &[][..] } else { &WITH_AUTHENTICATION[..] };
        for (name, test) in EVERYWHERE.iter().chain(own) {
            let (stage, test) = (stage.clone(), *test);
            let trial = Trial::test(format!("conveyor/{}/{name}", access.name()), move || {
                stage.test(access, test)
            });
            trials.push(trial.with_ignored_flag(program.is_none()));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    stage.end();
    conclusion.exit_code()
}

/// The server of the tests that run now.
struct Stage {
    runtime: Runtime,
    server: Mutex<Option<Server>>,
}

impl Stage {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { runtime, server: Mutex::default() }
    }

    fn test(&self, access: Access, test: Test) -> Result<(), Failed> {
        let played = async {
            let mut server = self.server.lock().await;
            if server.as_ref().is_none_or(|server| server.access != access) {
                if let Some(other) = server.take() {
                    other.stop().await;
                }
                *server = Some(Conveyor::start(access).await?);
            }
            test(server.as_ref().unwrap()).await;
            Ok(())
        };
        match self.runtime.block_on(async { timeout(LIMIT, played).await }) {
            Ok(ended) => ended,
            Err(_) => Err(format!("it takes longer than {} s", LIMIT.as_secs()).into()),
        }
    }

    fn end(&self) {
        self.runtime.block_on(async {
            if let Some(server) = self.server.lock().await.take() {
                server.stop().await;
            }
        });
    }
}
