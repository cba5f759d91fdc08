//! The documents of the API, as its client takes and gives them.

use serde_json::Value;

use super::schema::{definitions, file, read, written};
use crate::client::{CreatedResource, LogEvent, LogFilter, Pipeline, ResourceDefinition};
use crate::message::{LogEntry, Resource};

/// The schema of every document that the client of the API takes or gives.
#[must_use]
pub fn client_schema() -> Value {
    let mut all = definitions(read(), |generator| {
        generator.subschema_for::<ResourceDefinition>();
        generator.subschema_for::<Pipeline>();
        generator.subschema_for::<LogFilter>();
        generator.subschema_for::<Resource>();
        generator.subschema_for::<LogEntry>();
    });
    // What is given has all members, what is taken those that are wanted.
    for name in ["Resource", "LogEntry"] {
        if let Some(schema) = all.remove(name) {
            all.insert(format!("New{name}"), schema);
        }
    }
    all.extend(definitions(written(), |generator| {
        generator.subschema_for::<CreatedResource>();
        generator.subschema_for::<LogEvent>();
    }));
    file(
        "Client",
        "The documents of the Conveyor API, as the client takes and gives them. What is taken may lack \
         whatever has a default here. Members and kinds may be added; none is renamed or removed.",
        &all,
    )
}
