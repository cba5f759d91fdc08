//! Drivers, the API client and a whole control plane together: on that of `conveyor-driver dev`, and on the
//! Conveyor CI server that `scripts/conveyor-server.sh` finds, without authentication and with it.
//!
//! Where there is no such server its tests are skipped, and where it lacks something, those of that. Both is
//! said and counted.
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

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;
use tokio::time::timeout;

use self::conveyor::Conveyor;
use self::server::{Access, Need, Server};

/// No test takes so long.
const LIMIT: Duration = Duration::from_secs(180);

/// Its name, what it needs, and what is done.
type Test = (&'static str, Need, Body);
type Body = for<'a> fn(&'a Server) -> futures_util::future::LocalBoxFuture<'a, ()>;

/// What is shown on every server, with and without authentication.
const EVERYWHERE: [Test; 8] = [
    ("each_step_sees_the_results_of_those_before", Need::Nothing, |s| {
        Box::pin(pipeline::each_step_sees_the_results(s))
    }),
    ("each_step_asks_the_api_as_who_it_is", Need::NatsTls, |s| {
        Box::pin(pipeline::each_step_asks_the_api(s))
    }),
    ("logs_are_streamed_complete_and_in_order", Need::LogStreams, |s| {
        Box::pin(pipeline::logs_are_streamed(s))
    }),
    ("logs_come_back_complete_and_in_order", Need::Nothing, |s| {
        Box::pin(pipeline::logs_come_back(s))
    }),
    ("a_failing_step_stops_the_pipeline", Need::Nothing, |s| {
        Box::pin(pipeline::a_failing_step_stops_it(s))
    }),
    ("the_api_does_what_the_client_says", Need::Nothing, |s| {
        Box::pin(api::does_what_the_client_says(s))
    }),
    ("the_command_line_applies_follows_and_cancels", Need::Nothing, |s| {
        Box::pin(command_line::applies_follows_and_cancels(s))
    }),
    ("the_api_lacks_what_the_page_on_interop_says", Need::Nothing, |s| {
        Box::pin(api::lacks_what_the_page_says(s))
    }),
];
/// What only the server itself shows.
const ON_THE_SERVER: [Test; 1] =
    [("the_api_is_strict_about_specs_and_types", Need::Nothing, |s| Box::pin(api::is_strict(s)))];
/// What only authentication shows.
const WITH_AUTHENTICATION: [Test; 4] = [
    ("without_a_certificate_nobody_is_let_in_by_the_api", Need::Nothing, |s| {
        Box::pin(access::no_strangers_at_the_api(s))
    }),
    ("without_a_certificate_nobody_is_let_in_by_nats", Need::NatsTls, |s| {
        Box::pin(access::no_strangers_at_nats(s))
    }),
    ("a_certificate_for_clients_alone_is_refused_by_the_api", Need::Nothing, |s| {
        Box::pin(access::usages_count_at_the_api(s))
    }),
    ("a_certificate_for_servers_alone_is_refused_by_nats", Need::NatsTls, |s| {
        Box::pin(access::usages_count_at_nats(s))
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

    fn tests(self) -> impl Iterator<Item = Test> {
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
        for test in ground.tests() {
            let stage = stage.clone();
            let name = format!("{}/{}", ground.name(), test.0);
            let trial = Trial::ignorable_test(name, move || stage.test(ground, test));
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

    fn test(&self, ground: Ground, (_, need, body): Test) -> Result<Completion, Failed> {
        let played = async {
            let mut server = self.server.lock().await;
            if server.as_ref().is_none_or(|(other, _)| *other != ground) {
                if let Some((_, other)) = server.take() {
                    other.stop().await;
                }
                *server = Some((ground, ground.start().await?));
            }
            let server = &server.as_ref().unwrap().1;
            if let Some(reason) = server.lacks(need).await {
                return Ok(Completion::ignored_with(reason));
            }
            body(server).await;
            Ok(Completion::Completed)
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
