//! The documents between the runtime and the language that hosts it.

use serde_json::Value;

use super::schema::{definitions, file, written};
use crate::cancellation::CancelReason;
use crate::error::Error;
use crate::exec::ExecOutput;
use crate::host::{LibraryLog, ManagerState};
use crate::logger::Level;
use crate::manager::DrainReport;

/// The schema of what the runtime tells the language that hosts it.
#[must_use]
pub fn host_schema() -> Value {
    let definitions = definitions(written(), |generator| {
        generator.subschema_for::<DrainReport>();
        generator.subschema_for::<Error>();
        generator.subschema_for::<CancelReason>();
        generator.subschema_for::<ExecOutput>();
        generator.subschema_for::<Level>();
        generator.subschema_for::<ManagerState>();
        generator.subschema_for::<LibraryLog>();
    });
    file(
        "Host",
        "The documents between the runtime and the language that hosts it. Members and kinds may \
         be added; none is renamed or removed.",
        &definitions,
    )
}
