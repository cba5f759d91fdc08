//! Servers that are not there, too old, or lack JetStream.

use std::time::Duration;

use conveyor_driver::ErrorCode;
use conveyor_driver::options::ConnectionOptions;
use conveyor_driver::stream::NatsStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::{connect, options, refusal, server, server_without_jetstream, within};

#[tokio::test]
async fn waiting_ends_when_it_was_told_to() {
    let mut server = server("").await;
    server.kill();
    let limited = ConnectionOptions { connect_timeout_ms: Some(700), ..options(server.url()) };
    let start = Instant::now();
    let error = NatsStream::connect(&limited, "test").await.expect_err("nobody there");
    assert_eq!(error.code(), ErrorCode::Unavailable);
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(690) && waited < Duration::from_secs(3), "{waited:?}");
}

#[tokio::test]
async fn a_server_that_comes_late_is_waited_for() {
    let mut server = server("").await;
    server.kill();
    let options = options(server.url());
    let waiting = tokio::spawn(async move { NatsStream::connect(&options, "test").await });
    tokio::task::yield_now().await;
    server.restart().await.unwrap();
    within(waiting).await.unwrap().expect("a connection");
}

#[tokio::test]
async fn the_second_of_two_addresses_is_tried() {
    let mut gone = server("").await;
    gone.kill();
    let server = server("").await;
    connect(&options(format!("{},{}", gone.url(), server.url()))).await;
}

#[tokio::test]
async fn a_server_without_jetstream() {
    let server = server_without_jetstream().await;
    assert_eq!(refusal(&options(server.url())).await, ErrorCode::Unsupported);
}

#[tokio::test]
async fn an_account_without_jetstream() {
    let accounts = "accounts { A { users: [ { user: a, password: a } ] } }";
    let server = server(accounts).await;
    let user = ConnectionOptions {
        user: Some("a".to_owned()),
        password: Some("a".into()),
        ..options(server.url())
    };
    assert_eq!(refusal(&user).await, ErrorCode::Unsupported);
}

/// Version 2.9 is not to be had as a package, so only its greeting is real.
#[tokio::test]
async fn a_server_before_2_10() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let info = r#"INFO {"server_id":"x","version":"2.9.25","max_payload":1048576,"headers":true,"jetstream":true}"#;
            socket.write_all(format!("{info}\r\n").as_bytes()).await.unwrap();
            let mut buffer = [0; 4096];
            while socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                if socket.write_all(b"PONG\r\n").await.is_err() {
                    break;
                }
            }
        }
    });
    let error = within(NatsStream::connect(&options(url), "test")).await.expect_err("too old");
    assert_eq!(error.code(), ErrorCode::Unsupported);
    let named = |name: &str| error.context().iter().any(|(key, _)| key == name);
    assert!(named("found") && named("needed"));
}
