//! Pulls on a server that stays up.

use std::time::Duration;

use conveyor_driver::ErrorCode;
use conveyor_driver::stream::{EventStream, Message, Settlement};
use tokio::time::timeout;

use crate::support::{connect, options, publish, server, take, until, within, work};

#[tokio::test]
async fn never_more_than_was_asked_for() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    for number in 0..10 {
        publish(&stream, "work.a", &number.to_string()).await;
    }
    let mut pull = stream.pull("work", "c").await.unwrap();
    pull.request(3);
    let mut taken = take(&mut *pull, 3).await;
    // The server has said all it will say once it has answered this.
    let none = timeout(Duration::from_millis(300), pull.next()).await;
    assert!(none.is_err(), "{none:?}");
    let info = stream.consumer("work", "c").await.unwrap().unwrap();
    assert_eq!((info.ack_pending, info.pending, info.waiting), (3, 7, 0));

    pull.request(1);
    taken.extend(take(&mut *pull, 1).await);
    pull.request(2);
    taken.extend(take(&mut *pull, 2).await);
    let bodies: Vec<_> = taken.iter().map(|delivery| delivery.payload.clone()).collect();
    assert_eq!(bodies, ["0", "1", "2", "3", "4", "5"]);
    let sequences: Vec<_> = taken.iter().map(|delivery| delivery.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
    assert!(taken.iter().all(|delivery| delivery.attempt == 1));
}

#[tokio::test]
async fn a_dropped_wait_loses_nothing() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    let mut pull = stream.pull("work", "c").await.unwrap();
    pull.request(200);
    let mut count = 0;
    for number in 0..200 {
        publish(&stream, "work.a", &number.to_string()).await;
        if let Ok(taken) = timeout(Duration::from_micros(number * 7), pull.next()).await {
            count += taken.unwrap().len();
        }
    }
    count += take(&mut *pull, 200 - count).await.len();
    assert_eq!(count, 200);
    let info = stream.consumer("work", "c").await.unwrap().unwrap();
    assert_eq!((info.ack_pending, info.pending), (200, 0));
}

#[tokio::test]
async fn what_is_given_back_comes_again_with_its_count() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    publish(&stream, "work.a", "x").await;
    let mut pull = stream.pull("work", "c").await.unwrap();
    pull.request(2);
    let first = take(&mut *pull, 1).await.remove(0);
    stream.settle(&first.token, Settlement::Nak(Duration::from_millis(200))).await.unwrap();
    let second = take(&mut *pull, 1).await.remove(0);
    assert_eq!((second.sequence, second.attempt), (first.sequence, 2));
    assert!(second.received - first.received >= Duration::from_millis(150));
    stream.settle(&second.token, Settlement::Ack).await.unwrap();
    until(|| async { stream.consumer("work", "c").await.unwrap().unwrap().ack_pending == 0 }).await;
}

#[tokio::test]
async fn a_stopped_pull_leaves_nothing_at_the_server() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    let mut pull = stream.pull("work", "c").await.unwrap();
    pull.request(5);
    assert!(timeout(Duration::from_millis(50), pull.next()).await.is_err());
    until(|| async { stream.consumer("work", "c").await.unwrap().unwrap().waiting == 1 }).await;
    for _ in 0..2 {
        publish(&stream, "work.a", "x").await;
    }
    until(|| async { stream.consumer("work", "c").await.unwrap().unwrap().ack_pending == 2 }).await;
    assert_eq!(within(pull.stop()).await.len(), 2);
    publish(&stream, "work.a", "x").await;
    until(|| async { stream.consumer("work", "c").await.unwrap().unwrap().waiting == 0 }).await;
    let info = stream.consumer("work", "c").await.unwrap().unwrap();
    assert_eq!((info.ack_pending, info.pending), (2, 1));
    // And it may be asked again.
    pull.request(1);
    assert_eq!(take(&mut *pull, 1).await[0].sequence, 3);
}

#[tokio::test]
async fn a_deleted_consumer_ends_the_pull() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    let mut pull = stream.pull("work", "c").await.unwrap();
    pull.request(1);
    let waiting = async {
        let ended = pull.next().await;
        ended.expect_err("no consumer").code()
    };
    let deletion = async {
        until(|| async { stream.consumer("work", "c").await.unwrap().unwrap().waiting == 1 }).await;
        stream.delete_consumer("work", "c").await.unwrap();
    };
    let (code, ()) = within(async { tokio::join!(waiting, deletion) }).await;
    assert_eq!(code, ErrorCode::NotFound);
    // A pull from what was never there ends likewise.
    let mut pull = stream.pull("work", "never").await.unwrap();
    pull.request(1);
    assert_eq!(within(pull.next()).await.expect_err("none").code(), ErrorCode::NotFound);
    let mut pull = stream.pull("never", "c").await.unwrap();
    pull.request(1);
    assert_eq!(within(pull.next()).await.expect_err("none").code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn small_demands_are_gathered() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    let listener = connect(&options(server.url())).await;
    let mut requests = listener.subscribe("$JS.API.CONSUMER.MSG.NEXT.work.c").await.unwrap();
    let mut pull = stream.pull("work", "c").await.unwrap();
    pull.request(64);
    for number in 0..640 {
        publish(&stream, "work.a", &number.to_string()).await;
        let taken = take(&mut *pull, 1).await;
        pull.request(taken.len());
    }
    listener.flush().await.unwrap();
    let mut count = 0;
    while let Ok(Some(_)) =
        timeout(Duration::from_millis(50), futures_util::StreamExt::next(&mut requests)).await
    {
        count += 1;
    }
    assert!((1..=40).contains(&count), "{count} pull requests for 640 messages");
}

/// The server drops a request above `max_waiting` without a word when it carries a heartbeat.
#[tokio::test]
async fn a_request_the_server_forgot_is_made_again() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    let body = r#"{"stream_name":"work","config":{"durable_name":"narrow","ack_policy":"explicit","deliver_policy":"all","max_waiting":1}}"#;
    stream.send(Message::new("$JS.API.CONSUMER.CREATE.work.narrow", body)).await.unwrap();
    until(|| async { stream.consumer("work", "narrow").await.unwrap().is_some() }).await;
    let mut first = stream.pull("work", "narrow").await.unwrap();
    first.request(1);
    assert!(timeout(Duration::from_millis(50), first.next()).await.is_err());
    let waiting = || async { stream.consumer("work", "narrow").await.unwrap().unwrap().waiting };
    until(|| async { waiting().await == 1 }).await;
    let mut second = stream.pull("work", "narrow").await.unwrap();
    second.request(1);
    assert!(timeout(Duration::from_millis(50), second.next()).await.is_err());
    publish(&stream, "work.a", "1").await;
    assert_eq!(take(&mut *first, 1).await.len(), 1);
    publish(&stream, "work.a", "2").await;
    assert_eq!(take(&mut *second, 1).await[0].payload, "2");
}
