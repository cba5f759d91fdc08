//! The error table.

use serde::Serialize;

use super::schema::prose;
use crate::error::ErrorCode;

/// One row of the error table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorRow {
    /// The number, never used for anything else.
    pub number: u32,
    /// The name, the same in every language.
    pub name: &'static str,
    /// Whether the same call may succeed later without any change by the caller.
    pub retryable: bool,
    /// What the situation is and what the caller should do.
    pub doc: String,
}

/// Every error code, in the order of their numbers.
#[must_use]
pub fn errors() -> Vec<ErrorRow> {
    let row = |code: &ErrorCode| ErrorRow {
        number: *code as u32,
        name: code.name(),
        retryable: code.retryable(),
        doc: prose(code.doc()),
    };
    ErrorCode::ALL.iter().map(row).collect()
}
