//! The driver logger: every line once, in order, before the result.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use conveyor_driver::message::{LogEntry, Resource};
use conveyor_driver::subject::{self, LOGS_STREAM, PIPELINES_STREAM};
use conveyor_driver::{DriverResult, Level, LogLine};
use conveyor_driver_tests::{Stage, eventually, on_both_streams};
use futures_util::StreamExt;
use serde_json::json;

on_both_streams!(
    lines_are_complete_in_order_and_strictly_rising,
    a_line_has_what_the_log_store_needs,
    a_long_line_is_split_and_nothing_of_it_is_lost,
    listeners_get_each_line_live,
    labels_that_are_too_large_are_left_out_and_the_line_is_kept,
);

async fn lines_are_complete_in_order_and_strictly_rising(stage: Stage) {
    let driver = stage.driver_with(|options| options.log_window = 16).reconcile(async |run| {
        for n in 0..2_000 {
            run.log(format!("line {n}")).await;
        }
        Ok(DriverResult::success("done"))
    });
    let _running = stage.start(driver).await;
    let run = stage.post("app").await;
    stage.result().await;
    let log = stage.log(&run).await;
    assert_eq!(log.len(), 2_000);
    for (n, entry) in log.iter().enumerate() {
        assert_eq!(entry.message, format!("line {n}"));
    }
    assert!(log.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp));
}

async fn a_line_has_what_the_log_store_needs(stage: Stage) {
    let driver = stage.driver().reconcile(async |run| {
        run.log("\u{1b}[1mhello\u{1b}[0m\nworld").await;
        let line = LogLine::new(Level::Warning, "careful").label("disk", "sda");
        run.log(line.label("free_bytes", 7).label("level", "mine")).await;
        Ok(DriverResult::success("done"))
    });
    let _running = stage.start(driver).await;
    let resource = Resource { pipeline: "ship".into(), ..stage.resource("app") };
    let run = stage.post_event("create", &resource, subject::resource(&stage.resource)).await;
    stage.result().await;
    let log = stage.log(&run).await;
    let expected = LogEntry {
        runid: run,
        driver: stage.driver.clone(),
        pipeline: "ship".into(),
        timestamp: log[0].timestamp.clone(),
        message: "\u{1b}[1mhello\u{1b}[0m\nworld".into(),
        labels: json!({"level": "info"}).as_object().unwrap().clone(),
    };
    assert_eq!(log[0], expected);
    assert_eq!(expected.timestamp.len(), "2026-01-01T00:00:00.000000001Z".len());
    assert!(expected.timestamp.ends_with('Z'));
    let labels = json!({"level": "warning", "disk": "sda", "free_bytes": 7});
    assert_eq!(&log[1].labels, labels.as_object().unwrap());
}

async fn a_long_line_is_split_and_nothing_of_it_is_lost(stage: Stage) {
    let text: String = "\u{e4}\u{1}\"".repeat(700_000);
    let driver = stage.driver().reconcile({
        let text = text.clone();
        move |run| {
            let text = text.clone();
            async move {
                run.log(text).await;
                run.log("").await;
                Ok(DriverResult::success("done"))
            }
        }
    });
    let _running = stage.start(driver).await;
    let run = stage.post("app").await;
    stage.result().await;
    let log = stage.log(&run).await;
    assert!(log.len() > 3);
    let (empty, pieces) = log.split_last().unwrap();
    assert_eq!(empty.message, "");
    assert!(pieces.iter().map(|entry| entry.message.as_str()).collect::<String>() == text);
}

async fn listeners_get_each_line_live(stage: Stage) {
    let mut live = stage.stream.subscribe(&format!("live.logs.*.{}", stage.driver)).await.unwrap();
    stage.stream.flush().await.unwrap();
    let driver = stage.driver().reconcile(async |run| {
        for n in 0..20 {
            run.logger().debug(format!("line {n}")).await;
        }
        Ok(DriverResult::success("done"))
    });
    let _running = stage.start(driver).await;
    stage.post("app").await;
    stage.result().await;
    for n in 0..20 {
        let message = live.next().await.unwrap();
        let entry = LogEntry::decode(&message.payload).unwrap();
        assert_eq!((entry.message, &entry.labels["level"]), (format!("line {n}"), &json!("debug")));
    }
}

async fn labels_that_are_too_large_are_left_out_and_the_line_is_kept(stage: Stage) {
    let driver = stage.driver().reconcile(async |run| {
        run.log(LogLine::from("kept").label("dump", "x".repeat(2_000_000))).await;
        Ok(DriverResult::success("done"))
    });
    let _running = stage.start(driver).await;
    let run = stage.post("app").await;
    stage.result().await;
    let log = stage.log(&run).await;
    assert_eq!((log.len(), log[0].message.as_str()), (1, "kept"));
}

#[tokio::test(start_paused = true)]
async fn while_lines_cannot_be_stored_the_result_waits_and_none_is_lost_or_moved() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver_with(|options| options.log_window = 8).reconcile(async |run| {
        for n in 0..100 {
            run.log(format!("line {n}")).await;
        }
        Ok(DriverResult::success("done"))
    });
    let _running = stage.start(driver).await;
    memory.fail_publishes("logs.>", 10);
    memory.lose_receipts("logs.>", 10);
    stage.post("app").await;
    stage.result().await;
    let stored = memory.messages(LOGS_STREAM);
    let mut lines: Vec<_> =
        stored.iter().map(|line| LogEntry::decode(&line.payload).unwrap()).collect();
    // What the log store sorts by.
    lines.sort_by(|a, b| a.timestamp.cmp(&b.timestamp));
    let expected: Vec<_> = (0..100).map(|n| format!("line {n}")).collect();
    assert_eq!(lines.iter().map(|line| line.message.clone()).collect::<Vec<_>>(), expected);
}

#[tokio::test(start_paused = true)]
async fn when_the_buffer_is_full_the_writer_waits() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let written = Arc::new(AtomicU32::new(0));
    let driver = stage.driver_with(|options| options.log_buffer_bytes = 65_536).reconcile({
        let written = written.clone();
        move |run| {
            let written = written.clone();
            async move {
                for _ in 0..1_000 {
                    run.log("x".repeat(1_000)).await;
                    written.fetch_add(1, Ordering::AcqRel);
                }
                Ok(DriverResult::success("done"))
            }
        }
    });
    let _running = stage.start(driver).await;
    memory.fail_publishes("logs.>", 2_000);
    stage.post("app").await;
    eventually("lines are written", async || (written.load(Ordering::Acquire) > 0).then_some(()))
        .await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let waiting_after = written.load(Ordering::Acquire);
    assert!(waiting_after < 66, "{waiting_after} lines of 1 kB in a buffer of 64 KiB");
    assert_eq!(memory.held(PIPELINES_STREAM), 0);
    stage.result().await;
    assert_eq!(memory.held(LOGS_STREAM), 1_000);
}

#[tokio::test(start_paused = true)]
async fn lines_that_cannot_be_stored_before_the_end_are_counted() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver().reconcile(async |run| {
        run.log("never stored").await;
        std::future::pending().await
    });
    let running = stage.start(driver).await;
    memory.fail_publishes("logs.>", usize::MAX);
    stage.post("app").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    running.stop_handle().end_now();
    let report = running.wait().await.unwrap();
    // The line, and the one that says that the run was cut short.
    assert_eq!(report.drivers[0].log_lines_unsent, 2);
    assert_eq!(report.drivers[0].given_back, 1);
}
