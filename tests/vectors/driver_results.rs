use conveyor_driver::message::ResultEvent;
use conveyor_driver_cli::control_plane::{Ignored, Reaction};
use conveyor_driver_tests::vectors::{Vector, VectorFile, text};
use serde_json::{Value, json};

use super::shop;

#[test]
fn every_result_is_read_and_written_as_the_vectors_say() {
    let vectors = VectorFile::load("driver_results.json");
    vectors.check(
        |_| true,
        |v| {
            let stored = &v.get("setup").unwrap()["stored_resource"];
            let pipeline = stored.as_str().map(|text| text.rsplit(' ').next().unwrap());
            let mut engine = shop::engine(pipeline);
            assert_eq!(may_be_sent(&shop::reacts(&mut engine, v)), v.valid());
        },
    );
    vectors.check(Vector::valid, is_read_and_written);
    vectors.check(
        |v| v.emitter() == "go-sdk",
        |v| {
            let event = ResultEvent::decode(&v.bytes()).unwrap();
            let ours: Value = serde_json::from_slice(&event.encode()).unwrap();
            assert_eq!(ours, *v.decoded());
        },
    );
    vectors.done();
}

/// A runtime may send what addresses a resource, and what the engine takes or is known to leave.
fn may_be_sent(reaction: &Reaction) -> bool {
    let addressed = reaction.result.as_ref().is_some_and(|event| !event.resource.name.is_empty());
    addressed && matches!(reaction.ignored, None | Some(Ignored::NoPipeline))
}

fn is_read_and_written(vector: &Vector) {
    let decoded = vector.decoded();
    let event = ResultEvent::decode(&vector.bytes()).unwrap();
    let (resource, result) = (&decoded["resource"], &decoded["driverresult"]);
    assert_eq!(event.run_id.as_str(), text(decoded, "run_id"));
    assert_eq!(event.driver, text(result, "driver"));
    assert_eq!(event.result.success, result["success"]);
    assert_eq!(event.result.message, text(result, "message"));
    assert_eq!(event.result.data, result["data"]);
    assert_eq!(serde_json::to_value(&event.resource).unwrap(), *resource);

    let bytes = event.encode();
    assert_eq!(ResultEvent::decode(&bytes).unwrap(), event);
    let ours: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(ours["event"], json!("driver.result"));
}
