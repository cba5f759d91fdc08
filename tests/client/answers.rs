//! Good answers, and what is repeated to get one.

use conveyor_driver::client::{LogFilter, ResourceDefinition};
use conveyor_driver::message::{LogEntry, Resource};
use conveyor_driver::options::ClientOptions;
use conveyor_driver::{Client, ErrorCode};
use serde_json::json;

use crate::stub::{Does, Stub, json};

const CREATED: &str = r#"{"message":"ok","name":"d1","runid":"r1","version":"1"}"#;

fn resource() -> Resource {
    Resource {
        name: "d1".into(),
        resource: "demo".into(),
        spec: json!({"n": 1}),
        ..Resource::default()
    }
}

#[tokio::test]
async fn a_resource_is_posted_as_json_and_its_run_is_told() {
    let stub = Stub::start(|_, _| json("201 Created", CREATED)).await;
    let created = stub.client().resources().create(&resource()).await.unwrap();
    assert_eq!((created.run_id.as_str(), created.version.as_str()), ("r1", "1"));
    let heard = &stub.heard()[0];
    assert_eq!(heard.line, "POST /resources/");
    assert_eq!(heard.header("content-type"), Some("application/json"));
    assert_eq!(heard.header("authorization"), None);
    assert_eq!(Resource::decode(&heard.body).unwrap(), resource());
}

#[tokio::test]
async fn an_address_may_have_a_path() {
    let stub = Stub::start(|_, _| json("200 OK", r#"{"name":"a b"}"#)).await;
    let options = ClientOptions { url: Some(format!("{}/conveyor/", stub.url)), ..stub.options() };
    let definition = Client::new(options).unwrap().definitions().get("a b").await.unwrap();
    assert_eq!(definition.name, "a b");
    assert_eq!(stub.heard()[0].line, "GET /conveyor/resource-definitions/a%20b");
}

#[tokio::test]
async fn stored_lines_come_in_the_order_of_their_times() {
    let lines = r#"[{"runid":"r","driver":"a","timestamp":"2026-01-01T00:00:02Z","message":"3"},
        {"runid":"r","driver":"a","timestamp":"2026-01-01T00:00:02Z","message":"4"},
        {"runid":"r","driver":"b","pipeline":null,"timestamp":"2026-01-01T00:00:00.5Z","message":"1"},
        {"runid":"r","driver":"c","timestamp":"1767225601","message":"2"}]"#;
    let stub = Stub::start(|_, _| json("200 OK", lines)).await;
    let filter = LogFilter::run("r").pipeline("p&q");
    let entries = stub.client().logs().query(&filter).await.unwrap();
    let messages: Vec<_> = entries.iter().map(|entry| entry.message.as_str()).collect();
    assert_eq!(messages, ["1", "2", "3", "4"]);
    assert_eq!(stub.heard()[0].line, "GET /logs?pipeline=p%26q&runid=r");
}

#[tokio::test]
async fn what_is_safe_to_repeat_is_repeated() {
    let stub = Stub::start(|n, _| match n {
        0 => Does::Closes,
        1 => json("503 Service Unavailable", ""),
        _ => json("201 Created", r#"{"name":"demo"}"#),
    })
    .await;
    let definition = ResourceDefinition { name: "demo".into(), ..ResourceDefinition::default() };
    stub.client().definitions().apply(&definition).await.unwrap();
    assert_eq!(stub.heard().len(), 3);
}

#[tokio::test]
async fn what_may_have_been_done_is_not_repeated() {
    let stub = Stub::start(|_, _| Does::Closes).await;
    let client = stub.client();
    let error = client.resources().create(&resource()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    let error = client.resources().update(&resource()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    let error = client.logs().post(&LogEntry::default()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert_eq!(stub.heard().len(), 3);
}

#[tokio::test]
async fn what_the_server_refuses_is_not_asked_twice() {
    let stub = Stub::start(|_, _| json("400 Bad Request", r#"{"error":"no"}"#)).await;
    let error = stub.client().resources().get("demo", "d1").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ApiRefused);
    assert!(error.context().contains(&("request".into(), "GET /resources/demo/d1".into())));
    assert_eq!(stub.heard().len(), 1);
}

#[tokio::test]
async fn tries_are_as_many_as_allowed() {
    let stub = Stub::start(|_, _| json("500 Internal Server Error", r#"{"error":"etcd"}"#)).await;
    let options = ClientOptions { max_attempts: 2, ..stub.options() };
    let client = Client::new(options).unwrap();
    let error = client.resources().get("demo", "d1").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ApiFailed);
    assert_eq!(stub.heard().len(), 2);
}

#[tokio::test]
async fn absence_and_presence_have_their_codes_although_the_server_says_500() {
    let stub = Stub::start(|_, heard| match heard.line.as_str() {
        "POST /resources/" => json(
            "500 Internal Server Error",
            r#"{"error":"Failed to insert resource: resource with name d1 and type demo already exists"}"#,
        ),
        _ => json(
            "500 Internal Server Error",
            r#"{"error":"Failed to find resource: resource with name d1 and type demo not found"}"#,
        ),
    })
    .await;
    let client = stub.client();
    let error = client.resources().create(&resource()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Conflict);
    let error = client.resources().get("demo", "d1").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert_eq!(stub.heard().len(), 2);
}

#[test]
fn without_an_address_there_is_no_client() {
    let options = ClientOptions { max_attempts: 0, ..ClientOptions::default() };
    let error = Client::new(options).unwrap_err();
    assert_eq!(error.code(), ErrorCode::OptionsInvalid);
    let mut paths: Vec<_> = error.context().iter().map(|(path, _)| path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["max_attempts", "url"]);
}

#[tokio::test]
async fn clones_of_a_client_are_used_in_tasks() {
    let stub = Stub::start(|_, _| json("200 OK", r#"{"name":"demo"}"#)).await;
    let client = stub.client();
    let tasks = (0..8).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            let definition = ResourceDefinition::default();
            client.definitions().apply(&definition).await?;
            client.resources().get("demo", "d1").await?;
            client.resources().delete("demo", "d1").await
        })
    });
    for ended in futures_util::future::join_all(tasks).await {
        ended.unwrap().unwrap();
    }
    assert_eq!(stub.heard().len(), 24);
}
