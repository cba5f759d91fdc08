//! Servers that break their part: each call ends with a code, within its time.

use conveyor_driver::client::LogFilter;
use conveyor_driver::options::ClientOptions;
use conveyor_driver::{Client, Error, ErrorCode};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::stub::{BLOCK, Does, Stub, answer, json};

async fn asked(stub: &Stub, change: impl FnOnce(&mut ClientOptions)) -> Error {
    let mut options = stub.options();
    change(&mut options);
    let client = Client::new(options).unwrap();
    client.definitions().get("demo").await.unwrap_err()
}

async fn code_of(tell: impl Fn() -> Does + Send + Sync + 'static) -> ErrorCode {
    let stub = Stub::start(move |_, _| tell()).await;
    asked(&stub, |options| options.request_timeout_ms = 400).await.code()
}

#[tokio::test]
async fn a_slow_server_is_timed_out() {
    assert_eq!(code_of(|| Does::Stalls(Vec::new())).await, ErrorCode::TimedOut);
    assert_eq!(
        code_of(|| Does::Stalls(b"HTTP/1.1 200 OK\r\nConte".to_vec())).await,
        ErrorCode::TimedOut
    );
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{\"na";
    assert_eq!(code_of(|| Does::Stalls(head.to_vec())).await, ErrorCode::TimedOut);
}

#[tokio::test]
async fn a_dropped_connection_is_unavailable() {
    assert_eq!(code_of(|| Does::Closes).await, ErrorCode::Unavailable);
    assert_eq!(
        code_of(|| Does::Sends(b"HTTP/1.1 200 OK\r\nCont".to_vec())).await,
        ErrorCode::Unavailable
    );
}

#[tokio::test]
async fn nobody_listening_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let options =
        ClientOptions { url: Some(url), request_timeout_ms: 400, ..ClientOptions::default() };
    let error = Client::new(options).unwrap().definitions().get("demo").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
}

#[tokio::test]
async fn a_truncated_body_is_unavailable() {
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{\"na";
    assert_eq!(code_of(|| Does::Sends(head.to_vec())).await, ErrorCode::Unavailable);
    let chunked =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"nam\r\n";
    assert_eq!(code_of(|| Does::Sends(chunked.to_vec())).await, ErrorCode::Unavailable);
}

#[tokio::test]
async fn another_kind_of_answer_is_invalid() {
    let code =
        |kind: &'static str, body: &'static str| code_of(move || answer("200 OK", kind, body));
    assert_eq!(code("text/html", "<html>Sign in</html>").await, ErrorCode::ResponseInvalid);
    assert_eq!(code("text/plain", "{}").await, ErrorCode::ResponseInvalid);
    assert_eq!(code("application/json", "{\"name\":").await, ErrorCode::ResponseInvalid);
    assert_eq!(code("application/json", "[]").await, ErrorCode::ResponseInvalid);
    assert_eq!(code("application/json", "{\"name\":5}").await, ErrorCode::ResponseInvalid);
    assert_eq!(code("application/json", "").await, ErrorCode::ResponseInvalid);
    assert_eq!(
        code("application/problem+JSON; charset=utf-8", "x").await,
        ErrorCode::ResponseInvalid
    );
}

#[tokio::test]
async fn a_server_of_another_protocol_is_unavailable() {
    let greeting = b"INFO {\"server_id\":\"x\",\"version\":\"2.11.11\"}\r\n";
    assert_eq!(code_of(|| Does::Sends(greeting.to_vec())).await, ErrorCode::Unavailable);
}

#[tokio::test]
async fn a_body_of_100_mb_is_refused_whether_its_length_is_told_or_not() {
    const BLOCKS: usize = 100 * 1024 * 1024 / BLOCK;
    for length in [format!("Content-Length: {}\r\n", BLOCKS * BLOCK), String::new()] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{length}\r\n");
        let stub = Stub::start(move |_, _| Does::Floods {
            head: head.clone().into_bytes(),
            blocks: BLOCKS,
        })
        .await;
        let error = asked(&stub, |options| options.request_timeout_ms = 60_000).await;
        assert_eq!(error.code(), ErrorCode::ResponseTooLarge);
        assert_eq!(stub.heard().len(), 1, "it is not asked for again");
    }
}

