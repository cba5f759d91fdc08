//! Run ids: echoed byte for byte, checked before they become part of a subject.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorCode, Result};

/// The id of one driver run, as the control plane sent it.
///
/// The control plane makes UUIDs, but nothing holds it to that: any text is kept and echoed
/// unchanged, the empty text included.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct RunId(Arc<str>);

impl RunId {
    /// Makes a new id, a UUID of version 7. Only the source of a run does this.
    #[must_use]
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().hyphenated().to_string().into())
    }

    /// The id as it was received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as part of a subject.
    ///
    /// # Errors
    /// `MessageInvalid` when the id is empty, longer than 1024 bytes, holds white space, a control
    /// character, `*` or `>`, or has a leading, trailing or doubled dot: no log line can be
    /// published under it.
    pub fn subject_part(&self) -> Result<&str> {
        const MOST_BYTES: usize = 1_024;
        let reason = if self.0.len() > MOST_BYTES {
            "is longer than 1024 bytes"
        } else if self.0.is_empty() {
            "is empty"
        } else if self
            .0
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '*' || c == '>')
        {
            "holds white space, a control character or a wildcard"
        } else if self.0.split('.').any(str::is_empty) {
            "has a leading, trailing or doubled dot"
        } else {
            return Ok(&self.0);
        };
        Err(Error::new(ErrorCode::MessageInvalid, "the run id cannot be part of a subject")
            .with_context("run_id", format_args!("{:?} {reason}", self.0)))
    }
}

impl From<&str> for RunId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for RunId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Cow<'_, str>> for RunId {
    fn from(text: Cow<'_, str>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_that_would_break_a_subject_are_refused() {
        for bad in ["", " ", "a b", "a\tb", "*", ">", "a.*", ".a", "a.", "a..b", "a\u{0}b"] {
            assert!(RunId::from(bad).subject_part().is_err(), "{bad:?}");
        }
        assert!(RunId::from("r".repeat(1_025)).subject_part().is_err());
        assert!(RunId::from("r".repeat(1_024)).subject_part().is_ok());
        for good in ["5f0c7a52-3a4e-4f0b-9c55-2f6f1f0d9a11", "nightly.42", "\u{e4}"] {
            assert_eq!(RunId::from(good).subject_part().unwrap(), good);
        }
    }

    proptest! {
        #[test]
        fn an_accepted_id_has_only_whole_tokens(text in ".*") {
            let id = RunId::from(text.as_str());
            prop_assert_eq!(id.as_str(), &text);
            if let Ok(part) = id.subject_part() {
                prop_assert!(part.split('.').all(|t| !t.is_empty() && t != "*" && t != ">"));
                prop_assert!(!part.contains(char::is_whitespace));
            }
        }
    }
}
