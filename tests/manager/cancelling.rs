//! A run can be ended early, for a reason: in two steps, and with an answer.

use std::sync::Arc;
use std::time::Duration;

use conveyor_driver::message::{ControlReply, ControlRequest};
use conveyor_driver::stream::{Message, request};
use conveyor_driver::{CancelReason, DriverResult, ErrorCode, RunId, subject};
use conveyor_driver_tests::{Stage, eventually, on_both_streams};
use tokio::sync::Notify;
use tokio::time::Instant;

on_both_streams!(
    a_request_cancels_a_run_and_its_result_says_why,
    a_run_cancelled_from_code_that_does_not_end_is_abandoned_and_answered,
    a_request_that_is_no_request_is_answered_with_what_is_wrong,
    an_event_cancelled_while_it_waits_is_answered_without_a_run,
    a_run_over_its_time_limit_is_cancelled_and_answered,
    a_run_without_progress_is_cancelled_and_answered,
);

async fn ask(stage: &Stage, run: &RunId, body: Vec<u8>) -> conveyor_driver::Result<ControlReply> {
    let subject = subject::control_run(&stage.driver, run).unwrap();
    let answer =
        request(&*stage.stream, Message::new(subject, body), Duration::from_secs(5)).await?;
    Ok(serde_json::from_slice(&answer.payload).unwrap())
}

fn cancel(reason: &str) -> Vec<u8> {
    serde_json::to_vec(&ControlRequest::Cancel { reason: reason.into() }).unwrap()
}

async fn a_request_cancels_a_run_and_its_result_says_why(stage: Stage) {
    let driver = stage.driver().reconcile(async |run| {
        run.log("started").await;
        run.cancellation().cancelled().await;
        assert_eq!(run.cancel_reason(), Some(CancelReason::Requested("obsolete".into())));
        run.check_cancelled()?;
        Ok(DriverResult::success("never"))
    });
    let running = stage.start(driver).await;
    let run = stage.post("app").await;
    eventually("it runs", async || (!stage.log(&run).await.is_empty()).then_some(())).await;
    let reply = ask(&stage, &run, cancel("obsolete")).await.unwrap();
    assert_eq!(reply, ControlReply { cancelled: 1, error: None });
    let result = stage.result().await.result;
    assert_eq!((result.success, &result.data["error"]["type"]), (false, &"Cancelled".into()));
    assert!(result.message.contains("obsolete"));
    stage.all_settled().await;
    assert_eq!(running.drain().await.unwrap().drivers[0].cancelled, 1);
}

async fn a_run_cancelled_from_code_that_does_not_end_is_abandoned_and_answered(stage: Stage) {
    let started = Arc::new(Notify::new());
    let driver = stage.driver_with(|options| options.cancel_grace_ms = 50).reconcile({
        let started = started.clone();
        move |run| {
            let started = started.clone();
            async move {
                if run.resource()?.name == "stubborn" {
                    started.notify_one();
                    std::future::pending::<()>().await;
                }
                Ok(DriverResult::success("next"))
            }
        }
    });
    let running = stage.start(driver).await;
    let run = stage.post("stubborn").await;
    started.notified().await;
    assert_eq!(running.cancel(&RunId::from("another"), "no"), 0);
    assert_eq!(running.cancel(&run, "enough"), 1);
    assert_eq!(running.cancel(&run, "again"), 0);
    assert!(!stage.result().await.result.success);
    // Its permit is free again.
    stage.post("app").await;
    assert_eq!(stage.result().await.result.message, "next");
    let report = running.drain().await.unwrap();
    assert_eq!((report.drivers[0].cancelled, report.drivers[0].abandoned), (1, 1));
}