#[tokio::test]
async fn an_error_of_100_mb_is_the_error_all_the_same() {
    let stub = Stub::start(|_, _| Does::Floods {
        head: b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n".to_vec(),
        blocks: 100 * 1024 * 1024 / BLOCK,
    })
    .await;
    let error = asked(&stub, |options| options.request_timeout_ms = 60_000).await;
    assert_eq!(error.code(), ErrorCode::ApiRefused);
    assert!(error.to_string().len() < 4_000);
}

#[tokio::test]
async fn a_redirect_is_refused_and_named() {
    let other = Stub::start(|_, _| json("200 OK", "{}")).await;
    let location = format!("{}/elsewhere?token=hunter2", other.url);
    for status in
        ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let head =
            format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let stub = Stub::start(move |_, _| Does::Sends(head.clone().into_bytes())).await;
        let error = asked(&stub, |_| {}).await;
        assert_eq!(error.code(), ErrorCode::ApiRefused);
        assert!(error.context().contains(&("location".into(), format!("{}/elsewhere", other.url))));
    }
    assert!(other.heard().is_empty(), "nobody went there");
}

#[tokio::test]
async fn what_stands_between_has_its_codes() {
    let code = |status: &'static str| code_of(move || answer(status, "text/html", "<h1>no</h1>"));
    assert_eq!(code("403 Forbidden").await, ErrorCode::PermissionDenied);
    assert_eq!(code("407 Proxy Authentication Required").await, ErrorCode::Unauthenticated);
    assert_eq!(code("426 Upgrade Required").await, ErrorCode::Unsupported);
    assert_eq!(code("431 Request Header Fields Too Large").await, ErrorCode::TooLarge);
    assert_eq!(code("502 Bad Gateway").await, ErrorCode::Unavailable);
    assert_eq!(code("504 Gateway Timeout").await, ErrorCode::Unavailable);
}

#[tokio::test]
async fn a_server_without_tls_is_no_server_for_https() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let answering = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        connection
    });
    let options = ClientOptions { url: Some(url), ..ClientOptions::default() };
    let error = Client::new(options).unwrap().definitions().get("demo").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TlsFailed);
    drop(answering.await.unwrap());
}

#[tokio::test]
async fn a_log_stream_ends_with_a_code_when_it_may_not_come_back() {
    for (tell, code) in [
        (json("401 Unauthorized", r#"{"error":"invalid token"}"#), ErrorCode::Unauthenticated),
        (answer("200 OK", "text/html", "<html>"), ErrorCode::ResponseInvalid),
        (answer("404 Not Found", "text/plain", "Cannot GET"), ErrorCode::Unsupported),
    ] {
        let Does::Sends(bytes) = tell else { panic!("an answer") };
        let stub = Stub::start(move |_, _| Does::Sends(bytes.clone())).await;
        let mut stream = stub.client().logs().stream(&LogFilter::run("r")).unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap_err().code(), code);
        assert!(stream.next().await.is_none());
    }
}

#[tokio::test]
async fn a_log_stream_gives_up_when_its_time_to_come_back_is_over() {
    for tell in [|| Does::Closes, || Does::Stalls(Vec::new())] {
        let stub = Stub::start(move |_, _| tell()).await;
        let options = ClientOptions {
            reconnect_timeout_ms: Some(150),
            stream_idle_timeout_ms: 100,
            ..stub.options()
        };
        let client = Client::new(options).unwrap();
        let mut stream = client.logs().stream(&LogFilter::run("r").driver("d")).unwrap();
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(error.code().retryable(), "{error}");
        assert!(stream.next().await.is_none());
    }
}
