//! The driver [`git_build`] as a process: connects to NATS and builds until it is told to stop.
#![allow(clippy::print_stdout, clippy::print_stderr)] // `--help` is for who runs it.

use std::process::ExitCode;

use conveyor_driver::DriverManager;
use conveyor_driver_examples::git_build;
use tracing_subscriber::EnvFilter;

const HELP: &str = "\
Builds Git repositories for Conveyor CI: the driver git-build, for resources of type build.

Usage: git_build

Runs until SIGINT or SIGTERM, then lets builds finish; a second signal ends them at once.

Environment:
  CONVEYOR_NATS_URL    where NATS is; default nats://127.0.0.1:4222
  CONVEYOR_NATS_*, CONVEYOR_TLS_*    credentials and TLS, as for every driver
  RUST_LOG             what it says on standard error, such as debug; default what the
                       runtime does, and warnings of the libraries beneath it";

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(argument) = std::env::args().nth(1) {
        return match argument.as_str() {
            "-h" | "--help" => {
                println!("{HELP}");
                ExitCode::SUCCESS
            }
            _ => {
                eprintln!("git_build: {argument:?} means nothing here; see git_build --help");
                ExitCode::from(2)
            }
        };
    }
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_unset| EnvFilter::new("warn,conveyor_driver=info"));
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).init();

    match DriverManager::default().driver(git_build::driver()).run().await {
        // What it did stands in the log.
        Ok(_report) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
