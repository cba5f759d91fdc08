//! Faults of options, collected so that the caller sees all of them at once.

use std::fmt;

use super::limits::Limit;
use crate::error::{Error, ErrorCode, Result};

/// The path of an option below `path`.
pub(crate) fn at(path: &str, option: &str) -> String {
    if path.is_empty() { option.to_owned() } else { format!("{path}.{option}") }
}

/// The faults found so far, each with the path of its field.
#[derive(Debug, Default)]
pub struct Faults(Vec<(String, String)>);

impl Faults {
    /// Notes that the field at `path` is wrong, and why.
    pub fn add(&mut self, path: impl Into<String>, reason: impl fmt::Display) {
        self.0.push((path.into(), reason.to_string()));
    }

    /// Notes a fault for each number outside its limits.
    pub(super) fn limits<T>(&mut self, path: &str, options: &T, limits: &[Limit<T>]) {
        for limit in limits {
            if let Some(reason) = limit.fault(options) {
                self.add(at(path, limit.number.name), reason);
            }
        }
    }

    /// Nothing, when no fault was noted.
    ///
    /// # Errors
    /// `OptionsInvalid` with one context entry for each fault: its path and reason.
    pub fn into_result(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    pub(crate) fn into_error(self) -> Error {
        let count = self.0.len();
        let message = format!("{count} fault{} in the options", if count == 1 { "" } else { "s" });
        self.0
            .into_iter()
            .fold(Error::new(ErrorCode::OptionsInvalid, message), |error, (path, reason)| {
                error.with_context(path, reason)
            })
    }
}
