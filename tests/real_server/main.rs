//! Drivers, the API client and a whole control plane together: on that of `conveyor-driver dev`, and on the
//! Conveyor CI server that `scripts/conveyor-server.sh` finds, without authentication and with it.
//!
//! Where there is no such server its tests are skipped, which is said and counted.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod access;
mod api;
mod command_line;
mod conveyor;
mod dev;
mod gate;
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
/// What only the server itself shows.
const ON_THE_SERVER: [(&str, Test); 1] =
    [("the_api_is_strict_about_specs_and_names", |s| Box::pin(api::is_strict(s)))];
/// What only authentication shows.
const WITH_AUTHENTICATION: [(&str, Test); 2] = [
    ("without_a_certificate_nobody_is_let_in", |s| {
        Box::pin(access::nobody_without_a_certificate(s))
    }),
    ("a_certificate_for_clients_alone_is_refused_by_the_api", |s| {
        Box::pin(access::usages_count(s))
    }),
];

/// A server, and who it lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ground {
    /// The Conveyor CI server, and not the control plane of `conveyor-driver dev`.
    real: bool,
    access: Access,
}

impl Ground {
    const ALL: [Self; 4] = [
        Self { real: false, access: Access::Open },
        Self { real: false, access: Access::Certificates },
        Self { real: true, access: Access::Open },
        Self { real: true, access: Access::Certificates },
    ];

    fn name(self) -> String {
        let server = if self.real { "conveyor" } else { "dev" };
        let access = if self.access == Access::Open { "open" } else { "certificates" };
        format!("{server}/{access}")
    }

    fn tests(self) -> impl Iterator<Item = (&'static str, Test)> {
        let server = if self.real { &ON_THE_SERVER[..] } else { &[] };
        let access =
            if self.access == Access::Certificates { &WITH_AUTHENTICATION[..] } else { &[] };
        EVERYWHERE.iter().chain(server).chain(access).copied()
    }

    async fn start(self) -> Result<Server, String> {
        if self.real { Conveyor::start(self.access).await } else { dev::start(self.access).await }
    }
}

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
    for ground in Ground::ALL {
        let missing = ground.real && program.is_none();
        for (name, test) in ground.tests() {
            let stage = stage.clone();
            let trial =
                Trial::test(format!("{}/{name}", ground.name()), move || stage.test(ground, test));
            trials.push(trial.with_ignored_flag(missing));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    stage.end();
    conclusion.exit_code()
}

/// The server of the tests that run now.
struct Stage {
    runtime: Runtime,
    server: Mutex<Option<(Ground, Server)>>,
}

impl Stage {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { runtime, server: Mutex::default() }
    }

    fn test(&self, ground: Ground, test: Test) -> Result<(), Failed> {
        let played = async {
            let mut server = self.server.lock().await;
            if server.as_ref().is_none_or(|(other, _)| *other != ground) {
                if let Some((_, other)) = server.take() {
                    other.stop().await;
                }
                *server = Some((ground, ground.start().await?));
            }
            test(&server.as_ref().unwrap().1).await;
            Ok(())
        };
        match self.runtime.block_on(async { timeout(LIMIT, played).await }) {
            Ok(ended) => ended,
            Err(_) => Err(format!("it takes longer than {} s", LIMIT.as_secs()).into()),
        }
    }

    fn end(&self) {
        self.runtime.block_on(async {
            if let Some((_, server)) = self.server.lock().await.take() {
                server.stop().await;
            }
        });
    }
}
