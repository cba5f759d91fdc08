//! The runtime's errors, on their way to JavaScript.

use conveyor_driver::Error;

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

/// The error as JSON text.
pub(crate) fn document(error: &Error) -> String {
    // Its documents have text for keys, which is all that could fail.
    serde_json::to_string(error).unwrap_or_default()
}
