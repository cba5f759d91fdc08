//! Retries are counted by delivery and end; an event that kills its process does not come for ever.

use std::time::Duration;

use conveyor_driver::stream::Settlement;
use conveyor_driver::subject::{DEAD_LETTERS_STREAM, MESSAGES_STREAM, REASON_HEADER};
use conveyor_driver::{DriverResult, Failure};
use conveyor_driver_tests::{Stage, on_both_streams};
use tokio::time::Instant;

on_both_streams!(
    a_retry_comes_again_and_can_succeed,
    after_the_last_attempt_the_event_is_answered_with_a_failure,
);

async fn a_retry_comes_again_and_can_succeed(stage: Stage) {
    let driver =
        stage.driver_with(|options| options.retry_initial_ms = 10).reconcile(async |run| {
            if run.attempt() < 3 {
                return Err(Failure::retry("not yet"));
            }
            Ok(DriverResult::success(format!("at attempt {}", run.attempt())))
        });
    let running = stage.start(driver).await;
    let run = stage.post("app").await;
    assert_eq!(stage.result().await.result.message, "at attempt 3");
    let log = stage.log(&run).await;
    assert_eq!(log.iter().filter(|line| line.labels["level"] == "warning").count(), 2);
    stage.all_settled().await;
    let report = running.drain().await.unwrap();
    assert_eq!((report.drivers[0].retried, report.drivers[0].succeeded), (2, 1));
}

async fn after_the_last_attempt_the_event_is_answered_with_a_failure(stage: Stage) {
    let options = |options: &mut conveyor_driver::options::DriverOptions| {
        options.retry_initial_ms = 10;
        options.max_attempts = 3;
    };
    let driver = stage.driver_with(options).reconcile(async |_| Err(Failure::retry("still not")));
    let running = stage.start(driver).await;
    stage.post("app").await;
    let result = stage.result().await.result;
    assert!(!result.success);
    assert_eq!(result.data["error"]["type"], "RetriesExhausted");
    stage.all_settled().await;
    let report = running.drain().await.unwrap();
    assert_eq!((report.drivers[0].retried, report.drivers[0].failed), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_delay_is_the_one_asked_for_or_grows() {
    let stage = Stage::on_memory().await;
    let started = Instant::now();
    let driver = stage.driver().reconcile(async |run| match run.attempt() {
        1 => Err(Failure::retry("asked for").after(Duration::from_secs(1_000))),
        2 | 3 => Err(Failure::retry("grows")),
        _ => Ok(DriverResult::success("done")),
    });
    let _running = stage.start(driver).await;
    stage.post("app").await;
    stage.result().await;
    let waited = started.elapsed() - Duration::from_secs(1_000);
    // The second delay is from 1 s to 2 s, the third from 2 s to 4 s.
    assert!(waited >= Duration::from_secs(3) && waited < Duration::from_secs(7), "{waited:?}");
}

/// What killed its process takes the attempts that it was delivered, also by other processes.
#[tokio::test(start_paused = true)]
async fn an_event_that_was_never_answered_is_given_up_and_kept() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let driver = || {
        stage
            .driver_with(|options| options.max_deliveries = Some(5))
            .reconcile(async |_| Ok(DriverResult::success("fine")))
    };
    stage.start(driver()).await.drain().await.unwrap();
    stage.post("app").await;
    let mut killed = stage.stream.pull(MESSAGES_STREAM, &stage.driver).await.unwrap();
    for _ in 0..5 {
        killed.request(1);
        let delivery = killed.next().await.unwrap().remove(0);
        stage.stream.settle(&delivery.token, Settlement::Nak(Duration::ZERO)).await.unwrap();
    }
    killed.stop().await;
    let running = stage.start(driver()).await;
    let result = stage.result().await.result;
    assert_eq!((result.success, &result.data["error"]["type"]), (false, &"GivenUp".into()));
    stage.all_settled().await;
    let letters = memory.messages(DEAD_LETTERS_STREAM);
    assert_eq!(letters.len(), 1);
    assert!(letters[0].header(REASON_HEADER).is_some());
    assert_eq!(running.drain().await.unwrap().drivers[0].poisoned, 1);
}
