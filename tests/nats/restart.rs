//! Pulls and publishes through restarts of the server.

use std::time::Duration;

use conveyor_driver::ErrorCode;
use conveyor_driver::options::ConnectionOptions;
use conveyor_driver::stream::{EventStream, Message};
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::support::{connect, options, publish, server, take, until, within, work};

#[tokio::test]
async fn a_waiting_pull_survives_and_leaves_no_requests_behind() {
    let mut server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    let mut pull = stream.pull("work", "c").await.unwrap();
    pull.request(1);
    for round in 1..=3 {
        // The pull waits while the server goes and comes back.
        assert!(timeout(Duration::from_millis(100), pull.next()).await.is_err());
        if round == 2 {
            server.stop().await
        } else {
            server.kill()
        }
        assert!(timeout(Duration::from_millis(100), pull.next()).await.is_err());
        server.restart().await.unwrap();
        assert!(timeout(Duration::from_millis(10), pull.next()).await.is_err());
        within(stream.ready()).await;
        assert!(timeout(Duration::from_millis(100), pull.next()).await.is_err());
        until(|| async {
            stream.consumer("work", "c").await.is_ok_and(|info| info.unwrap().waiting == 1)
        })
        .await;
        publish(&stream, "work.a", &round.to_string()).await;
        let taken = take(&mut *pull, 1).await;
        assert_eq!(taken[0].payload, round.to_string());
        let info = stream.consumer("work", "c").await.unwrap().unwrap();
        assert_eq!(info.waiting, 0, "round {round}");
        pull.request(1);
    }
}

#[tokio::test]
async fn a_pull_nobody_looked_at_meanwhile_survives() {
    let mut server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    let mut pull = stream.pull("work", "c").await.unwrap();
    pull.request(2);
    assert!(timeout(Duration::from_millis(100), pull.next()).await.is_err());
    server.restart().await.unwrap();
    within(stream.ready()).await;
    let publishing = async {
        // The connection may be seen as up a moment before it is known to be lost.
        loop {
            let receipt = stream.publish(Message::new("work.a", "x").with_id("x")).await.unwrap();
            if receipt.await.is_ok() {
                break;
            }
        }
    };
    within(publishing).await;
    assert_eq!(take(&mut *pull, 1).await.len(), 1);
    until(|| async { stream.consumer("work", "c").await.unwrap().unwrap().waiting <= 1 }).await;
    let info = stream.consumer("work", "c").await.unwrap().unwrap();
    assert_eq!((info.ack_pending, info.pending), (1, 0));
}

#[tokio::test]
async fn while_the_server_is_down_senders_wait_and_askers_are_told() {
    let mut server = server("").await;
    let impatient = ConnectionOptions { request_timeout_ms: 300, ..options(server.url()) };
    let stream = connect(&impatient).await;
    work(&stream).await;
    server.kill();
    until(|| async { format!("{stream:?}").contains("connected: false") }).await;

    let code = within(stream.consumer("work", "c")).await.expect_err("down").code();
    assert_eq!(code, ErrorCode::Unavailable);
    assert_eq!(within(stream.flush()).await.expect_err("down").code(), ErrorCode::Unavailable);
    // Far above what the client would keep: none of it is sent after its caller gave up.
    for _ in 0..3_000 {
        let given_up = stream.publish(Message::new("work.a", "x")).now_or_never();
        assert!(given_up.is_none());
    }
    let waiting = stream.publish(Message::new("work.a", "kept"));
    let restart = server.restart();
    let (receipt, restarted) = within(async { tokio::join!(waiting, restart) }).await;
    restarted.unwrap();
    assert_eq!(within(receipt.unwrap()).await.expect("stored").sequence, 1);
}

#[tokio::test]
async fn closing_ends_every_wait_though_the_server_is_down() {
    let mut server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    let mut pull = stream.pull("work", "c").await.unwrap();
    pull.request(1);
    server.kill();
    until(|| async { format!("{stream:?}").contains("connected: false") }).await;
    let pulling = async { pull.next().await.expect_err("closed").code() };
    let publishing =
        async { stream.publish(Message::new("work.a", "x")).await.expect_err("closed").code() };
    let (pulled, published, ()) =
        within(async { tokio::join!(pulling, publishing, stream.close()) }).await;
    assert_eq!((pulled, published), (ErrorCode::Closed, ErrorCode::Closed));
    within(stream.ready()).await;
}
