//! What the runtime writes, its schemas accept.

use conveyor_driver::contract::{host_schema, messages_schema, options_schema};
use conveyor_driver::host::{LibraryLogs, ManagerState, RunQueue};
use conveyor_driver::message::{
    ControlReply, ControlRequest, DriverMessage, InitEvent, LogEntry, Resource, ResultEvent,
};
use conveyor_driver::options::{
    ConnectionOptions, DriverOptions, ManagerOptions, Secret, TlsOptions,
};
use conveyor_driver::subject::{DRIVER_RESULT, LIVE_LOGS, LOGS, PIPELINE_INIT};
use conveyor_driver::{CancelReason, DrainReport, DriverReport, DriverResult, Error, ErrorCode};
use conveyor_driver::{Level, LogLine};
use conveyor_driver_tests::Stage;
use conveyor_driver_tests::vectors::{Vector, VectorFile};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

use super::schema::Schema;

fn message(definition: &'static str) -> Schema {
    Schema::of(messages_schema(), definition)
}

fn host(definition: &'static str) -> Schema {
    Schema::of(host_schema(), definition)
}

#[test]
fn options_as_they_are_written() {
    let options = |definition| Schema::of(options_schema(), definition);
    options("DriverOptions").must_accept(&DriverOptions {
        name: "git".into(),
        resources: vec!["repo".into()],
        ..DriverOptions::default()
    });
    options("ManagerOptions").must_accept(&ManagerOptions::default());
    options("ConnectionOptions").must_accept(&ConnectionOptions {
        token: Some(Secret::new("t")),
        tls: TlsOptions { key: Some(Secret::new("k")), ..TlsOptions::default() },
        ..ConnectionOptions::default()
    });
}

#[test]
fn driver_messages_of_the_vectors() {
    let (schema, resource) = (message("DriverMessage"), message("Resource"));
    let vectors = VectorFile::load("driver_messages.json");
    vectors.check(
        |v| DriverMessage::decode(&v.bytes()).is_ok(),
        |v| {
            let message = DriverMessage::decode(&v.bytes()).unwrap();
            schema.must_accept_bytes(&message.encode());
            resource.must_accept(&Resource::decode(message.payload.as_bytes()).unwrap());
        },
    );
    vectors.check(
        |v| v.emitter() == "go-server" && v.valid(),
        |v| schema.must_accept_bytes(&v.bytes()),
    );
}

#[test]
fn results_and_beginnings_of_the_vectors() {
    let (result, init) = (message("ResultEvent"), message("InitEvent"));
    let vectors = VectorFile::load("driver_results.json");
    vectors.check(Vector::valid, |v| {
        result.must_accept_bytes(&ResultEvent::decode(&v.bytes()).unwrap().encode());
    });
    vectors.check(|v| v.emitter() == "go-sdk", |v| result.must_accept_bytes(&v.bytes()));

    let is_init = |v: &Vector| v.subject() == PIPELINE_INIT && v.valid();
    VectorFile::load("pipeline_events.json").check(is_init, |v| {
        init.must_accept(&InitEvent::decode(&v.bytes()).unwrap());
        init.must_accept_bytes(&v.bytes());
    });
}

#[test]
fn log_entries_of_the_vectors() {
    let schema = message("LogEntry");
    let vectors = VectorFile::load("logs.json");
    vectors.check(
        |v| v.emitter() == "recommended",
        |v| {
            schema.must_accept_bytes(&v.bytes());
            schema.must_accept_bytes(&LogEntry::decode(&v.bytes()).unwrap().encode());
        },
    );
}

#[test]
fn requests_to_running_drivers_and_their_replies() {
    message("ControlRequest").must_accept(&ControlRequest::Cancel { reason: "superseded".into() });
    let reply = message("ControlReply");
    reply.must_accept(&ControlReply { cancelled: 2, error: None });
    reply.must_accept(&ControlReply { cancelled: 0, error: Some("unknown command".into()) });
}

#[test]
fn reasons_reports_errors_and_levels() {
    let reason = host("CancelReason");
    for (written, document) in [
        (
            CancelReason::Requested("superseded".into()),
            json!({"kind": "requested", "reason": "superseded"}),
        ),
        (CancelReason::TimedOut, json!({"kind": "timed_out"})),
        (CancelReason::NoProgress, json!({"kind": "no_progress"})),
        (CancelReason::Shutdown, json!({"kind": "shutdown"})),
        (CancelReason::LeaseLost, json!({"kind": "lease_lost"})),
    ] {
        assert_eq!(serde_json::to_value(&written).unwrap(), document);
        reason.must_accept(&written);
    }
    let error = || Error::new(ErrorCode::Conflict, "filters").with_context("consumer", "git");
    host("Error").must_accept(&error());
    let stopped = DriverReport { error: Some(error()), ..DriverReport::default() };
    host("DrainReport").must_accept(&DrainReport { drivers: vec![stopped] });
    host("Level").must_accept(&Level::Warning);
}

#[test]
fn states_and_what_the_library_says() {
    for state in [
        ManagerState::New,
        ManagerState::Starting,
        ManagerState::Running,
        ManagerState::Draining,
        ManagerState::Ended,
    ] {
        assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        host("ManagerState").must_accept(&state);
    }
    let (logs, queue) = (LibraryLogs::new(1), RunQueue::new());
    queue.attach_library_logs(&logs).unwrap();
    tracing::subscriber::with_default(registry().with(logs.layer(Level::Info)), || {
        tracing::warn!(free_bytes = 7, path = "/tmp", "careful");
        tracing::warn!("one too many");
    });
    let said = queue.take_library_logs(10);
    assert_eq!(said.len(), 2);
    said.iter().for_each(|record| host("LibraryLog").must_accept(record));
}

#[tokio::test(start_paused = true)]
async fn what_a_driver_sends_and_reports() {
    let stage = Stage::on_memory().await;
    let subscribe = async |subject| stage.stream.subscribe(subject).await.unwrap();
    let (mut results, mut stored, mut live) =
        (subscribe(DRIVER_RESULT).await, subscribe(LOGS).await, subscribe(LIVE_LOGS).await);
    let running = stage
        .start(stage.driver().reconcile(async |run| {
            run.log(LogLine::new(Level::Warning, "hm").label("step", 3)).await;
            match run.event() {
                "create" => Ok(DriverResult::success("done").data(json!({"image": "app:1"}))),
                _ => Err("no such event".into()),
            }
        }))
        .await;
    let (result, entry) = (message("ResultEvent"), message("LogEntry"));
    let mut data = Vec::new();
    for event in ["create", "vanish"] {
        let mut resource = stage.resource("app");
        resource.metadata.insert("retries".into(), json!(2));
        let subject = conveyor_driver::subject::resource(&stage.resource);
        stage.post_event(event, &resource, subject).await;
        let bytes = results.next().await.unwrap().payload;
        result.must_accept_bytes(&bytes);
        data.push(serde_json::from_slice::<Value>(&bytes).unwrap()["driverresult"]["data"].take());
        entry.must_accept_bytes(&stored.next().await.unwrap().payload);
        entry.must_accept_bytes(&live.next().await.unwrap().payload);
    }
    message("FailureError").must_accept(&data[1]["error"]);
    assert_eq!(data[0], json!({"image": "app:1"}));

    let report = running.drain().await.unwrap();
    host("DrainReport").must_accept(&report);
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!(report["drivers"][0]["succeeded"], 1);
    assert_eq!(report["drivers"][0]["failed"], 1);
}
