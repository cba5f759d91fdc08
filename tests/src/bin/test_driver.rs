//! A driver as a process of its own, for the tests that signal, stop and kill it.
//!
//! Environment: `CONVEYOR_NATS_URL`, `DRIVER_NAME`, `RESOURCE`; `ACK_WAIT_MS` and `CONCURRENCY` when not the
//! defaults. Its reconcile writes one line and then waits for ever or, when the resource's spec says
//! `{"sleep_ms": n}`, so long. It prints its report at the end.
#![allow(clippy::print_stdout)]

use std::time::Duration;

use conveyor_driver::options::{DriverOptions, ManagerOptions};
use conveyor_driver::{Driver, DriverManager, DriverResult, Error, ErrorCode, Result};

fn variable(name: &str) -> Result<String> {
    std::env::var(name).map_err(|error| {
        Error::new(ErrorCode::OptionsInvalid, format!("{name} is not set")).with_source(error)
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let defaults = DriverOptions::default();
    let number = |name| variable(name).ok().and_then(|number| number.parse().ok());
    let options = DriverOptions {
        name: variable("DRIVER_NAME")?,
        resources: vec![variable("RESOURCE")?],
        ack_wait_ms: number("ACK_WAIT_MS").unwrap_or(defaults.ack_wait_ms),
        concurrency: number("CONCURRENCY")
            .and_then(|runs| runs.try_into().ok())
            .unwrap_or(defaults.concurrency),
        ..defaults
    };
    let driver = Driver::with_options(options).reconcile(async |run| {
        run.log("started").await;
        match run.resource()?.spec["sleep_ms"].as_u64() {
            Some(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            None => std::future::pending().await,
        }
        Ok(DriverResult::success("done"))
    });
    let report = DriverManager::new(ManagerOptions::default()).driver(driver).run().await?;
    println!("{report}");
    Ok(())
}
