//! Every event is answered once, whatever reconcile does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use conveyor_driver::message::{DriverMessage, Resource, ResultEvent};
use conveyor_driver::{DriverResult, Failure, RunId, subject};
use conveyor_driver_tests::{Stage, eventually, on_both_streams};
use serde_json::json;

on_both_streams!(
    a_result_carries_what_reconcile_returned_and_echoes_the_resource,
    an_error_becomes_a_failed_result_with_type_and_message,
    a_panic_becomes_a_failed_result_and_the_driver_lives_on,
    an_event_without_a_run_id_is_answered,
    broadcast_events_that_are_not_wanted_are_ignored_and_addressed_ones_always_run,
    a_result_above_the_payload_limit_is_shortened_and_sent,
    the_payload_reaches_reconcile_unchanged,
);

async fn a_result_carries_what_reconcile_returned_and_echoes_the_resource(stage: Stage) {
    let driver = stage.driver().reconcile(async |run| {
        Ok(DriverResult::success("done").data(json!({"name": run.resource()?.name})))
    });
    let running = stage.start(driver).await;
    let resource = Resource { pipeline: "ship".into(), ..stage.resource("app") };
    let subject = subject::driver(&stage.driver, &stage.resource);
    let run = stage.post_event("process", &resource, subject).await;
    let expected = ResultEvent {
        run_id: run,
        resource,
        driver: stage.driver.clone(),
        result: DriverResult::success("done").data(json!({"name": "app"})),
    };
    assert_eq!(stage.result().await, expected);
    stage.all_settled().await;
    assert_eq!(running.drain().await.unwrap().drivers[0].succeeded, 1);
}

async fn an_error_becomes_a_failed_result_with_type_and_message(stage: Stage) {
    let driver = stage.driver().reconcile(async |_| {
        let number: i32 = "x".parse()?;
        Ok(DriverResult::success(number.to_string()))
    });
    let _running = stage.start(driver).await;
    let run = stage.post("app").await;
    let result = stage.result().await.result;
    assert!(!result.success);
    assert_eq!(result.data["error"]["type"], "core::num::error::ParseIntError");
    let log = stage.log(&run).await;
    assert_eq!(log.last().unwrap().labels["level"], "error");
    stage.all_settled().await;
}

async fn a_panic_becomes_a_failed_result_and_the_driver_lives_on(stage: Stage) {
    let calls = Arc::new(AtomicU32::new(0));
    let driver = stage.driver().reconcile(move |_| {
        let call = calls.fetch_add(1, Ordering::AcqRel);
        async move {
            match call {
                0 => panic!("with text"),
                1 => std::panic::panic_any(5_u8),
                _ => Ok(DriverResult::success("still here")),
            }
        }
    });
    let _running = stage.start(driver).await;
    for text in [Some("with text"), None] {
        stage.post("app").await;
        let result = stage.result().await.result;
        assert_eq!(result.data["error"]["type"], "panic");
        assert!(text.is_none_or(|text| result.message == text));
    }
    stage.post("app").await;
    assert!(stage.result().await.result.success);
}

async fn an_event_without_a_run_id_is_answered(stage: Stage) {
    let driver = stage.driver().reconcile(async |run| {
        run.log("nowhere to go").await;
        Ok(DriverResult::success("done"))
    });
    let _running = stage.start(driver).await;
    let message = DriverMessage::new("create", &stage.resource("app"), "1", RunId::from(""));
    stage.publish(&subject::resource(&stage.resource), message.encode()).await;
    let result = stage.result().await;
    assert_eq!(result.run_id.as_str(), "");
    assert!(result.result.success);
    stage.all_settled().await;
}

