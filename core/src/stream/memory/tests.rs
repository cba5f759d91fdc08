//! What only the embedded stream promises: passive, linear, no wake-up lost, faults on order. What
//! it promises like the real one is in the suite for both.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::stream::Retention;

async fn stream(retention: Retention) -> MemoryStream {
    let stream = MemoryStream::new();
    stream.put_stream(&StreamConfig::new("s", &["s.>"], retention)).await.unwrap();
    stream.put_consumer("s", &config()).await.unwrap();
    stream
}

fn config() -> ConsumerConfig {
    ConsumerConfig {
        name: "c".to_owned(),
        durable: true,
        filters: Vec::new(),
        ack_wait: Duration::from_secs(30),
        max_ack_pending: 1000,
        inactive_threshold: None,
        metadata: std::collections::BTreeMap::new(),
    }
}

fn message(rest: &str) -> Message {
    Message::new(format!("s.{rest}"), "x")
}

async fn publish(stream: &MemoryStream, rest: &str) -> Result<super::super::Stored> {
    stream.publish(message(rest)).await?.await
}

async fn pull(stream: &MemoryStream, count: usize) -> Box<dyn Pull> {
    let mut pull = stream.pull("s", "c").await.unwrap();
    pull.request(count);
    pull
}

#[tokio::test(start_paused = true)]
async fn two_hundred_thousand_messages_drain_in_linear_time() {
    const COUNT: u64 = 200_000;
    let stream = stream(Retention::Interest).await;
    for i in 0..COUNT {
        let message = message("a").with_id(i.to_string());
        let _ = stream.publish(message).await.unwrap().await.unwrap();
    }
    let mut pull = pull(&stream, 10).await;
    let mut next = 1;
    while next <= COUNT {
        for delivery in pull.next().await.unwrap() {
            assert_eq!(delivery.sequence, next);
            next += 1;
            stream.settle(&delivery.token, Settlement::Ack).await.unwrap();
            pull.request(1);
        }
    }
    assert_eq!(stream.held("s"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_up_is_lost_between_threads() {
    const EACH: u64 = 2000;
    const TASKS: u64 = 4;
    let stream = stream(Retention::WorkQueue).await;
    let (sink, mut source) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..TASKS {
        let (puller, publisher, sink) = (stream.clone(), stream.connection(), sink.clone());
        tokio::spawn(async move {
            let mut pull = pull(&puller, 1).await;
            while let Ok(deliveries) = pull.next().await {
                assert_eq!(deliveries.len(), 1);
                puller.settle(&deliveries[0].token, Settlement::Ack).await.unwrap();
                sink.send(deliveries[0].sequence).unwrap();
                pull.request(1);
            }
        });
        tokio::spawn(async move {
            for _ in 0..EACH {
                publish(&publisher, "a").await.unwrap();
                tokio::task::yield_now().await;
            }
        });
    }
    let mut seen = BTreeSet::new();
    while seen.len() < (TASKS * EACH) as usize {
        let sequence = timeout(Duration::from_secs(60), source.recv()).await.unwrap().unwrap();
        assert!(seen.insert(sequence), "{sequence} came twice");
    }
    assert_eq!(stream.held("s"), 0);
    stream.close().await;
}

#[tokio::test(start_paused = true)]
async fn duplicates_are_known_for_two_minutes() {
    let stream = stream(Retention::Limits).await;
    let publish = async || {
        let receipt = stream.publish(message("a").with_id("one")).await.unwrap();
        receipt.await.unwrap().duplicate
    };
    assert!(!publish().await);
    tokio::time::advance(Duration::from_millis(119_999)).await;
    assert!(publish().await);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!publish().await);
}

#[tokio::test(start_paused = true)]
async fn another_pull_learns_of_a_deadline_that_came_into_being_without_it() {
    let stream = stream(Retention::Interest).await;
    let (mut first, mut second) = (pull(&stream, 1).await, pull(&stream, 1).await);
    publish(&stream, "a").await.unwrap();
    assert_eq!(first.next().await.unwrap()[0].attempt, 1);
    drop(first);
    assert_eq!(second.next().await.unwrap()[0].attempt, 2);
}

#[tokio::test(start_paused = true)]
async fn ordered_publish_faults_strike_the_pattern_and_then_end() {
    let stream = stream(Retention::Limits).await;
    stream.fail_publishes("s.a.*", 2);
    stream.lose_receipts("s.a.*", 1);
    publish(&stream, "b").await.unwrap();
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(publish(&stream, "a.1").await.unwrap_err().code());
    }
    assert_eq!(codes, [ErrorCode::Unavailable, ErrorCode::Unavailable, ErrorCode::TimedOut]);
    publish(&stream, "a.1").await.unwrap();
    let subjects: Vec<_> = stream.messages("s").into_iter().map(|m| m.subject).collect();
    assert_eq!(subjects, ["s.b", "s.a.1", "s.a.1"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_ack_brings_the_message_again() {
    let stream = stream(Retention::Interest).await;
    publish(&stream, "a").await.unwrap();
    let mut pull = pull(&stream, 2).await;
    let taken = pull.next().await.unwrap();
    stream.lose_settlements(2);
    stream.settle(&taken[0].token, Settlement::Ack).await.unwrap();
    let confirmed = stream.settle_confirmed(&taken[0].token, Settlement::Ack).await;
    assert_eq!(confirmed.unwrap_err().code(), ErrorCode::TimedOut);
    assert_eq!(pull.next().await.unwrap()[0].attempt, 2);
}

#[tokio::test(start_paused = true)]
async fn a_cut_connection_waits_and_fails_until_it_is_restored() {
    let stream = stream(Retention::Interest).await;
    let other = stream.connection();
    let mut pull = pull(&stream, 2).await;
    publish(&stream, "a").await.unwrap();
    let taken = pull.next().await.unwrap();
    stream.cut();
    let unavailable = ErrorCode::Unavailable;
    assert_eq!(publish(&stream, "a").await.unwrap_err().code(), unavailable);
    assert_eq!(stream.flush().await.unwrap_err().code(), unavailable);
    assert_eq!(stream.consumer("s", "c").await.unwrap_err().code(), unavailable);
    stream.settle(&taken[0].token, Settlement::Ack).await.unwrap();
    publish(&other, "a").await.unwrap();
    assert!(timeout(Duration::from_secs(300), pull.next()).await.is_err());
    assert!(timeout(Duration::from_secs(300), stream.ready()).await.is_err());
    let ((), next) = tokio::join!(stream.ready(), async {
        stream.restore();
        pull.next().await.unwrap()
    });
    assert_eq!((next[0].sequence, next[0].attempt), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn connections_are_closed_one_by_one() {
    let stream = stream(Retention::Limits).await;
    let other = stream.connection();
    stream.close().await;
    stream.restore();
    assert_eq!(publish(&stream, "a").await.unwrap_err().code(), ErrorCode::Closed);
    publish(&other, "a").await.unwrap();
    assert_eq!(stream.held("s"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_stream_ends_its_pulls() {
    let stream = stream(Retention::Limits).await;
    let mut pull = pull(&stream, 1).await;
    let (next, ()) = tokio::join!(pull.next(), async { stream.delete_stream("s") });
    assert_eq!(next.unwrap_err().code(), ErrorCode::NotFound);
}

#[tokio::test(start_paused = true)]
async fn the_limit_on_payloads_may_be_set() {
    let stream = stream(Retention::Limits).await.with_max_payload(1);
    publish(&stream, "a").await.unwrap();
    let large = stream.publish(Message::new("s.a", "xx")).await;
    assert_eq!(large.unwrap_err().code(), ErrorCode::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_made_anew_is_not_the_one_a_pull_began_with() {
    let stream = stream(Retention::Limits).await;
    let mut pull = pull(&stream, 1).await;
    stream.delete_consumer("s", "c").await.unwrap();
    stream.put_consumer("s", &config()).await.unwrap();
    publish(&stream, "a").await.unwrap();
    assert_eq!(pull.next().await.unwrap_err().code(), ErrorCode::NotFound);
}
