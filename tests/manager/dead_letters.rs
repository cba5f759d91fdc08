//! A message that can never be answered is kept whole, or comes again; it is never dropped.

use std::time::Duration;

use bytes::Bytes;
use conveyor_driver::stream::{ConsumerConfig, Delivery, Message};
use conveyor_driver::subject::{
    self, ATTEMPTS_HEADER, DEAD_LETTERS_STREAM, MESSAGES_STREAM, PART_HEADER, REASON_HEADER,
    SUBJECT_HEADER,
};
use conveyor_driver::{DriverResult, ErrorCode};
use conveyor_driver_tests::{Stage, eventually, on_both_streams};

on_both_streams!(
    what_cannot_be_read_is_kept_with_its_bytes_headers_and_reason,
    a_message_at_the_payload_limit_is_kept_in_two_parts,
    events_behind_a_dead_letter_are_run,
);

/// The dead letters of the stage's driver, once there are so many.
async fn letters(stage: &Stage, count: usize) -> Vec<Delivery> {
    let config = ConsumerConfig {
        name: format!("reader-{}", stage.driver),
        durable: false,
        filters: vec![subject::dead_letters(&stage.driver)],
        ack_wait: Duration::from_secs(30),
        max_ack_pending: 100,
        inactive_threshold: None,
        metadata: Default::default(),
    };
    eventually("there are dead letters", async || {
        match stage.stream.put_consumer(DEAD_LETTERS_STREAM, &config).await {
            Ok(info) if info.pending >= count as u64 => Some(()),
            Ok(_) => None,
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::NotFound);
                None
            }
        }
    })
    .await;
    let mut pull = stage.stream.pull(DEAD_LETTERS_STREAM, &config.name).await.unwrap();
    pull.request(count);
    let mut letters = Vec::new();
    while letters.len() < count {
        letters.extend(pull.next().await.unwrap());
    }
    letters
}

fn header<'a>(letter: &'a Delivery, name: &str) -> Option<&'a str> {
    letter.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

async fn start_never_called(stage: &Stage) -> conveyor_driver::RunningManager {
    let driver = stage.driver().reconcile(async |_| Ok(DriverResult::success("called")));
    stage.start(driver).await
}

async fn what_cannot_be_read_is_kept_with_its_bytes_headers_and_reason(stage: Stage) {
    let running = start_never_called(&stage).await;
    let bytes = Bytes::from_static(b"\xff not a message");
    let subject = subject::resource(&stage.resource);
    let message = Message::new(&*subject, bytes.clone()).with_header("Trace", "abc");
    stage.stream.publish(message).await.unwrap().await.unwrap();
    let letter = letters(&stage, 1).await.remove(0);
    assert_eq!(letter.payload, bytes);
    assert_eq!(header(&letter, "Trace"), Some("abc"));
    assert_eq!(header(&letter, SUBJECT_HEADER), Some(subject.as_str()));
    assert_eq!(header(&letter, ATTEMPTS_HEADER), Some("1"));
    assert!(header(&letter, REASON_HEADER).is_some());
    stage.all_settled().await;
    assert_eq!(running.drain().await.unwrap().drivers[0].dead_lettered, 1);
}

async fn a_message_at_the_payload_limit_is_kept_in_two_parts(stage: Stage) {
    let _running = start_never_called(&stage).await;
    let bytes = vec![b'x'; stage.stream.max_payload()];
    stage.publish(&subject::resource(&stage.resource), bytes.clone()).await;
    let letters = letters(&stage, 2).await;
    let parts: Vec<_> = letters.iter().map(|letter| header(letter, PART_HEADER)).collect();
    assert_eq!(parts, [Some("1/2"), Some("2/2")]);
    assert_eq!([&*letters[0].payload, &*letters[1].payload].concat(), bytes);
    stage.all_settled().await;
}

async fn events_behind_a_dead_letter_are_run(stage: Stage) {
    let _running = start_never_called(&stage).await;
    stage.publish(&subject::resource(&stage.resource), "[]").await;
    stage.post("app").await;
    assert_eq!(stage.result().await.result.message, "called");
}

#[tokio::test(start_paused = true)]
async fn while_a_dead_letter_cannot_be_stored_its_message_comes_again() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let running = start_never_called(&stage).await;
    memory.fail_publishes("dead-letters.>", 3);
    stage.publish(&subject::resource(&stage.resource), "[]").await;
    assert_eq!(header(&letters(&stage, 1).await[0], ATTEMPTS_HEADER), Some("4"));
    stage.all_settled().await;
    assert_eq!(memory.held(MESSAGES_STREAM), 0);
    let report = running.drain().await.unwrap();
    assert_eq!((report.drivers[0].retried, report.drivers[0].dead_lettered), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_cannot_be_stored_is_not_tried_without_a_rest() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let at_once = stage.driver_with(|options| options.retry_initial_ms = 0);
    let driver = at_once.reconcile(async |_| Ok(DriverResult::success("called")));
    let _running = stage.start(driver).await;
    memory.fail_publishes("dead-letters.>", 8);
    let posted = tokio::time::Instant::now();
    stage.publish(&subject::resource(&stage.resource), "[]").await;
    letters(&stage, 1).await;
    assert!(posted.elapsed() >= Duration::from_secs(4), "{:?}", posted.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_waits_for_the_server_and_not_as_long_as_an_attempt_would() {
    let stage = Stage::on_memory().await;
    let memory = stage.memory.clone().unwrap();
    let _running = start_never_called(&stage).await;
    memory.fail_publishes("dead-letters.>", 8);
    let posted = tokio::time::Instant::now();
    stage.publish(&subject::resource(&stage.resource), "[]").await;
    letters(&stage, 1).await;
    assert!(posted.elapsed() <= Duration::from_secs(29), "{:?}", posted.elapsed());
}