async fn a_request_that_is_no_request_is_answered_with_what_is_wrong(stage: Stage) {
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("done")));
    let _running = stage.start(driver).await;
    let run = RunId::generate();
    let reply = eventually("it listens", async || match ask(&stage, &run, b"{}".to_vec()).await {
        Ok(reply) => Some(reply),
        Err(error) => {
            assert!([ErrorCode::NotFound, ErrorCode::TimedOut].contains(&error.code()));
            None
        }
    })
    .await;
    assert!(reply.error.is_some());
    // Who does not have the run stays silent.
    let unknown = ask(&stage, &run, cancel("")).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::TimedOut);
}

async fn an_event_cancelled_while_it_waits_is_answered_without_a_run(stage: Stage) {
    let go_on = Arc::new(Notify::new());
    let driver = stage.driver().concurrency(2).reconcile({
        let go_on = go_on.clone();
        move |_| {
            let go_on = go_on.clone();
            async move {
                go_on.notified().await;
                Ok(DriverResult::success("done"))
            }
        }
    });
    let running = stage.start(driver).await;
    stage.post("the-same").await;
    let waiting = stage.post("the-same").await;
    eventually("it is cancelled", async || {
        (running.cancel(&waiting, "not needed") == 1).then_some(())
    })
    .await;
    let second = stage.result().await;
    assert_eq!((second.run_id, second.result.success), (waiting, false));
    go_on.notify_one();
    assert!(stage.result().await.result.success);
    let report = running.drain().await.unwrap();
    assert_eq!((report.drivers[0].succeeded, report.drivers[0].cancelled), (1, 1));
}

async fn a_run_over_its_time_limit_is_cancelled_and_answered(stage: Stage) {
    let driver =
        stage.driver_with(|options| options.run_timeout_ms = Some(200)).reconcile(async |run| {
            run.cancellation().cancelled().await;
            Err(conveyor_driver::Failure::retry("what a cancelled run asks for is not heard"))
        });
    let running = stage.start(driver).await;
    stage.post("app").await;
    let result = stage.result().await.result;
    assert_eq!((result.success, &result.data["error"]["type"]), (false, &"TimedOut".into()));
    stage.all_settled().await;
    assert_eq!(running.drain().await.unwrap().drivers[0].timed_out, 1);
}

async fn a_run_without_progress_is_cancelled_and_answered(stage: Stage) {
    let driver = stage.driver_with(|options| options.progress_timeout_ms = Some(400)).reconcile(
        async |run| {
            let started = Instant::now();
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                run.progress();
            }
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                run.log("a line is progress").await;
            }
            assert!(started.elapsed() >= Duration::from_secs(1));
            std::future::pending().await
        },
    );
    let running = stage.manager().driver(driver).start().await.unwrap();
    let run = stage.post("app").await;
    let result = stage.result().await.result;
    assert_eq!(&result.data["error"]["type"], "TimedOut");
    assert_eq!(stage.log(&run).await.len(), 6);
    let report = running.drain().await.unwrap();
    assert_eq!((report.drivers[0].timed_out, report.drivers[0].abandoned), (1, 1));
}

/// A run that blocks its thread cannot be ended; what it says in the end is ignored and counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_late_result_of_an_abandoned_run_is_ignored_and_counted() {
    let stage = Stage::on_nats().await;
    let (go_on, blocks) = std::sync::mpsc::channel::<()>();
    let blocks = Arc::new(std::sync::Mutex::new(blocks));
    let driver = stage
        .driver_with(|options| {
            options.run_timeout_ms = Some(100);
            options.cancel_grace_ms = 100;
        })
        .reconcile(move |_| {
            let blocks = blocks.clone();
            async move {
                let _went_on = blocks.lock().unwrap().recv();
                Ok(DriverResult::success("too late"))
            }
        });
    let running = stage.start(driver).await;
    stage.post("app").await;
    assert!(!stage.result().await.result.success);
    go_on.send(()).unwrap();
    stage.no_result_for(Duration::from_millis(300)).await;
    let report = running.drain().await.unwrap();
    assert_eq!((report.drivers[0].abandoned, report.drivers[0].late_results), (1, 1));
}
