//! A driver as a process: what signals do to it, and what it weighs.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod fork;
mod weight;

use std::process::Stdio;

use conveyor_driver::message::Resource;
use conveyor_driver::subject;
use conveyor_driver_tests::{Stage, eventually, shared_server};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::process::{Child, Command};

async fn start(stage: &Stage) -> Child {
    start_with(stage, &[]).await
}

async fn start_with(stage: &Stage, environment: &[(&str, &str)]) -> Child {
    let driver = Command::new(env!("CARGO_BIN_EXE_test_driver"))
        .env("CONVEYOR_NATS_URL", shared_server().await)
        .env("DRIVER_NAME", &stage.driver)
        .env("RESOURCE", &stage.resource)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    eventually("the driver is ready", async || {
        stage.stream.consumer("messages", &stage.driver).await.unwrap()
    })
    .await;
    driver
}

fn signal(driver: &Child, signal: Signal) {
    let pid = i32::try_from(driver.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Its exit code and what it printed.
async fn ended(driver: Child) -> (Option<i32>, String) {
    let output = tokio::time::timeout(conveyor_driver_tests::DEADLINE, driver.wait_with_output());
    let output = output.await.expect("an end in time").unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// Posts an event that runs so long, and waits until it runs.
async fn running(stage: &Stage, sleep_ms: Option<u64>) {
    let spec = sleep_ms.map_or(json!({}), |ms| json!({"sleep_ms": ms}));
    let resource = Resource { spec, ..stage.resource("app") };
    let run = stage.post_event("create", &resource, subject::resource(&stage.resource)).await;
    eventually("the run has started", async || (!stage.log(&run).await.is_empty()).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_drains_and_the_run_in_flight_is_answered() {
    for kind in [Signal::INT, Signal::TERM] {
        let stage = Stage::on_nats().await;
        let driver = start(&stage).await;
        running(&stage, Some(1_000)).await;
        signal(&driver, kind);
        let (code, report) = ended(driver).await;
        assert_eq!(code, Some(0));
        assert!(report.contains("1 succeeded"), "{report}");
        assert!(stage.result().await.result.success);
        stage.all_settled().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_signal_drains_and_the_second_ends() {
    let stage = Stage::on_nats().await;
    // Room for a second run, so that it pulls until the first signal: two of a kind that come together
    // are one.
    let mut driver = start_with(&stage, &[("CONCURRENCY", "2")]).await;
    running(&stage, None).await;
    eventually("it pulls", async || (stage.consumer().await.waiting > 0).then_some(())).await;
    signal(&driver, Signal::TERM);
    eventually("it no longer pulls", async || (stage.consumer().await.waiting == 0).then_some(()))
        .await;
    assert!(driver.try_wait().unwrap().is_none(), "it waits for its run");
    signal(&driver, Signal::TERM);
    let (code, report) = ended(driver).await;
    assert_eq!(code, Some(0));
    assert!(report.contains("1 given back"), "{report}");
    // The event is back and another instance may take it at once.
    let taken = stage.driver().reconcile(async |run| {
        Ok(conveyor_driver::DriverResult::success(run.attempt().to_string()))
    });
    let _other = stage.start(taken).await;
    assert_eq!(stage.result().await.result.message, "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_drivers_event_runs_again_after_the_ack_wait() {
    let stage = Stage::on_nats().await;
    let mut driver = start_with(&stage, &[("ACK_WAIT_MS", "1000")]).await;
    running(&stage, None).await;
    driver.kill().await.unwrap();
    let short = stage.driver_with(|options| options.ack_wait_ms = 1_000).reconcile(async |run| {
        Ok(conveyor_driver::DriverResult::success(run.attempt().to_string()))
    });
    let _other = stage.start(short).await;
    assert_eq!(stage.result().await.result.message, "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_a_driver_in_order_that_still_waits_for_its_server() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut driver = Command::new(env!("CARGO_BIN_EXE_test_driver"))
        .env("CONVEYOR_NATS_URL", format!("nats://{}", nobody.local_addr().unwrap()))
        .env("DRIVER_NAME", "early")
        .env("RESOURCE", "early")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // It has come to this connection only after it had begun to listen for signals.
    let (_held, _) = tokio::task::spawn_blocking(move || nobody.accept()).await.unwrap().unwrap();
    assert!(driver.try_wait().unwrap().is_none());
    signal(&driver, Signal::TERM);
    assert_eq!(ended(driver).await.0, Some(0));
}
