//! What a driver weighs: memory and threads, as the kernel counts them.

use std::future::ready;

use conveyor_driver::message::{DriverMessage, LogEntry, Resource};
use conveyor_driver::stream::Message;
use conveyor_driver::{RunId, subject};
use conveyor_driver_tests::{DEADLINE, Stage};
use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::json;
use tokio::process::Child;
use tokio::time::timeout;

use super::{ended, signal, start_with};

/// A line of the kernel's account of a process, as a number.
fn status(driver: &Child, name: &str) -> u64 {
    let path = format!("/proc/{}/status", driver.id().unwrap());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn resident_mb(driver: &Child) -> u64 {
    status(driver, "VmRSS:") / 1024
}

/// Posts so many events, each for a resource of its own.
async fn post(stage: &Stage, count: usize, sleep_ms: u64) {
    let subject = subject::resource(&stage.resource);
    let numbers: Vec<_> = (0..count).collect();
    for some in numbers.chunks(500) {
        let receipts = some.iter().map(async |n| {
            let spec = json!({"sleep_ms": sleep_ms});
            let resource = Resource { spec, ..stage.resource(&format!("app-{n}")) };
            let message = DriverMessage::new("create", &resource, "", RunId::generate());
            let message = Message::new(&*subject, message.encode());
            stage.stream.publish(message).await.unwrap().await.unwrap();
        });
        join_all(receipts).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_sleeping_runs_take_less_than_100_mb_and_no_thread_each() {
    let stage = Stage::on_nats().await;
    let driver = start_with(&stage, &[("CONCURRENCY", "10000")]).await;
    let lines = stage.stream.subscribe("logs.>").await.unwrap();
    post(&stage, 10_000, 3_600_000).await;
    // Each writes a line when it starts; what the server counts as in flight may not be read yet.
    let of_driver = lines.filter(|line| {
        let entry = LogEntry::decode(&line.payload).unwrap();
        ready(entry.driver == stage.driver)
    });
    let started = of_driver.take(10_000).count();
    assert_eq!(timeout(DEADLINE, started).await.expect("all run in time"), 10_000);
    let (resident, threads) = (resident_mb(&driver), status(&driver, "Threads:"));
    assert!(resident < 100, "{resident} MB");
    assert!(threads < 10, "{threads} threads");
    signal(&driver, rustix::process::Signal::TERM);
    signal(&driver, rustix::process::Signal::INT);
    let (code, report) = ended(driver).await;
    assert_eq!(code, Some(0));
    assert!(report.contains("10000 given back"), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_hundred_thousand_events_the_memory_is_back() {
    let stage = Stage::on_nats().await;
    let driver = start_with(&stage, &[("CONCURRENCY", "64")]).await;
    post(&stage, 1_000, 0).await;
    stage.all_settled().await;
    let before = resident_mb(&driver);
    for _ in 0..10 {
        post(&stage, 10_000, 0).await;
        stage.all_settled().await;
    }
    let after = resident_mb(&driver);
    assert!(after <= before + 10, "{before} MB before, {after} MB after");
    signal(&driver, rustix::process::Signal::TERM);
    let (code, report) = ended(driver).await;
    assert_eq!(code, Some(0));
    assert!(report.contains("101000 succeeded"), "{report}");
}
