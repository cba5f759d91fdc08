//! Messages that the client library cannot read: their headers end its connection, or itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use conveyor_driver::message::{DriverMessage, Resource};
use conveyor_driver::options::{ConnectionOptions, DriverOptions, ManagerOptions};
use conveyor_driver::stream::{ConsumerConfig, Delivery, EventStream, NatsStream, StreamConfig};
use conveyor_driver::subject::{
    self, ATTEMPTS_HEADER, DEAD_LETTERS_STREAM, MESSAGES_STREAM, ORIGIN_HEADER,
    ORIGINAL_HEADER_PREFIX, PART_HEADER, RAW_HEADERS_HEADER, SUBJECT_HEADER,
};
use conveyor_driver::{Driver, DriverManager, DriverResult, ErrorCode, RunId, RunningManager};
use conveyor_driver_cli::nats_server::NatsServer;
use conveyor_driver_tests::faults::{Cut, Proxy};
use conveyor_driver_tests::{STRAY_CARRIAGE_RETURN, UNREADABLE, publish_with};
use futures_util::StreamExt;

use crate::support::{connect, consumer, options, publish, server, take, until, within, work};

const DRIVER: &str = "builder";
const RESOURCE: &str = "app";

/// A server, a driver behind a proxy that counts its connections, and an onlooker.
struct Scene {
    server: NatsServer,
    onlooker: NatsStream,
    proxy: Proxy,
}

impl Scene {
    async fn open() -> Self {
        let server = server("").await;
        let onlooker = connect(&options(server.url())).await;
        for config in StreamConfig::of_control_plane() {
            onlooker.put_stream(&config).await.unwrap();
        }
        let proxy = Proxy::start(port(&server)).await.unwrap();
        Self { server, onlooker, proxy }
    }

    async fn start(&self) -> RunningManager {
        let connection = ConnectionOptions { url: Some(self.proxy.url()), ..Default::default() };
        let options = ManagerOptions { connection, signals: false, ..ManagerOptions::default() };
        let driver = Driver::with_options(DriverOptions {
            name: DRIVER.to_owned(),
            resources: vec![RESOURCE.to_owned()],
            ack_wait_ms: 1_000,
            ..DriverOptions::default()
        });
        let driver = driver.reconcile(async |_| Ok(DriverResult::success("done")));
        DriverManager::new(options).driver(driver).start().await.unwrap()
    }

    /// Posts an event in order.
    async fn post(&self) {
        let resource = Resource {
            name: "one".to_owned(),
            resource: RESOURCE.to_owned(),
            ..Resource::default()
        };
        let run = RunId::generate();
        let message = DriverMessage::new("create", &resource, run.as_str(), run.clone()).encode();
        let message = String::from_utf8(message).unwrap();
        publish(&self.onlooker, &subject::resource(RESOURCE), &message).await;
    }

    async fn post_with(&self, block: &[u8], payload: &[u8]) -> u64 {
        publish_with(port(&self.server), &subject::resource(RESOURCE), block, payload).await
    }

    async fn all_settled(&self) {
        until(|| async {
            let info = self.onlooker.consumer(MESSAGES_STREAM, DRIVER).await.unwrap().unwrap();
            info.pending == 0 && info.ack_pending == 0
        })
        .await;
    }

    /// All that a stream holds.
    async fn held(&self, stream: &str) -> Vec<Delivery> {
        let reader = ConsumerConfig { durable: false, filters: Vec::new(), ..consumer("reader") };
        let info = self.onlooker.put_consumer(stream, &reader).await.unwrap();
        let mut pull = self.onlooker.pull(stream, "reader").await.unwrap();
        let count = usize::try_from(info.pending).unwrap();
        pull.request(count);
        let held = take(&mut *pull, count).await;
        self.onlooker.delete_consumer(stream, "reader").await.unwrap();
        held
    }
}

fn port(server: &NatsServer) -> u16 {
    server.url().rsplit(':').next().unwrap().parse().unwrap()
}

fn header<'a>(letter: &'a Delivery, name: &str) -> Option<&'a str> {
    letter.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The headers that were malformed, as they were published.
