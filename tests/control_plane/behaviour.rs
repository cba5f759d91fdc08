//! What a control plane does, whatever the event stream under it.

use conveyor_driver::ErrorCode;
use conveyor_driver::message::{DriverResult, Resource};
use conveyor_driver::stream::{Message, Retention, SharedStream, StreamConfig};
use conveyor_driver_cli::control_plane::{ControlPlane, LogQuery, Notice, Pipeline};
use serde_json::{Value, json};

use super::plain_driver::PlainDriver;

pub(crate) const TYPE: &str = "app-build";

pub(crate) fn resource(name: &str, pipeline: &str) -> Resource {
    Resource {
        id: "chosen by the client".into(),
        name: name.into(),
        pipeline: pipeline.into(),
        resource: TYPE.into(),
        spec: json!({ "n": 9_007_199_254_740_993_u64, "html": "<b>" }),
        ..Resource::default()
    }
}

pub(crate) fn ship() -> Pipeline {
    Pipeline::new("ship", TYPE, &["fetch", "compile"])
}

pub(crate) async fn makes_the_streams_as_the_server_does(stream: SharedStream) {
    let plane = ControlPlane::start(stream.clone()).await.unwrap();
    for (name, subjects, retention) in [
        ("messages", &["resources.>", "events.>", "drivers.>"][..], Retention::Interest),
        ("pipeline-engine", &["pipelines.>"], Retention::WorkQueue),
        ("logs-engine", &["logs.>"], Retention::WorkQueue),
    ] {
        let have = stream.stream(name).await.unwrap().unwrap();
        assert_eq!(have, StreamConfig::new(name, subjects, retention));
    }
    plane.shutdown().await;
}

