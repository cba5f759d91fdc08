//! What the tests here have in common.

use std::future::Future;
use std::time::Duration;

use conveyor_driver::ErrorCode;
use conveyor_driver::options::ConnectionOptions;
use conveyor_driver::stream::{
    ConsumerConfig, Delivery, EventStream, Message, NatsStream, Pull, Retention, StreamConfig,
};
use conveyor_driver_cli::nats_server::{NatsServer, NatsServerOptions};
use tokio::time::{Instant, sleep, timeout};

pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A server of the test's own, with these lines of configuration besides.
pub(crate) async fn server(configuration: &str) -> NatsServer {
    start(NatsServerOptions { config: configuration.to_owned(), ..Default::default() }).await
}

pub(crate) async fn server_without_jetstream() -> NatsServer {
    start(NatsServerOptions { jetstream: false, ..Default::default() }).await
}

async fn start(options: NatsServerOptions) -> NatsServer {
    NatsServer::start_with(options).await.expect("these tests need a nats-server")
}

pub(crate) fn options(url: String) -> ConnectionOptions {
    ConnectionOptions { url: Some(url), request_timeout_ms: 3_000, ..Default::default() }
}

pub(crate) async fn connect(options: &ConnectionOptions) -> NatsStream {
    within(NatsStream::connect(options, "test")).await.expect("a connection")
}

/// Connecting fails at once, with this code.
pub(crate) async fn refusal(options: &ConnectionOptions) -> ErrorCode {
    let outcome = timeout(Duration::from_secs(4), NatsStream::connect(options, "test")).await;
    outcome.expect("an answer at once").expect_err("a refusal").code()
}

pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(SOON, what).await.expect("in time")
}

/// Waits for a condition of the outside world.
pub(crate) async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + SOON;
    while !condition().await {
        assert!(Instant::now() < deadline, "the condition never held");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A stream `work` on `work.>` and a durable consumer `c` of it.
pub(crate) async fn work(stream: &NatsStream) {
    let config = StreamConfig::new("work", &["work.>"], Retention::Limits);
    stream.put_stream(&config).await.expect("a stream");
    stream.put_consumer("work", &consumer("c")).await.expect("a consumer");
}

pub(crate) fn consumer(name: &str) -> ConsumerConfig {
    ConsumerConfig {
        name: name.to_owned(),
        durable: true,
        filters: vec!["work.>".to_owned()],
        ack_wait: Duration::from_secs(30),
        max_ack_pending: 1000,
        inactive_threshold: None,
        metadata: [("made-by".to_owned(), "test".to_owned())].into(),
    }
}

pub(crate) async fn publish(stream: &NatsStream, subject: &str, body: &str) -> u64 {
    let message = Message::new(subject, body.to_owned());
    within(stream.publish(message).await.expect("queued")).await.expect("stored").sequence
}

/// Pulls until this many have come.
pub(crate) async fn take(pull: &mut dyn Pull, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.extend(within(pull.next()).await.expect("deliveries"));
    }
    taken
}
