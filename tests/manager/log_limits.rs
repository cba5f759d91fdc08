//! The driver logger at its limits: synchronous writers, full buffers, sizes that change.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::odd_stream::Odd;
use conveyor_driver::message::LogEntry;
use conveyor_driver::options::ManagerOptions;
use conveyor_driver::subject::{LOGS_STREAM, PIPELINES_STREAM};
use conveyor_driver::{DriverManager, DriverResult, LogLine, RunLog};
use conveyor_driver_tests::{Stage, in_real_time};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

#[test]
fn a_synchronous_burst_of_lines_ends() {
    in_real_time(2, Duration::from_secs(30), || async {
        let stage = Stage::on_memory().await;
        let driver = stage.driver_with(|o| o.log_buffer_bytes = 65_536).reconcile(async |run| {
            for _ in 0..20_000 {
                run.logger().write_blocking("x".repeat(1_000));
            }
            Ok(DriverResult::success("done"))
        });
        let options = ManagerOptions { signals: false, ..ManagerOptions::default() };
        let manager = DriverManager::new(options).stream(stage.stream.clone()).driver(driver);
        let _running = manager.start().await.unwrap();
        stage.post("app").await;
        stage.result().await;
    });
}

#[test]
fn a_synchronous_burst_of_lines_ends_on_a_given_connection_of_one_thread() {
    in_real_time(1, Duration::from_secs(30), || async {
        let stage = Stage::on_nats().await;
        let driver = stage.driver_with(|o| o.log_buffer_bytes = 65_536).reconcile(async |run| {
            for _ in 0..200 {
                run.logger().write_blocking("x".repeat(1_000));
            }
            Ok(DriverResult::success("done"))
        });
        let _running = stage.start(driver).await;
        stage.post("app").await;
        stage.result().await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_log_that_outlives_its_manager_does_not_hold_its_writer() {
    let stage = Stage::on_memory().await;
    let kept: Arc<Mutex<Option<RunLog>>> = Arc::default();
    let keeps = kept.clone();
    let driver = stage.driver_with(|o| o.log_buffer_bytes = 65_536).reconcile(move |run| {
        *keeps.lock().unwrap() = Some(run.logger().clone());
        async { Ok(DriverResult::success("done")) }
    });
    let running = stage.start(driver).await;
    stage.post("app").await;
    stage.result().await;
    running.drain().await.unwrap();
    let log = kept.lock().unwrap().take().unwrap();
    let writes = async {
        for _ in 0..1_000 {
            log.write("x".repeat(1_000)).await;
        }
        log.flush().await;
    };
    assert!(timeout(Duration::from_secs(600), writes).await.is_ok(), "the writer waits for ever");
}

#[tokio::test(start_paused = true)]
async fn labels_count_towards_the_log_buffer() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let counts = written.clone();
    let driver = stage.driver_with(|o| o.log_buffer_bytes = 65_536).reconcile(move |run| {
        let counts = counts.clone();
        async move {
            for _ in 0..200 {
                let dump = "x".repeat(100_000);
                counts.fetch_add(dump.len(), Ordering::AcqRel);
                run.log(LogLine::from("a line").label("dump", dump)).await;
            }
            Ok(DriverResult::success("done"))
        }
    });
    let running = stage.start(driver).await;
    memory.fail_publishes("logs.>", usize::MAX);
    stage.post("app").await;
    sleep(Duration::from_secs(5)).await;
    let waiting = written.load(Ordering::Acquire);
    running.stop_handle().end_now();
    assert!(waiting < 1_000_000, "{waiting} bytes wait in a buffer of 64 KiB");
}

#[tokio::test(start_paused = true)]
async fn a_lower_payload_limit_loses_no_line() {
    let odd = Odd::new().await;
    let stage = odd.stage().await;
    let go_on = Arc::new(Notify::new());
    let goes = go_on.clone();
    let driver = stage.driver().reconcile(move |run| {
        let goes = goes.clone();
        async move {
            goes.notified().await;
            run.log("x".repeat(500_000)).await;
            Ok(DriverResult::success("done"))
        }
    });
    let _running = stage.start(driver).await;
    stage.post("app").await;
    odd.limit.store(100_000, Ordering::Release);
    go_on.notify_one();
    stage.result().await;
    let stored: usize = odd
        .memory
        .messages(LOGS_STREAM)
        .iter()
        .map(|line| LogEntry::decode(&line.payload).unwrap().message.len())
        .sum();
    assert_eq!(stored, 500_000);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_the_stream_refuses_for_its_size_does_not_stop_the_driver() {
    let odd = Odd::new().await;
    let stage = odd.stage().await;
    odd.stream_limit.store(100_000, Ordering::Release);
    let driver = stage.driver_with(|o| o.concurrency = 2).reconcile(async |run| {
        let long = run.resource()?.name == "long";
        run.log("x".repeat(if long { 500_000 } else { 5 })).await;
        Ok(DriverResult::success("done"))
    });
    let _running = stage.start(driver).await;
    stage.post("long").await;
    stage.post("short").await;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(odd.memory.held(PIPELINES_STREAM), 2, "answered within ten minutes");
}

#[tokio::test(start_paused = true)]
async fn lines_that_are_cut_keep_within_the_log_window() {
    for (refused_by_the_server, window) in [(false, 1), (true, 1), (false, 4), (true, 4)] {
        let odd = Odd::new().await;
        let stage = odd.stage().await;
        let driver = stage.driver_with(|o| o.log_window = window).reconcile({
            let odd = odd.clone();
            move |run| {
                let odd = odd.clone();
                async move {
                    for line in ["a", "b", "c", "d", "e"] {
                        run.log(line.repeat(40_000)).await;
                    }
                    // They are queued, and whole, before the limit is known.
                    let limit = if refused_by_the_server { &odd.limit } else { &odd.stream_limit };
                    limit.store(10_000, Ordering::Release);
                    Ok(DriverResult::success("done"))
                }
            }
        });
        let _running = stage.start(driver).await;
        stage.post("app").await;
        sleep(Duration::from_secs(600)).await;
        assert_eq!(odd.memory.held(PIPELINES_STREAM), 1, "answered within ten minutes");
        let most = odd.most_open_lines.load(Ordering::Acquire);
        assert_eq!(most, window as usize, "the window is used, and never exceeded");
        let mut entries: Vec<_> = odd
            .memory
            .messages(LOGS_STREAM)
            .iter()
            .map(|line| LogEntry::decode(&line.payload).unwrap())
            .collect();
        entries.sort_by(|a, b| a.timestamp.cmp(&b.timestamp));
        let text: String = entries.into_iter().map(|entry| entry.message).collect();
        assert_eq!(text, ["a", "b", "c", "d", "e"].map(|line| line.repeat(40_000)).concat());
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_that_the_stream_refuses_for_its_size_is_shortened() {
    let odd = Odd::new().await;
    let stage = odd.stage().await;
    odd.stream_limit.store(100_000, Ordering::Release);
    let driver = stage
        .driver()
        .reconcile(async |_| Ok(DriverResult::success("done").data("x".repeat(500_000))));
    let _running = stage.start(driver).await;
    stage.post("app").await;
    sleep(Duration::from_secs(600)).await;
    let answered = odd.memory.held(PIPELINES_STREAM)
        + odd.memory.held(conveyor_driver::subject::DEAD_LETTERS_STREAM);
    assert_eq!(answered, 1, "neither answered nor a dead letter within ten minutes");
}
