//! What the real engine had stored when the vectors were recorded.

use conveyor_driver::message::{DriverMessage, Resource};
use conveyor_driver_cli::control_plane::{Engine, Pipeline, Reaction};
use conveyor_driver_tests::vectors::Vector;
use serde_json::{Map, Value, json};

pub(crate) const TYPE: &str = "app-build";
pub(crate) const NAME: &str = "app-1";
pub(crate) const RESOURCE_ID: &str = "0d2f6c1e-7b1a-4c39-8e0e-6a8f4b1c2d3e";

/// The pipelines, and the resource when it is in one.
pub(crate) fn engine(pipeline: Option<&str>) -> Engine {
    let mut engine = Engine::default();
    engine.put_pipeline(Pipeline::new("ship", TYPE, &["fetch", "compile", "publish"]));
    engine.put_pipeline(Pipeline::new("twice", TYPE, &["fetch", "compile", "fetch"]));
    if let Some(pipeline) = pipeline {
        let resource = Resource {
            name: NAME.into(),
            resource: TYPE.into(),
            pipeline: pipeline.into(),
            spec: json!({ "repo": "https://git.example/app.git" }),
            ..Resource::default()
        };
        engine.create(resource, RESOURCE_ID, &"run".into(), "id").unwrap();
    }
    engine
}

/// Publishes the vector to the engine, which must react as the real one did.
pub(crate) fn reacts(engine: &mut Engine, vector: &Vector) -> Reaction {
    let reaction = engine.handle(vector.subject(), &vector.bytes(), "a1b2c3d4e5f60718293a4b5c");
    let want = vector.get("engine").unwrap();
    assert_eq!(saved(engine), want["saved_metadata"]);
    let next: Vec<Value> = reaction
        .next
        .iter()
        .map(|message| {
            let sent = DriverMessage::decode(&message.payload).unwrap();
            json!({ "subject": &*message.subject, "event": sent.event, "run_id": sent.run_id })
        })
        .collect();
    assert_eq!(Value::from(next), want["next"]);
    reaction
}

fn saved(engine: &Engine) -> Value {
    let metadata = engine.resource(TYPE, NAME).map(|resource| resource.metadata.clone());
    let results: Map<String, Value> = metadata
        .unwrap_or_default()
        .into_iter()
        .filter(|(key, _)| key.starts_with("driverresults."))
        .collect();
    results.into()
}