async fn broadcast_events_that_are_not_wanted_are_ignored_and_addressed_ones_always_run(
    stage: Stage,
) {
    let driver = stage
        .driver()
        .events(["create"])
        .reconcile(async |run| Ok(DriverResult::success(run.event())));
    let running = stage.start(driver).await;
    let resource = stage.resource("app");
    stage.post_event("update", &resource, subject::resource(&stage.resource)).await;
    stage.post_event("create", &resource, subject::resource(&stage.resource)).await;
    let addressed = subject::driver(&stage.driver, &stage.resource);
    stage.post_event("update", &resource, addressed).await;
    assert_eq!(stage.result().await.result.message, "create");
    assert_eq!(stage.result().await.result.message, "update");
    stage.all_settled().await;
    let report = running.drain().await.unwrap();
    assert_eq!((report.drivers[0].ignored, report.drivers[0].succeeded), (1, 2));
}

async fn a_result_above_the_payload_limit_is_shortened_and_sent(stage: Stage) {
    let driver = stage
        .driver()
        .reconcile(async |_| Ok(DriverResult::success("done").data("x".repeat(2 * 1024 * 1024))));
    let _running = stage.start(driver).await;
    stage.post("app").await;
    let event = stage.result().await;
    assert!(event.result.success);
    assert!(event.result.data["left_out"]["bytes"].as_u64().unwrap() > 2 * 1024 * 1024);
    assert_eq!(event.resource.name, "app");
    stage.all_settled().await;
}

async fn the_payload_reaches_reconcile_unchanged(stage: Stage) {
    const PAYLOAD: &str = r#"{ "name":"app", "spec":{"z":9007199254740993.10,"a":1} }"#;
    let driver = stage.driver().reconcile(async |run| {
        assert_eq!(run.payload(), PAYLOAD);
        Ok(DriverResult::success("same"))
    });
    let _running = stage.start(driver).await;
    for payload in [PAYLOAD.to_owned(), json!(PAYLOAD).to_string()] {
        let message = format!(r#"{{"event":"create","run_id":"r","id":"1","payload":{payload}}}"#);
        stage.publish(&subject::resource(&stage.resource), message).await;
        assert_eq!(stage.result().await.result.message, "same");
    }
}

/// The result is stored, then the event acknowledged; never the other way round.
#[tokio::test(start_paused = true)]
async fn while_the_result_cannot_be_stored_the_event_is_not_acknowledged() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let _running = stage.start(driver).await;
    memory.fail_publishes("pipelines.>", 40);
    stage.post("app").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.consumer().await.ack_pending, 1);
    assert!(stage.result().await.result.success);
    stage.all_settled().await;
    assert_eq!(memory.held(subject::PIPELINES_STREAM), 1);
}

#[tokio::test(start_paused = true)]
async fn a_result_whose_receipt_was_lost_is_stored_once() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let _running = stage.start(driver).await;
    memory.lose_receipts("pipelines.>", 3);
    stage.post("app").await;
    stage.all_settled().await;
    assert_eq!(memory.held(subject::PIPELINES_STREAM), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_ack_was_lost_is_acknowledged_again_and_not_run_again() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage
        .driver_with(|options| options.ack_wait_ms = 1_000)
        .reconcile(async |_| Ok(DriverResult::success("done")));
    let running = stage.start(driver).await;
    memory.lose_settlements(5);
    stage.post("app").await;
    stage.all_settled().await;
    let report = running.drain().await.unwrap();
    assert_eq!(report.drivers[0].succeeded, 1);
    assert!(report.drivers[0].answered_before > 0, "{report}");
    assert_eq!(memory.held(subject::PIPELINES_STREAM), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_ack_is_sent_again() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let running = stage.start(driver).await;
    memory.lose_settlements(1);
    stage.post("app").await;
    stage.result().await;
    running.drain().await.unwrap();
    eventually("the event is gone", async || {
        (memory.held(subject::MESSAGES_STREAM) == 0).then_some(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn failed_and_retry_carry_what_the_driver_says() {
    let stage = Stage::on_memory().await;
    let driver = stage
        .driver()
        .reconcile(async |_| Err(Failure::failed("no disk").data(json!({"free_bytes": 0}))));
    let _running = stage.start(driver).await;
    stage.post("app").await;
    let result = stage.result().await.result;
    assert_eq!((result.success, result.message.as_str()), (false, "no disk"));
    assert_eq!(result.data["free_bytes"], 0);
}
