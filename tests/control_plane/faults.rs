//! What a control plane does when the stream under it fails.

use std::sync::Arc;
use std::time::Duration;

use conveyor_driver::message::DriverResult;
use conveyor_driver::stream::{MemoryStream, SharedStream};
use conveyor_driver::subject;
use conveyor_driver_cli::control_plane::{ControlPlane, LogQuery};

use super::behaviour::{TYPE, resource, ship};
use super::in_time;
use super::plain_driver::PlainDriver;

/// The control plane's connection and that of the drivers.
fn connections() -> (MemoryStream, SharedStream, SharedStream) {
    let memory = MemoryStream::new();
    let drivers = Arc::new(memory.connection());
    (memory.clone(), Arc::new(memory), drivers)
}

#[tokio::test(start_paused = true)]
async fn lost_receipts_and_acks_double_nothing() {
    in_time(lose_receipts_and_acks()).await;
}

async fn lose_receipts_and_acks() {
    let (memory, stream, drivers) = connections();
    let plane = ControlPlane::start(stream).await.unwrap();
    plane.pipeline(ship());
    let mut fetch = PlainDriver::start(&drivers, "fetch", TYPE).await;
    let mut compile = PlainDriver::start(&drivers, "compile", TYPE).await;
    memory.lose_receipts("pipelines.pipeline.init", 1);
    memory.lose_receipts("drivers.>", 2);
    memory.fail_publishes("drivers.compile.>", 2);
    let run = plane.post(resource("app-1", "ship")).await.unwrap();

    let (_, message) = fetch.receive().await;
    memory.lose_settlements(3);
    fetch.log(&message, 1, "line").await;
    fetch.answer(&message, DriverResult::success("cloned")).await;
    compile.serve(DriverResult::success("built")).await;
    plane.result(&run).await.unwrap();

    while memory.held(subject::PIPELINES_STREAM) + memory.held(subject::LOGS_STREAM) > 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(fetch.is_idle().await && compile.is_idle().await);
    assert_eq!(plane.results(&run).len(), 2);
    assert_eq!(plane.logs(&LogQuery::of_run(&run)).len(), 1);
    plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_cut_connection_is_waited_for() {
    in_time(cut_the_connection()).await;
}

async fn cut_the_connection() {
    let (memory, stream, drivers) = connections();
    let plane = ControlPlane::start(stream).await.unwrap();
    plane.pipeline(ship());
    let mut fetch = PlainDriver::start(&drivers, "fetch", TYPE).await;
    let mut compile = PlainDriver::start(&drivers, "compile", TYPE).await;
    memory.cut();
    let restore = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        memory.restore();
    };
    let (run, ()) = tokio::join!(plane.post(resource("app-1", "ship")), restore);
    let run = run.unwrap();

    let (_, message) = fetch.receive().await;
    memory.cut();
    fetch.answer(&message, DriverResult::success("cloned")).await;
    assert!(compile.is_idle().await);
    tokio::time::sleep(Duration::from_secs(60)).await;
    memory.restore();
    compile.serve(DriverResult::success("built")).await;
    assert_eq!(plane.result(&run).await.unwrap().driver, "compile");
    plane.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_stream_is_made_again() {
    in_time(delete_the_streams()).await;
}

async fn delete_the_streams() {
    let (memory, stream, drivers) = connections();
    let plane = ControlPlane::start(stream).await.unwrap();
    let mut driver = PlainDriver::start(&drivers, "fetch", TYPE).await;
    for name in ["app-1", "app-2"] {
        let run = plane.post(resource(name, "")).await.unwrap();
        driver.serve(DriverResult::success(name)).await;
        plane.result(&run).await.unwrap();
        memory.delete_stream(subject::PIPELINES_STREAM);
        memory.delete_stream(subject::LOGS_STREAM);
        while drivers.stream(subject::PIPELINES_STREAM).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    plane.shutdown().await;
}
