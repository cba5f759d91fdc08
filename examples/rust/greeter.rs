//! The first driver. It needs no server: event stream and control plane are in this process.
//!
//! `cargo run --example greeter`
#![allow(clippy::print_stdout)] // It talks to who runs it.

use std::sync::Arc;

use conveyor_driver::message::Resource;
use conveyor_driver::stream::MemoryStream;
use conveyor_driver::{Driver, DriverManager, DriverResult, Result};
use conveyor_driver_cli::control_plane::{ControlPlane, LogQuery};

#[tokio::main]
async fn main() -> Result<()> {
    let greeter = Driver::new("greeter").resources(["greeting"]).reconcile(async |run| {
        let name = &run.resource()?.name;
        run.log(format!("greeting {name}")).await;
        Ok(DriverResult::success(format!("hello, {name}")))
    });

    let stream = Arc::new(MemoryStream::new());
    let control_plane = ControlPlane::start(stream.clone()).await?;
    let drivers = DriverManager::default().driver(greeter).stream(stream).start().await?;

    let ada = Resource { name: "Ada".into(), resource: "greeting".into(), ..Default::default() };
    let run = control_plane.post(ada).await?;
    for line in control_plane.logs_reaching(&LogQuery::of_run(&run), 1).await? {
        println!("{}: {}", line.driver, line.message);
    }
    println!("result: {}", control_plane.result(&run).await?.result.message);
    println!("drained: {}", drivers.drain().await?);
    Ok(())
}
