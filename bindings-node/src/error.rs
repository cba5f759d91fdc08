//! The runtime's errors, on their way to JavaScript.

use conveyor_driver::Error;
use serde_json::json;

/// What JavaScript makes a `ConveyorError` of: an error with this code, whose message is a document.
pub(crate) struct Thrown;

impl AsRef<str> for Thrown {
    fn as_ref(&self) -> &'static str {
        "ConveyorError"
    }
}

pub(crate) type Result<T> = std::result::Result<T, napi::Error<Thrown>>;

pub(crate) fn thrown(error: Error) -> napi::Error<Thrown> {
    napi::Error::new(Thrown, document(&error))
}

/// The error as JSON text, with the line that tells all of it.
pub(crate) fn document(error: &Error) -> String {
    json!({ "error": error, "text": error.to_string() }).to_string()
}
