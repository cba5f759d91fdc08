//! A server that lets a client in and then denies it something.

use std::time::Duration;

use conveyor_driver::options::ConnectionOptions;
use conveyor_driver::stream::{EventStream, Message};
use conveyor_driver::{Error, ErrorCode};
use tokio::time::Instant;

use crate::support::{connect, consumer, options, server, within, work};
use conveyor_driver_cli::nats_server::NatsServer;

const USERS: &str = r#"authorization { users: [
    { user: all, password: p }
    { user: few, password: p, permissions: {
        publish: { deny: ["$JS.API.CONSUMER.CREATE.>", "$JS.API.CONSUMER.MSG.NEXT.>", "work.denied"] }
        subscribe: { deny: ["secret.>"] } } }
    { user: deaf, password: p, permissions: { subscribe: { deny: ["_INBOX.>"] } } }
    { user: own, password: p, permissions: {
        publish: { allow: ["$JS.API.STREAM.INFO.*"] }, subscribe: { allow: ["_INBOX.>"] } } }
] }"#;

fn user(server: &NatsServer, name: &str) -> ConnectionOptions {
    ConnectionOptions {
        user: Some(name.to_owned()),
        password: Some("p".into()),
        ..options(server.url())
    }
}

/// A denial at once, and with the subject, where the server only lets the request go unanswered.
async fn denied<T: std::fmt::Debug>(subject: &str, what: impl Future<Output = Result<T, Error>>) {
    let start = Instant::now();
    let error = within(what).await.expect_err("a denial");
    assert_eq!(error.code(), ErrorCode::PermissionDenied, "{error}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(error.context().iter().any(|(_, value)| value == subject), "{error}");
}

#[tokio::test]
async fn what_is_not_allowed_is_said_at_once() {
    let server = server(USERS).await;
    work(&connect(&user(&server, "all")).await).await;
    let few = connect(&user(&server, "few")).await;

    let create = "$JS.API.CONSUMER.CREATE.work.other";
    denied(create, few.put_consumer("work", &consumer("other"))).await;
    denied("work.denied", async { few.publish(Message::new("work.denied", "x")).await?.await })
        .await;
    denied("secret.*", async { few.subscribe("secret.*").await.map(|_| ()) }).await;
    let mut pull = few.pull("work", "c").await.unwrap();
    pull.request(1);
    denied("$JS.API.CONSUMER.MSG.NEXT.work.c", pull.next()).await;
    // And again, when it is tried again.
    denied("$JS.API.CONSUMER.MSG.NEXT.work.c", pull.next()).await;

    let stored = few.publish(Message::new("work.fine", "x")).await.unwrap();
    within(stored).await.expect("what is allowed still works");
}

#[tokio::test]
async fn a_client_that_may_not_hear_answers() {
    let server = server(USERS).await;
    let deaf = connect(&user(&server, "deaf")).await;
    let error = within(deaf.stream("work")).await.expect_err("a denial");
    assert_eq!(error.code(), ErrorCode::PermissionDenied);
}

#[tokio::test]
async fn a_client_that_may_do_little_can_still_connect_and_flush() {
    let server = server(USERS).await;
    let own = connect(&user(&server, "own")).await;
    assert!(own.stream("work").await.expect("allowed").is_none());
    within(own.flush()).await.expect("a round trip without permission to make one");
}
