//! Calls by name, as other languages make them: each answer is what the typed client reads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use conveyor_driver::host::ApiCalls;
use conveyor_driver::{Error, ErrorCode};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};

use crate::stub::{Does, Stub, answer, json as replies};

const SOON: Duration = Duration::from_secs(10);

fn said(answer: &str) -> Value {
    serde_json::from_str(answer).unwrap()
}

/// Calls from a thread that may wait.
async fn call(calls: &ApiCalls, operation: &'static str, arguments: Value) -> Result<Value, Error> {
    let calls = calls.clone();
    let called = tokio::task::spawn_blocking(move || calls.call(operation, arguments));
    called.await.unwrap().map(|answer| said(&answer))
}

#[tokio::test]
async fn every_operation_asks_for_what_its_name_says() {
    let stub = Stub::start(|_, heard| match heard.line.as_str() {
        "POST /resources/" => replies("201 Created", r#"{"name":"d1","runid":"r1","version":"1"}"#),
        line if line.starts_with("DELETE") => {
            Does::Sends(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())
        }
        line if line.starts_with("GET /logs") => {
            replies("200 OK", r#"[{"message":"m","timestamp":"1"}]"#)
        }
        "POST /logs" => answer("201 Created", "text/plain", "Created"),
        _ => replies("200 OK", r#"{"name":"d1"}"#),
    })
    .await;
    let calls = ApiCalls::new(stub.client()).unwrap();
    let resource = json!({"resource": {"name": "d1", "resource": "demo", "spec": {"n": 1}}});
    let named = json!({"type": "demo", "name": "d1"});
    let version = json!({"type": "demo", "name": "d1", "version": "2"});
    let definition = json!({"definition": {"name": "demo", "schema": {}}});
    let pipeline =
        json!({"pipeline": {"name": "p", "resource": "demo", "steps": [{"driver": "a"}]}});
    for (operation, arguments, line) in [
        ("resources.create", resource.clone(), "POST /resources/"),
        ("resources.get", named.clone(), "GET /resources/demo/d1"),
        ("resources.get_version", version, "GET /resources/demo/d1/2"),
        ("resources.update", resource, "PUT /resources/demo/d1"),
        ("resources.delete", named, "DELETE /resources/demo/d1"),
        ("definitions.create", definition.clone(), "POST /resource-definitions/"),
        ("definitions.apply", definition.clone(), "POST /resource-definitions/apply"),
        ("definitions.get", json!({"name": "demo"}), "GET /resource-definitions/demo"),
        ("definitions.update", definition, "PUT /resource-definitions/demo"),
        ("definitions.delete", json!({"name": "demo"}), "DELETE /resource-definitions/demo"),
        ("pipelines.create", pipeline, "POST /pipelines/"),
        ("logs.query", json!({"run_id": "r", "driver": "a"}), "GET /logs?driver=a&runid=r"),
        ("logs.post", json!({"entry": {"runid": "r", "message": "m"}}), "POST /logs"),
        (
            "broadcasts.send",
            json!({"event": "create", "payload": "{}"}),
            "POST /drivers/broadcast-message",
        ),
    ] {
        let said = call(&calls, operation, arguments).await.unwrap();
        assert_eq!(stub.heard().last().unwrap().line, line);
        match operation {
            "resources.create" => assert_eq!(said["run_id"], "r1"),
            "logs.query" => assert_eq!(said[0]["message"], "m"),
            _ if line.starts_with("GET") || line.starts_with("PUT") => {
                assert_eq!(said["name"], "d1")
            }
            "resources.delete" | "definitions.delete" | "logs.post" | "broadcasts.send" => {
                assert_eq!(said, Value::Null);
            }
            _ => assert_eq!(said["name"], "d1"),
        }
    }
}

#[tokio::test]
async fn faults_of_the_arguments_are_all_told_and_nothing_is_sent() {
    let stub = Stub::start(|_, _| Does::Closes).await;
    let calls = ApiCalls::new(stub.client()).unwrap();
    let fault = |operation, arguments| {
        let error = calls.start(operation, arguments).unwrap_err();
        assert_eq!(error.code(), ErrorCode::ArgumentInvalid);
        let mut paths: Vec<_> = error.context().iter().map(|(path, _)| path.clone()).collect();
        paths.sort_unstable();
        paths
    };
    assert_eq!(
        fault("resources.create", json!({"resource": {"nam": "x", "pipeline": 3}})),
        ["resource.nam", "resource.pipeline"]
    );
    assert_eq!(fault("resources.get", json!({"type": "demo", "name": ""})), ["name"]);
    assert_eq!(fault("resources.list", json!({})), ["operation"]);
    assert_eq!(fault("logs.query", json!({"run": "r"})), ["run"]);
    assert!(stub.heard().is_empty());
}

#[tokio::test]
async fn an_error_has_the_code_of_the_typed_client() {
    let stub = Stub::start(|_, _| {
        replies(
            "500 Internal Server Error",
            r#"{"error":"resource definition with name x not found"}"#,
        )
    })
    .await;
    let calls = ApiCalls::new(stub.client()).unwrap();
    let error = call(&calls, "definitions.delete", json!({"name": "x"})).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn a_stream_is_read_event_by_event_until_it_is_closed() {
    let (send, pieces) = tokio::sync::mpsc::unbounded_channel();
    send.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"message\":\"m\"}\n\n"
            .to_vec(),
    )
    .unwrap();
    let pieces = std::sync::Mutex::new(Some(pieces));
    let stub = Stub::start(move |_, _| match pieces.lock().unwrap().take() {
        Some(pieces) => Does::Streams(pieces),
        None => Does::Closes,
    })
    .await;
    let calls = ApiCalls::new(stub.client()).unwrap();
    let stream = call(&calls, "logs.stream", json!({"run_id": "r"})).await.unwrap();
    let event = call(&calls, "logs.next", stream.clone()).await.unwrap();
    assert_eq!((&event["kind"], &event["entry"]["message"]), (&json!("line"), &json!("m")));
    let next = calls.start("logs.next", stream.clone()).unwrap();
    call(&calls, "logs.close", stream.clone()).await.unwrap();
    let waited = tokio::task::spawn_blocking({
        let calls = calls.clone();
        move || calls.wait(next, SOON)
    });
    assert_eq!(waited.await.unwrap().unwrap().unwrap().unwrap(), "null");
    let error = call(&calls, "logs.next", stream).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Closed);
    drop(send);
}

#[tokio::test]
async fn a_loop_is_woken_once_for_all_that_ended() {
    let stub = Stub::start(|_, _| replies("200 OK", r#"{"name":"demo"}"#)).await;
    let wakes = Arc::new(AtomicUsize::new(0));
    let (woken, wake) = mpsc::channel();
    let counted = wakes.clone();
    let calls = ApiCalls::waking(stub.client(), move || {
        counted.fetch_add(1, Ordering::AcqRel);
        woken.send(()).unwrap();
    })
    .unwrap();
    let first = calls.start("definitions.get", json!({"name": "demo"})).unwrap();
    let ended = tokio::task::spawn_blocking(move || {
        wake.recv_timeout(SOON).unwrap();
        (calls.take().unwrap(), calls)
    });
    let (ended, calls) = ended.await.unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].0, first);
    assert_eq!(said(ended[0].1.as_ref().unwrap())["name"], "demo");
    assert_eq!(wakes.load(Ordering::Acquire), 1);
    assert!(calls.take().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_descriptor_is_readable_exactly_while_there_are_answers() {
    let stub = Stub::start(|_, _| replies("200 OK", "{}")).await;
    let calls = ApiCalls::with_descriptor(stub.client()).unwrap();
    let readable = |seconds| {
        let descriptor = calls.wake_fd().unwrap();
        let mut fds = [PollFd::new(&descriptor, PollFlags::IN)];
        let most = Timespec { tv_sec: seconds, tv_nsec: 0 };
        poll(&mut fds, Some(&most)).unwrap() == 1
    };
    assert!(!readable(0));
    let number = calls.start("definitions.get", json!({"name": "demo"})).unwrap();
    assert!(readable(10));
    assert_eq!(calls.take().unwrap()[0].0, number);
    assert!(!readable(0));
}

#[tokio::test]
async fn a_call_that_is_given_up_is_gone() {
    let stub = Stub::start(|_, _| Does::Stalls(Vec::new())).await;
    let calls = ApiCalls::new(stub.client()).unwrap();
    let number = calls.start("definitions.get", json!({"name": "demo"})).unwrap();
    assert!(calls.wait(number, Duration::ZERO).unwrap().is_none());
    calls.cancel(number);
    assert_eq!(calls.wait(number, SOON).unwrap_err().code(), ErrorCode::Closed);
}
