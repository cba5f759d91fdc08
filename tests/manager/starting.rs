//! A start says all that is wrong at once, waits for what may come, and gives up when told.

use std::sync::Arc;
use std::time::Duration;

use conveyor_driver::options::{DriverOptions, ManagerOptions};
use conveyor_driver::stream::{EventStream, MemoryStream, StreamConfig};
use conveyor_driver::subject::MESSAGES_STREAM;
use conveyor_driver::{Driver, DriverManager, DriverResult, ErrorCode};
use conveyor_driver_tests::{Stage, eventually};
use futures_util::FutureExt;

fn driver(options: DriverOptions) -> Driver {
    Driver::with_options(options).reconcile(async |_| Ok(DriverResult::success("done")))
}

fn named(name: &str, resources: &[&str]) -> Driver {
    driver(DriverOptions {
        name: name.into(),
        resources: resources.iter().map(|&resource| resource.to_owned()).collect(),
        ..DriverOptions::default()
    })
}

fn quiet() -> ManagerOptions {
    ManagerOptions { signals: false, ..ManagerOptions::default() }
}

#[tokio::test]
async fn every_fault_of_every_driver_is_reported_at_once() {
    let mut options = quiet();
    options.connection.url = Some("http://nowhere".into());
    let error = DriverManager::new(options)
        .driver(named("a.b", &["x", "x"]))
        .driver(named("git", &[]))
        .driver(named("git", &["r"]))
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::OptionsInvalid);
    let paths: Vec<_> = error.context().iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "connection.url",
            "drivers[0].name",
            "drivers[0].resources[1]",
            "drivers[1].resources",
            "drivers[2].name"
        ]
    );
}

#[tokio::test]
async fn a_manager_without_drivers_is_a_fault() {
    let error = DriverManager::new(quiet()).start().await.unwrap_err();
    assert_eq!(error.context()[0].0, "drivers");
}

#[tokio::test(start_paused = true)]
async fn a_missing_stream_is_waited_for() {
    let memory = MemoryStream::new();
    let manager = DriverManager::new(quiet())
        .stream(Arc::new(memory.clone()))
        .in_place()
        .driver(named("git", &["repo"]));
    let start = tokio::spawn(manager.start());
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    assert!(!start.is_finished());
    for config in StreamConfig::of_control_plane() {
        memory.put_stream(&config).await.unwrap();
    }
    let running = start.await.unwrap().unwrap();
    running.drain().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_does_not_come_in_time_is_unavailable() {
    let mut options = quiet();
    options.connection.connect_timeout_ms = Some(10_000);
    let started = tokio::time::Instant::now();
    let error = DriverManager::new(options)
        .stream(Arc::new(MemoryStream::new()))
        .in_place()
        .driver(named("git", &["repo"]))
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert!(started.elapsed() >= std::time::Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_waits_can_be_stopped() {
    let manager = DriverManager::new(quiet())
        .stream(Arc::new(MemoryStream::new()))
        .in_place()
        .driver(named("git", &["repo"]));
    manager.stop_handle().drain();
    assert_eq!(manager.start().await.unwrap_err().code(), ErrorCode::Closed);
}

#[tokio::test]
async fn a_manager_stopped_before_its_start_does_not_start_however_near_its_stream_is() {
    let stage = Stage::on_memory().await;
    for _ in 0..50 {
        let manager = DriverManager::new(quiet())
            .stream(stage.stream.clone())
            .driver(named("git", &["repo"]));
        manager.stop_handle().drain();
        assert_eq!(manager.start().await.unwrap_err().code(), ErrorCode::Closed);
    }
}

#[tokio::test]
async fn an_unreachable_server_is_unavailable_after_the_connect_timeout() {
    let mut options = quiet();
    options.connection.url = Some("nats://127.0.0.1:9".into());
    options.connection.connect_timeout_ms = Some(300);
    let error =
        DriverManager::new(options).driver(named("git", &["repo"])).run().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
}

/// The whole way that a user takes: options, connection, run, stop.
#[tokio::test]
async fn a_manager_connects_by_its_options() {
    let stage = Stage::on_nats().await;
    let mut options = quiet();
    options.connection.url = Some(conveyor_driver_tests::shared_server().await.to_owned());
    let manager = DriverManager::new(options)
        .driver(stage.driver().reconcile(async |_| Ok(DriverResult::success("done"))));
    let running = manager.start().await.unwrap();
    stage.post("app").await;
    assert!(stage.result().await.result.success);
    assert_eq!(running.drain().await.unwrap().drivers[0].succeeded, 1);
}

/// A busy host may look at its start only after all is over.
#[tokio::test(start_paused = true)]
async fn a_manager_that_was_stopped_before_anybody_saw_it_ready_reports_what_it_did() {
    let stage = Stage::on_memory().await;
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let manager = stage.manager().driver(driver);
    let stop = manager.stop_handle();
    let mut start = Box::pin(manager.start());
    assert!((&mut start).now_or_never().is_none());
    eventually("it receives events", async || {
        stage.stream.consumer(MESSAGES_STREAM, &stage.driver).await.unwrap()
    })
    .await;
    stage.post("app").await;
    stage.result().await;
    stop.drain();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let report = start.await.unwrap().wait().await.unwrap();
    assert_eq!(report.drivers[0].succeeded, 1);
}
