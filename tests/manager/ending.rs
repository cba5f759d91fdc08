//! The end always comes, whatever does not answer.

use std::sync::Arc;
use std::time::Duration;

use conveyor_driver::options::ManagerOptions;
use conveyor_driver::stream::StreamConfig;
use conveyor_driver::subject::DRIVER_RESULT;
use conveyor_driver::{DriverManager, DriverResult};
use conveyor_driver_cli::nats_server::NatsServer;
use conveyor_driver_tests::{Stage, connect, in_real_time};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn ending_now_ends_also_when_the_log_buffer_is_full() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver_with(|o| o.log_buffer_bytes = 65_536).reconcile(async |run| {
        loop {
            run.log("x".repeat(1_000)).await;
        }
    });
    let running = stage.start(driver).await;
    memory.fail_publishes("logs.>", usize::MAX);
    stage.post("app").await;
    sleep(Duration::from_secs(5)).await;
    running.stop_handle().end_now();
    let report = timeout(Duration::from_secs(600), running.wait()).await;
    assert!(report.is_ok(), "did not end within ten minutes of end_now");
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_when_results_cannot_be_stored() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let running = stage.start(driver).await;
    memory.fail_publishes(DRIVER_RESULT, usize::MAX);
    stage.post("app").await;
    sleep(Duration::from_secs(5)).await;
    let report = timeout(Duration::from_secs(3_600), running.drain()).await;
    assert!(report.is_ok(), "did not end within an hour of the drain");
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_when_log_lines_cannot_be_stored() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver().reconcile(async |run| {
        run.log("one").await;
        Ok(DriverResult::success("done"))
    });
    let running = stage.start(driver).await;
    memory.fail_publishes("logs.>", usize::MAX);
    stage.post("app").await;
    sleep(Duration::from_secs(5)).await;
    let report = timeout(Duration::from_secs(3_600), running.drain()).await;
    assert!(report.is_ok(), "did not end within an hour of the drain");
}

#[test]
fn ending_now_ends_also_while_the_server_is_away() {
    in_real_time(2, Duration::from_secs(60), || async {
        let mut server = NatsServer::start().await.unwrap();
        let stream = connect(&server.url()).await;
        for config in StreamConfig::of_control_plane() {
            stream.put_stream(&config).await.unwrap();
        }
        let stage = Stage::on(stream, None).await;
        let started = Arc::new(Notify::new());
        let says = started.clone();
        let driver = stage.driver().reconcile(move |_| {
            says.notify_one();
            std::future::pending()
        });
        let mut options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        options.connection.url = Some(server.url());
        let running = DriverManager::new(options).driver(driver).start().await.unwrap();
        stage.post("app").await;
        started.notified().await;
        server.kill();
        sleep(Duration::from_millis(500)).await;
        running.stop_handle().end_now();
        let report = timeout(Duration::from_secs(25), running.wait()).await;
        assert!(report.is_ok(), "did not end within 25 s of end_now");
    });
}
