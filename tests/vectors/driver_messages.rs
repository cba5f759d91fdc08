use conveyor_driver::ErrorCode;
use conveyor_driver::message::{DriverMessage, Resource};
use conveyor_driver_cli::control_plane::go_json;
use conveyor_driver_tests::vectors::{Vector, VectorFile, text};
use serde_json::Value;

#[test]
fn every_driver_message_is_read_as_the_vectors_say() {
    let vectors = VectorFile::load("driver_messages.json");
    vectors.check(
        |v| v.valid() && !v.optional(),
        |v| is_delivered(v, &DriverMessage::decode(&v.bytes()).unwrap()),
    );
    vectors.check(
        |v| !v.valid() && !v.optional(),
        |v| {
            let error = DriverMessage::decode(&v.bytes()).unwrap_err();
            assert_eq!(error.code(), ErrorCode::MessageInvalid);
        },
    );
    vectors.check(Vector::optional, |v| {
        if let (Ok(message), true) = (DriverMessage::decode(&v.bytes()), v.valid()) {
            is_delivered(v, &message);
        }
    });
    vectors.check(
        |v| v.valid() && v.emitter() == "go-server",
        |v| is_what_the_control_plane_writes(v, &DriverMessage::decode(&v.bytes()).unwrap()),
    );
    vectors.done();
}

fn is_delivered(vector: &Vector, message: &DriverMessage) {
    let decoded = vector.decoded();
    assert_eq!(message.event, text(decoded, "event"));
    assert_eq!(message.id, text(decoded, "id"));
    assert_eq!(message.run_id.as_str(), text(decoded, "run_id"));
    assert_eq!(message.payload, text(decoded, "payload"));

    let want = &decoded["resource"];
    assert_eq!(message.name, text(want, "name"));
    assert_eq!(message.resource_type, text(want, "resource"));
    assert_eq!(message.pipeline, text(want, "pipeline"));
    is_resource(&Resource::decode(message.payload.as_bytes()).unwrap(), want);

    assert_eq!(DriverMessage::decode(&message.encode()).unwrap(), *message);
}

fn is_resource(resource: &Resource, want: &Value) {
    assert_eq!(resource.id, text(want, "id"));
    assert_eq!(resource.name, text(want, "name"));
    assert_eq!(resource.pipeline, text(want, "pipeline"));
    assert_eq!(resource.resource, text(want, "resource"));
    assert_eq!(Value::from(resource.metadata.clone()), want["metadata"]);
    assert_eq!(unsigned_zeros(resource.spec.clone()), unsigned_zeros(want["spec"].clone()));
}

/// The file's `decoded` lost the sign of zero; the payload's text has it.
fn unsigned_zeros(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_f64() == Some(0.0) => Value::from(0),
        Value::Array(values) => values.into_iter().map(unsigned_zeros).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(key, value)| (key, unsigned_zeros(value))).collect()
        }
        other => other,
    }
}

/// To the byte, but for what the server writes for a resource that it did not make itself.
fn is_what_the_control_plane_writes(vector: &Vector, message: &DriverMessage) {
    assert_eq!(go_json::to_string(message).into_bytes(), vector.bytes());
    let made_by_server = !["metadata-null", "broadcast-message"].contains(&vector.name());
    if made_by_server {
        let resource = Resource::decode(message.payload.as_bytes()).unwrap();
        assert_eq!(go_json::to_string(&resource), message.payload);
    }
}
