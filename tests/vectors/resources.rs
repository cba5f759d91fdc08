//! Requests to the API and its answers, as the server's own bytes have them.

use conveyor_driver::ErrorCode;
use conveyor_driver::client::{
    LogFilter, Pipeline, Reply, Request, ResourceDefinition, broadcasts, definitions, logs,
    pipelines, resources,
};
use conveyor_driver::message::{DriverMessage, LogEntry, Resource};
use conveyor_driver_tests::vectors::{Vector, VectorFile};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::api_errors::reply;

#[test]
fn requests_are_built_and_answers_read_as_the_vectors_say() {
    let vectors = VectorFile::load("resources.json");
    let is_encoding = |v: &Vector| v.subject() == "types.Resource";
    let goes_out = |v: &Vector| v.get("direction").unwrap() == "out";
    vectors.check(|v| goes_out(v), is_built);
    vectors.check(|v| !goes_out(v) && !is_encoding(v), is_read);
    vectors.check(is_encoding, is_encoded);
    vectors.done();
}

fn is_built(vector: &Vector) {
    let bytes = vector.bytes();
    let path = vector.subject().split(' ').nth(1).unwrap();
    let request = match vector.name().split('-').next().unwrap() {
        "definition" => {
            let definition: ResourceDefinition = document(vector);
            match vector.subject() {
                "POST /resource-definitions/" => definitions::create(&definition),
                "POST /resource-definitions/apply" => definitions::apply(&definition),
                _ => definitions::update(&definition),
            }
        }
        "pipeline" => pipelines::create(&document::<Pipeline>(vector)),
        "resource" => {
            let resource = Resource::decode(&bytes).unwrap();
            if vector.subject().starts_with("POST") {
                resources::create(&resource)
            } else {
                resources::update(&resource)
            }
        }
        "log" => logs::post(&LogEntry::decode(&bytes).unwrap()),
        "broadcast" => Ok(broadcasts::send(&DriverMessage::decode(&bytes).unwrap())),
        other => panic!("no request is known for {other}"),
    };
    let request = request.unwrap();
    assert_eq!(line(&request), format!("{} {path}", vector.subject().split(' ').next().unwrap()));
    let sent: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
    assert_eq!(without_nothing(sent), without_nothing(vector.decoded().clone()));
    assert_eq!(vector.get("content_type").unwrap(), "application/json");
}

fn is_read(vector: &Vector) {
    let reply = reply(vector);
    reply.check().unwrap();
    let asked = asked_for(vector.subject());
    if let Some(request) = asked {
        assert_eq!(line(&request), vector.subject());
    }
    let read = match vector.name() {
        "resource-create-minimal-response" | "resource-create-full-response" => {
            let created = resources::created(&reply).unwrap();
            json!({
                "message": created.message,
                "name": created.name,
                "runid": created.run_id,
                "version": created.version,
            })
        }
        name if vector.decoded().is_null() || name.starts_with("broadcast") => return,
        name if name.starts_with("definition") => json(definitions::definition(&reply)),
        name if name.starts_with("pipeline") => json(pipelines::pipeline(&reply)),
        name if name.starts_with("resource") => json(resources::resource(&reply)),
        name if name.starts_with("log") => json(logs::entries(&reply)),
        name => panic!("nothing reads {name}"),
    };
    assert_eq!(without_nothing(read), without_nothing(vector.decoded().clone()));
    is_refused_as_another_kind(vector, reply);
}

/// The request that a vector with a path of its own answers.
fn asked_for(subject: &str) -> Option<Request> {
    let (method, path) = subject.split_once(' ').unwrap();
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let request = match (method, parts.as_slice()) {
        ("GET", ["resources", kind, name]) => resources::get(kind, name),
        ("GET", ["resources", kind, name, version]) => resources::get_version(kind, name, version),
        ("DELETE", ["resources", kind, name]) => resources::delete(kind, name),
        ("GET", ["resource-definitions", name]) => definitions::get(name),
        ("DELETE", ["resource-definitions", name]) => definitions::delete(name),
        ("GET", [query]) => {
            let run = query.strip_prefix("logs?runid=").unwrap();
            Ok(logs::query(&LogFilter::run(run)))
        }
        ("GET", _) => panic!("nothing asks for {subject}"),
        _ => return None,
    };
    Some(request.unwrap())
}

/// The same bytes, called something else, are no answer of the API's.
fn is_refused_as_another_kind(vector: &Vector, reply: Reply) {
    let reply = Reply { content_type: Some("text/html".to_owned()), ..reply };
    let code = match vector.name() {
        name if name.starts_with("log") => logs::entries(&reply).unwrap_err().code(),
        name if name.starts_with("definition") => {
            definitions::definition(&reply).unwrap_err().code()
        }
        name if name.starts_with("pipeline") => pipelines::pipeline(&reply).unwrap_err().code(),
        name if name.contains("create") => resources::created(&reply).unwrap_err().code(),
        _ => resources::resource(&reply).unwrap_err().code(),
    };
    assert_eq!(code, ErrorCode::ResponseInvalid);
}

fn is_encoded(vector: &Vector) {
    let read = Resource::decode(&vector.bytes());
    if vector.valid() {
        let read = serde_json::to_value(read.unwrap()).unwrap();
        let mut want = without_nothing(vector.decoded().clone());
        if vector.name() == "encode-metadata-value-null" {
            // Sent as text all the same.
            want["metadata"] = json!({"k": null});
        }
        assert_eq!(numbers_alike(without_nothing(read)), numbers_alike(without_nothing(want)));
        return;
    }
    // What the server would refuse for its metadata is read, and sent as text.
    match read {
        Ok(resource) => {
            let request = resources::create(&resource).unwrap();
            let sent: Value = serde_json::from_slice(&request.body.unwrap()).unwrap();
            assert!(sent["metadata"].as_object().unwrap().values().all(Value::is_string));
        }
        Err(error) => assert_eq!(error.code(), ErrorCode::MessageInvalid),
    }
}

fn document<T: DeserializeOwned>(vector: &Vector) -> T {
    serde_json::from_value(vector.decoded().clone()).unwrap()
}

fn json(document: conveyor_driver::Result<impl serde::Serialize>) -> Value {
    serde_json::to_value(document.unwrap()).unwrap()
}

fn line(request: &Request) -> String {
    format!("{} {}", request.method.name(), request.path)
}

/// What is absent, empty and `null` is the same to the server.
fn without_nothing(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(key, value)| {
                    let nothing = [json!(""), json!(null), json!({})].contains(value);
                    !nothing || key == "schema"
                })
                .collect(),
        ),
        Value::Array(items) => items.into_iter().map(without_nothing).collect(),
        other => other,
    }
}

/// `1000` and `1000.0` are one number.
fn numbers_alike(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().unwrap()),
        Value::Array(items) => items.into_iter().map(numbers_alike).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(key, value)| (key, numbers_alike(value))).collect()
        }
        other => other,
    }
}
