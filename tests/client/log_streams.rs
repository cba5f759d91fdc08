//! Lines as they come, also over lost connections.

use std::sync::Mutex;

use conveyor_driver::client::{GapReason, LogEvent, LogFilter, LogStream};
use conveyor_driver::{Client, ErrorCode};
use futures_util::StreamExt;
use tokio::sync::mpsc::{self, UnboundedSender};

use crate::stub::{Does, Stub};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

struct Connection(UnboundedSender<Vec<u8>>);

impl Connection {
    fn send(&self, text: &str) {
        self.0.send(text.as_bytes().to_vec()).unwrap();
    }

    fn line(&self, driver: &str, message: &str) {
        self.send(&format!(
            "data: {{\"runid\":\"r\",\"driver\":\"{driver}\",\"timestamp\":\"1\",\"message\":\"{message}\"}}\n\n"
        ));
    }
}

/// A server whose connections are led by the test, in their order.
async fn led<const N: usize>() -> (Stub, [Connection; N]) {
    let mut waiting = Vec::new();
    let connections = std::array::from_fn(|_| {
        let (send, pieces) = mpsc::unbounded_channel();
        waiting.push(Some(pieces));
        let connection = Connection(send);
        connection.send(HEAD);
        connection
    });
    let waiting = Mutex::new(waiting);
    let stub = Stub::start(move |n, _| match waiting.lock().unwrap().get_mut(n) {
        Some(pieces) => Does::Streams(pieces.take().unwrap()),
        None => Does::Closes,
    })
    .await;
    (stub, connections)
}

async fn line(stream: &mut LogStream) -> String {
    match stream.next().await.unwrap().unwrap() {
        LogEvent::Line { entry } => entry.message,
        other => panic!("no line but {other:?}"),
    }
}

async fn gap(stream: &mut LogStream) -> GapReason {
    match stream.next().await.unwrap().unwrap() {
        LogEvent::Gap { reason } => reason,
        other => panic!("no gap but {other:?}"),
    }
}

#[tokio::test]
async fn lines_come_in_the_order_they_were_sent() {
    let (stub, [connection]) = led().await;
    let mut stream = stub.client().logs().stream(&LogFilter::run("r")).unwrap();
    connection.line("a", "1");
    connection.send(": heartbeat\n\n");
    connection.send("data: {\"runid\":\"r\",\"driver\":\"a\",");
    assert_eq!(line(&mut stream).await, "1");
    connection.send("\"timestamp\":\"2\",\"message\":\"2\",\"labels\":{\"level\":\"warn\"}}\n\n");
    let LogEvent::Line { entry } = stream.next().await.unwrap().unwrap() else { panic!("a line") };
    assert_eq!((entry.message.as_str(), &entry.labels["level"]), ("2", &"warn".into()));
    assert_eq!(stub.heard()[0].line, "GET /logs/pipeline/r");
    assert_eq!(stub.heard()[0].header("accept"), Some("text/event-stream"));
}

#[tokio::test]
async fn a_lost_connection_is_a_gap_and_no_line_is_given_twice() {
    let (stub, [first, second, third]) = led().await;
    let mut stream = stub.client().logs().stream(&LogFilter::run("r").driver("a")).unwrap();
    for message in ["1", "same", "same"] {
        first.line("a", message);
        assert_eq!(line(&mut stream).await, message);
    }
    drop(first);
    assert_eq!(gap(&mut stream).await, GapReason::Reconnected);
    for message in ["1", "same", "same", "2"] {
        second.line("a", message);
    }
    assert_eq!(line(&mut stream).await, "2");
    drop(second);
    assert_eq!(gap(&mut stream).await, GapReason::Reconnected);
    for message in ["same", "same", "same"] {
        third.line("a", message);
    }
    assert_eq!(line(&mut stream).await, "same");
    assert!(stub.heard().iter().all(|heard| heard.line == "GET /logs/streams/a/r"));
}

#[tokio::test]
async fn a_silent_connection_is_taken_for_lost() {
    let (stub, [first, second]) = led().await;
    let options =
        conveyor_driver::options::ClientOptions { stream_idle_timeout_ms: 300, ..stub.options() };
    let mut stream = Client::new(options).unwrap().logs().stream(&LogFilter::run("r")).unwrap();
    first.line("a", "1");
    assert_eq!(line(&mut stream).await, "1");
    assert_eq!(gap(&mut stream).await, GapReason::Reconnected);
    second.line("a", "2");
    assert_eq!(line(&mut stream).await, "2");
}

#[tokio::test]
async fn what_is_no_line_is_a_gap() {
    let (stub, [connection]) = led().await;
    let mut stream = stub.client().logs().stream(&LogFilter::run("r")).unwrap();
    connection.send("data: {\"runid\":\"r\",\n\ndata: \"message\":\"x\"}\n\n");
    assert_eq!(gap(&mut stream).await, GapReason::Unreadable);
    assert_eq!(gap(&mut stream).await, GapReason::Unreadable);
    connection.send("data: {\n \"runid\": \"r\",\n \"message\": \"whole\"\n}\n\n");
    assert_eq!(line(&mut stream).await, "whole");
}

#[tokio::test]
async fn a_stream_is_of_one_run() {
    let (stub, []) = led().await;
    let client = stub.client();
    for filter in [LogFilter::default(), LogFilter::run("r").pipeline("p"), LogFilter::run("..")] {
        let error = client.logs().stream(&filter).unwrap_err();
        assert_eq!(error.code(), ErrorCode::ArgumentInvalid);
    }
    assert!(stub.heard().is_empty());
}
