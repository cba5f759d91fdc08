//! The candidate: an ordinary driver, as a user would write it.
//!
//! One thread for reconcile, beside the runtime's own. `bench_driver multi-thread` has one for each
//! core instead.

use anyhow::Result;
use conveyor_driver::options::{ConnectionOptions, DriverOptions, ManagerOptions};
use conveyor_driver::{Driver, DriverManager, DriverResult};
use conveyor_driver_bench::{Contract, Work, line, monotonic_us};
use serde_json::json;
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let contract = Contract::from_environment()?;
    let mut runtime = match std::env::args().nth(1).as_deref() {
        Some("multi-thread") => Builder::new_multi_thread(),
        _ => Builder::new_current_thread(),
    };
    runtime.enable_all().build()?.block_on(run(contract))
}

async fn run(contract: Contract) -> Result<()> {
    let options = DriverOptions {
        name: contract.driver,
        resources: vec![contract.resource],
        concurrency: contract.concurrency,
        // The consumer is there before the driver is.
        adopt: true,
        ..DriverOptions::default()
    };
    let work = contract.work;
    let driver = Driver::with_options(options).reconcile(move |run| async move {
        let start_us = monotonic_us();
        run.resource()?;
        match work {
            Work::Drain => {}
            Work::Logs { lines, bytes } => {
                for i in 0..lines {
                    run.log(line(i, bytes)).await;
                }
            }
            Work::Sleep(time) => tokio::time::sleep(time).await,
        }
        Ok(DriverResult::success("ok").data(json!({ "t_start_us": start_us })))
    });
    let connection = ConnectionOptions { url: Some(contract.url), ..Default::default() };
    let options = ManagerOptions { connection, ..ManagerOptions::default() };
    DriverManager::new(options).driver(driver).run().await?;
    Ok(())
}