fn raw_headers(letter: &Delivery) -> Vec<u8> {
    let pieces = letter.headers.iter().filter(|(name, _)| name == RAW_HEADERS_HEADER);
    pieces.flat_map(|(_, piece)| STANDARD.decode(piece).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_with_malformed_headers_becomes_a_dead_letter_with_its_bytes() {
    let scene = Scene::open().await;
    let running = scene.start().await;
    scene.post().await;
    let mut posted = Vec::new();
    for block in UNREADABLE {
        let sequence = scene.post_with(block, b"\xffpayload").await;
        posted.push((format!("{MESSAGES_STREAM}/{sequence}"), block.to_vec()));
        scene.post().await;
    }
    scene.all_settled().await;

    let mut kept = Vec::new();
    for letter in scene.held(DEAD_LETTERS_STREAM).await {
        assert_eq!(letter.payload, &b"\xffpayload"[..]);
        assert_eq!(header(&letter, ATTEMPTS_HEADER), Some("0"));
        assert_eq!(header(&letter, SUBJECT_HEADER), Some(&*subject::resource(RESOURCE)));
        kept.push((header(&letter, ORIGIN_HEADER).unwrap().to_owned(), raw_headers(&letter)));
    }
    kept.sort();
    posted.sort();
    assert_eq!(kept, posted);

    let connections = scene.proxy.accepted();
    scene.post().await;
    scene.all_settled().await;
    assert_eq!(scene.proxy.accepted(), connections, "the connection is lost no more");
    let report = running.drain().await.unwrap().drivers.remove(0);
    assert_eq!(report.dead_lettered, UNREADABLE.len() as u64);
    assert_eq!(report.succeeded + report.answered_before, 2 + UNREADABLE.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_headers_of_the_largest_size_are_kept_in_two_parts() {
    let scene = Scene::open().await;
    let _running = scene.start().await;
    let block = ["NATS/1.0\r\n", &"no colon ".repeat(7_000), "\r\n\r\n"].concat().into_bytes();
    let payload = vec![b'x'; scene.onlooker.max_payload() - block.len()];
    scene.post_with(&block, &payload).await;
    // A consumer may not know yet of what its stream has just stored, so that nothing seems to be left.
    until(|| async {
        let stream = scene.onlooker.stream(DEAD_LETTERS_STREAM).await.unwrap();
        stream.is_some() && scene.held(DEAD_LETTERS_STREAM).await.len() == 2
    })
    .await;
    let letters = scene.held(DEAD_LETTERS_STREAM).await;
    let parts: Vec<_> = letters.iter().map(|letter| header(letter, PART_HEADER)).collect();
    assert_eq!(parts, [Some("1/2"), Some("2/2")]);
    assert_eq!(letters.iter().flat_map(raw_headers).collect::<Vec<_>>(), block);
    assert_eq!([&*letters[0].payload, &*letters[1].payload].concat(), payload);
}

/// The client library panics and is gone. The driver ends, and one that is started in its place looks
/// before it asks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stray_carriage_return_ends_a_driver_twice_and_no_more() {
    let scene = Scene::open().await;
    scene.start().await.drain().await.unwrap();
    scene.post().await;
    scene.post_with(STRAY_CARRIAGE_RETURN, b"payload").await;
    for _ in 0..2 {
        let ended = scene.start().await.wait().await;
        assert_eq!(ended.expect_err("ended").code(), ErrorCode::Closed);
    }
    let running = scene.start().await;
    scene.all_settled().await;
    let letter = scene.held(DEAD_LETTERS_STREAM).await.remove(0);
    assert_eq!(raw_headers(&letter), STRAY_CARRIAGE_RETURN);
    assert_eq!(running.drain().await.unwrap().drivers[0].dead_lettered, 1);
}

/// Such headers can be read, and not sent again as they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_cannot_be_sent_again_keep_no_dead_letter_from_its_stream() {
    let scene = Scene::open().await;
    let _running = scene.start().await;
    for line in ["A: 1\r\n: nameless", "A: 1\r\nNats-Expected-Stream: messages"] {
        let block = format!("NATS/1.0\r\n{line}\r\n\r\n");
        scene.post_with(block.as_bytes(), b"no event").await;
    }
    scene.all_settled().await;
    let letters = scene.held(DEAD_LETTERS_STREAM).await;
    assert!(letters.iter().all(|letter| header(letter, "A") == Some("1")));
    let expected = header(&letters[1], "Conveyor-Original-Nats-Expected-Stream");
    let nameless = header(&letters[0], ORIGINAL_HEADER_PREFIX);
    assert_eq!((letters.len(), nameless, expected), (2, Some("nameless"), Some("messages")));
}

#[tokio::test]
async fn a_connection_that_is_lost_for_another_reason_has_no_message_looked_at() {
    let server = server("").await;
    let onlooker = connect(&options(server.url())).await;
    work(&onlooker).await;
    let mut asked = onlooker.subscribe("$JS.API.*.MSG.>").await.unwrap();
    let proxy = Proxy::start(port(&server)).await.unwrap();
    let stream = connect(&options(proxy.url())).await;
    let mut pull = stream.pull("work", "c").await.unwrap();
    pull.request(1);
    for _ in 0..4 {
        let next = tokio::select! {
            came = pull.next() => panic!("{came:?}"),
            next = within(asked.next()) => next.unwrap(),
        };
        assert_eq!(next.subject, "$JS.API.CONSUMER.MSG.NEXT.work.c");
        proxy.cut(Cut::Reset);
    }
}

#[tokio::test]
async fn a_message_published_with_a_status_is_a_message() {
    let server = server("").await;
    let stream = connect(&options(server.url())).await;
    work(&stream).await;
    let statuses = ["503", "409 Consumer Deleted", "100 Idle Heartbeat"];
    for status in statuses {
        let block = format!("NATS/1.0 {status}\r\nA: 1\r\n\r\n");
        publish_with(port(&server), "work.a", block.as_bytes(), status.as_bytes()).await;
    }
    let mut pull = stream.pull("work", "c").await.unwrap();
    pull.request(statuses.len());
    let taken = take(&mut *pull, statuses.len()).await;
    let bodies: Vec<_> = taken.iter().map(|delivery| delivery.payload.clone()).collect();
    assert_eq!(bodies, statuses);
    assert!(taken.iter().all(|delivery| header(delivery, "A") == Some("1")));
}
