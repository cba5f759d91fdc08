//! The API: what the client says of it, and what docs/interop.md says that it lacks.

use conveyor_driver::client::{LogFilter, Pipeline, PipelineStep, ResourceDefinition};
use conveyor_driver::message::{LogEntry, Resource};
use conveyor_driver::{Client, ErrorCode, Result};
use conveyor_driver_tests::{eventually, unique_name};
use futures_util::StreamExt;
use serde_json::json;

use crate::server::{Need, Server};

fn code<T: std::fmt::Debug>(outcome: Result<T>) -> ErrorCode {
    outcome.unwrap_err().code()
}

async fn definition(client: &Client) -> ResourceDefinition {
    let schema = json!({"type": "object", "required": ["n"]});
    let definition =
        ResourceDefinition { name: unique_name("kind"), schema, ..ResourceDefinition::default() };
    client.definitions().create(&definition).await.unwrap()
}

fn resource(definition: &ResourceDefinition) -> Resource {
    Resource {
        name: unique_name("thing"),
        resource: definition.name.clone(),
        spec: json!({"n": 1}),
        ..Resource::default()
    }
}

pub(crate) async fn does_what_the_client_says(server: &Server) {
    let client = server.client();
    let definition = definition(&client).await;
    let definitions = client.definitions();
    assert_eq!(definitions.get(&definition.name).await.unwrap(), definition);
    assert_eq!(code(definitions.create(&definition).await), ErrorCode::Conflict);
    let changed = ResourceDefinition { version: "2".into(), ..definition.clone() };
    assert_eq!(definitions.apply(&changed).await.unwrap().version, "2");
    let changed = ResourceDefinition { version: "3".into(), ..definition.clone() };
    assert_eq!(definitions.update(&changed).await.unwrap().version, "3");

    let resources = client.resources();
    let mut thing = resource(&definition);
    let created = resources.create(&thing).await.unwrap();
    assert!(!created.run_id.as_str().is_empty());
    assert_eq!((created.name.as_str(), created.version.as_str()), (thing.name.as_str(), "1"));
    assert_eq!(code(resources.create(&thing).await), ErrorCode::Conflict);
    let lost = Resource { name: unique_name("x"), pipeline: unique_name("none"), ..thing.clone() };
    assert_eq!(code(resources.create(&lost).await), ErrorCode::NotFound);
    thing.spec = json!({"n": 2});
    assert_eq!(resources.update(&thing).await.unwrap().metadata["version"], "2");
    let first = resources.get_version(&thing.resource, &thing.name, "1").await.unwrap();
    assert_eq!(first.spec, json!({"n": 1}));
    resources.delete(&thing.resource, &thing.name).await.unwrap();
    assert_eq!(code(resources.get(&thing.resource, &thing.name).await), ErrorCode::NotFound);
    resources.delete(&thing.resource, &thing.name).await.unwrap();

    let pipeline = Pipeline {
        name: unique_name("line"),
        resource: definition.name.clone(),
        steps: vec![PipelineStep::of("one"), PipelineStep::of("two")],
        ..Pipeline::default()
    };
    assert_eq!(client.pipelines().create(&pipeline).await.unwrap(), pipeline);

    let run = unique_name("run");
    let entry = LogEntry {
        runid: run.as_str().into(),
        driver: "one".into(),
        timestamp: "2026-01-01T00:00:00.000000001Z".into(),
        message: "a <b> & \u{e9}".into(),
        ..LogEntry::default()
    };
    client.logs().post(&entry).await.unwrap();
    let stored = eventually("the line is stored", async || {
        let stored = client.logs().query(&LogFilter::run(run.as_str())).await.unwrap();
        (!stored.is_empty()).then_some(stored)
    })
    .await;
    assert_eq!(stored, [entry]);

    definitions.delete(&definition.name).await.unwrap();
    assert_eq!(code(definitions.get(&definition.name).await), ErrorCode::NotFound);
    assert_eq!(code(definitions.delete(&definition.name).await), ErrorCode::NotFound);
}

pub(crate) async fn lacks_what_the_page_says(server: &Server) {
    let client = server.client();
    // A definition that was first applied has no id.
    let applied =
        ResourceDefinition { name: unique_name("kind"), schema: json!({}), ..Default::default() };
    client.definitions().apply(&applied).await.unwrap();
    assert_eq!(client.definitions().get(&applied.name).await.unwrap().id, "");

    // Numbers beyond 2^53 are rounded.
    let definition = definition(&client).await;
    let mut thing = resource(&definition);
    thing.spec = json!({"n": 9_007_199_254_740_993_u64});
    thing.metadata = json!({"owner": "ops"}).as_object().unwrap().clone();
    client.resources().create(&thing).await.unwrap();
    let stored = client.resources().get(&thing.resource, &thing.name).await.unwrap();
    assert_eq!(stored.spec, json!({"n": 9_007_199_254_740_992_u64}));
    // Metadata are thrown away when a resource is created.
    assert_eq!(stored.metadata.keys().collect::<Vec<_>>(), ["version"]);
    // Versions stay after a deletion.
    client.resources().delete(&thing.resource, &thing.name).await.unwrap();
    let kept = client.resources().get_version(&thing.resource, &thing.name, "1").await.unwrap();
    assert_eq!(kept.name, thing.name);
    // Names in paths are not decoded: one that must be escaped can be created and not be read.
    let mut thing = resource(&definition);
    thing.name.push_str(" b");
    client.resources().create(&thing).await.unwrap();
    let read = client.resources().get(&thing.resource, &thing.name).await;
    assert_eq!(code(read), ErrorCode::NotFound);

    // What the page says of the version that streams no logs, and of its NATS.
    if server.lacks(Need::LogStreams).await.is_some() {
        for filter in [LogFilter::run("run"), LogFilter::run("run").driver("driver")] {
            let mut live = client.logs().stream(&filter).unwrap();
            assert_eq!(code(live.next().await.unwrap()), ErrorCode::Unsupported);
        }
    }
    if server.lacks(Need::NatsTls).await.is_some() {
        let tls = server.tls_of(&server.identity());
        assert_eq!(code(server.stream_with(tls).await), ErrorCode::TlsFailed);
    }
}

/// Where `conveyor-driver dev` is kinder than the server.
pub(crate) async fn is_strict(server: &Server) {
    let client = server.client();
    let definition = definition(&client).await;
    let thing = Resource { spec: json!({}), ..resource(&definition) };
    assert_eq!(code(client.resources().create(&thing).await), ErrorCode::ApiRefused);
    let lost = Resource { resource: unique_name("none"), ..thing };
    assert_eq!(code(client.resources().create(&lost).await), ErrorCode::NotFound);
    let nowhere =
        Pipeline { name: unique_name("line"), resource: lost.resource, ..Default::default() };
    assert_eq!(code(client.pipelines().create(&nowhere).await), ErrorCode::NotFound);
}