pub(crate) async fn runs_a_resource_without_a_pipeline(stream: SharedStream) {
    let plane = ControlPlane::start(stream.clone()).await.unwrap();
    let mut driver = PlainDriver::start(&stream, "fetch", TYPE).await;
    let run = plane.post(resource("app-1", "")).await.unwrap();

    let (subject, message) = driver.receive().await;
    assert_eq!(subject, "resources.app-build");
    assert_eq!((message.event.as_str(), &message.run_id), ("create", &run));
    assert_eq!(message.id.len(), 24);
    assert!(message.id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    // Numbers and escapes as the server writes them.
    assert!(message.payload.ends_with(
        r#""metadata":{"version":"1"},"spec":{"html":"\u003cb\u003e","n":9007199254740992}}"#
    ));
    let stored = plane.resource(TYPE, "app-1").unwrap();
    assert_ne!(stored.id, "chosen by the client");
    assert_eq!(Resource::decode(message.payload.as_bytes()).unwrap().id, stored.id);

    driver.answer(&message, DriverResult::success("done").data(json!([1]))).await;
    let result = plane.result(&run).await.unwrap();
    assert_eq!(result.result, DriverResult::success("done").data(json!([1])));
    assert_eq!(plane.resource(TYPE, "app-1").unwrap().metadata, stored.metadata);
    plane.shutdown().await;
}

pub(crate) async fn leads_a_resource_through_its_pipeline(stream: SharedStream) {
    let plane = ControlPlane::start(stream.clone()).await.unwrap();
    plane.pipeline(ship());
    let mut fetch = PlainDriver::start(&stream, "fetch", TYPE).await;
    let mut compile = PlainDriver::start(&stream, "compile", TYPE).await;
    let run = plane.post(resource("app-1", "ship")).await.unwrap();

    let (subject, first) = fetch.receive().await;
    assert_eq!(subject, "drivers.fetch.resources.app-build");
    assert_eq!((first.event.as_str(), &first.run_id), ("create", &run));
    fetch.answer(&first, DriverResult::success("cloned").data(json!({ "commit": "9f" }))).await;

    let (subject, second) = compile.receive().await;
    assert_eq!(subject, "drivers.compile.resources.app-build");
    assert_eq!((second.event.as_str(), &second.run_id), ("process", &run));
    assert_ne!(first.id, second.id);
    let seen = Resource::decode(second.payload.as_bytes()).unwrap();
    let saved: Value =
        serde_json::from_str(seen.metadata["driverresults.fetch"].as_str().unwrap()).unwrap();
    assert_eq!(
        saved,
        json!({ "success": true, "message": "cloned", "data": { "commit": "9f" }, "driver": "fetch" })
    );
    assert_eq!(plane.results(&run).len(), 1);
    compile.answer(&second, DriverResult::success("built")).await;

    assert_eq!(plane.result(&run).await.unwrap().driver, "compile");
    let drivers: Vec<_> = plane.results(&run).into_iter().map(|event| event.driver).collect();
    assert_eq!(drivers, ["fetch", "compile"]);
    assert!(fetch.is_idle().await && compile.is_idle().await);
    plane.shutdown().await;
}

pub(crate) async fn stops_a_pipeline_at_a_bad_result(stream: SharedStream) {
    let plane = ControlPlane::start(stream.clone()).await.unwrap();
    plane.pipeline(ship());
    let mut fetch = PlainDriver::start(&stream, "fetch", TYPE).await;
    let mut compile = PlainDriver::start(&stream, "compile", TYPE).await;
    let run = plane.post(resource("app-1", "ship")).await.unwrap();
    fetch.serve(DriverResult::failure("no such branch")).await;

    assert_eq!(plane.result(&run).await.unwrap().result, DriverResult::failure("no such branch"));
    assert!(plane.resource(TYPE, "app-1").unwrap().metadata.contains_key("driverresults.fetch"));
    assert!(compile.is_idle().await);
    plane.shutdown().await;
}

pub(crate) async fn keeps_and_shows_log_lines(stream: SharedStream) {
    let plane = ControlPlane::start(stream.clone()).await.unwrap();
    let mut watch = plane.watch();
    let mut driver = PlainDriver::start(&stream, "fetch", TYPE).await;
    let run = plane.post(resource("app-1", "")).await.unwrap();
    let (_, message) = driver.receive().await;
    for (number, line) in [(2, "second"), (1, "first")] {
        driver.log(&message, number, line).await;
    }
    driver.answer(&message, DriverResult::success("done")).await;

    let query = LogQuery::of_run(&run).by("fetch");
    let stored = plane.logs_reaching(&query, 2).await.unwrap();
    let lines: Vec<_> = stored.iter().map(|entry| entry.message.as_str()).collect();
    assert_eq!(lines, ["first", "second"]);
    assert!(stored.iter().all(|entry| entry.labels.is_empty()));

    let (mut live, mut posted, mut answered) = (Vec::new(), false, false);
    while live.len() < 2 || !posted || !answered {
        match watch.next().await.unwrap() {
            Notice::Posted { run: started, resource } => {
                assert_eq!((started, resource.name.as_str()), (run.clone(), "app-1"));
                posted = true;
            }
            Notice::Log(entry) => {
                assert_eq!(entry.labels["level"], "info");
                live.push(entry.message);
            }
            Notice::Result { event, next } => {
                assert_eq!((event.driver.as_str(), next), ("fetch", None));
                answered = true;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(live, ["second", "first"]);
    plane.shutdown().await;
    while watch.next().await.is_some() {}
}

pub(crate) async fn refuses_what_the_server_refuses(stream: SharedStream) {
    let plane = ControlPlane::start(stream.clone()).await.unwrap();
    plane.pipeline(Pipeline::new("other", "page", &["render"]));
    plane.post(resource("taken", "")).await.unwrap();
    for (resource, code) in [
        (resource("taken", ""), ErrorCode::Conflict),
        (resource("new", "gone"), ErrorCode::NotFound),
        (resource("new", "other"), ErrorCode::MessageInvalid),
        (Resource { resource: String::new(), ..resource("new", "") }, ErrorCode::MessageInvalid),
        (Resource { resource: "a b".into(), ..resource("new", "") }, ErrorCode::MessageInvalid),
    ] {
        assert_eq!(plane.post(resource).await.unwrap_err().code(), code);
    }
    assert_eq!(plane.resource(TYPE, "new"), None);
    assert!(plane.delete(TYPE, "taken"));
    plane.post(resource("taken", "")).await.unwrap();
    plane.shutdown().await;
}

pub(crate) async fn lives_on_after_nonsense(stream: SharedStream) {
    let plane = ControlPlane::start(stream.clone()).await.unwrap();
    let mut watch = plane.watch();
    for subject in ["pipelines.driver.result", "pipelines.pipeline.init", "logs.run", "pipelines.x"]
    {
        stream.publish(Message::new(subject, "nonsense")).await.unwrap().await.unwrap();
        match watch.next().await.unwrap() {
            Notice::Ignored { subject: where_to, .. } => assert_eq!(where_to, subject),
            other => panic!("{other:?}"),
        }
    }
    let mut driver = PlainDriver::start(&stream, "fetch", TYPE).await;
    let run = plane.post(resource("app-1", "")).await.unwrap();
    driver.serve(DriverResult::success("done")).await;
    plane.result(&run).await.unwrap();
    plane.shutdown().await;
}

pub(crate) async fn leaves_work_to_the_next(stream: SharedStream) {
    let plane = ControlPlane::start(stream.clone()).await.unwrap();
    let mut driver = PlainDriver::start(&stream, "fetch", TYPE).await;
    let run = plane.post(resource("app-1", "")).await.unwrap();
    let waiting = plane.result(&run);
    let ((), waited) = tokio::join!(plane.shutdown(), waiting);
    assert_eq!(waited.unwrap_err().code(), ErrorCode::Closed);

    let message = driver.serve(DriverResult::success("done")).await;
    driver.log(&message, 1, "line").await;
    let next = ControlPlane::start(stream.clone()).await.unwrap();
    assert_eq!(next.result(&run).await.unwrap().driver, "fetch");
    assert_eq!(next.logs_reaching(&LogQuery::of_run(&run), 1).await.unwrap().len(), 1);
    next.shutdown().await;
}
