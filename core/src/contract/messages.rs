//! The documents on the wire.

use serde_json::Value;

use super::schema::{definitions, file, written};
use crate::failure::CaughtError;
use crate::message::{
    ControlReply, ControlRequest, DriverMessage, DriverResult, InitEnvelope, LogEntry, Resource,
    ResultEnvelope,
};

/// The schema of every document on the wire, as this runtime writes it.
#[must_use]
pub fn messages_schema() -> Value {
    let definitions = definitions(written(), |generator| {
        generator.subschema_for::<DriverMessage>();
        generator.subschema_for::<Resource>();
        generator.subschema_for::<ResultEnvelope<'_>>();
        generator.subschema_for::<DriverResult>();
        generator.subschema_for::<CaughtError>();
        generator.subschema_for::<LogEntry>();
        generator.subschema_for::<InitEnvelope<'_>>();
        generator.subschema_for::<ControlRequest>();
        generator.subschema_for::<ControlReply>();
    });
    file(
        "Messages",
        "The documents on the wire, as the runtime writes them. What it reads may differ: unknown \
         members are ignored, the last of doubled members counts, and text that is absent or \
         `null` is empty.",
        &definitions,
    )
}
