//! An error as other languages and files get it.

use std::error::Error as _;
use std::iter::successors;

use serde::{Serialize, Serializer};

use crate::error::Error;

/// What went wrong. Decide on the code, never on the text.
#[derive(Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema), schemars(rename = "Error"))]
struct ErrorDocument<'a> {
    /// The number of its code in `errors.json`.
    code: u32,
    /// The name of its code in `errors.json`.
    name: &'static str,
    /// Whether the same call may succeed later without any change by the caller.
    retryable: bool,
    /// What happened, for people; without code, context and causes.
    message: &'a str,
    /// The named facts, in the order they were added. For `OptionsInvalid`, the path of each faulty
    /// option and what is wrong with it.
    context: Vec<Fact<'a>>,
    /// What each error behind it says, the nearest first.
    causes: Vec<String>,
}

/// A named fact about an error.
#[derive(Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema), schemars(rename = "ErrorFact"))]
struct Fact<'a> {
    /// Its name: the path of an option, `url`, `run_id`.
    name: &'a str,
    /// What it is.
    value: &'a str,
}

impl<'a> From<&'a Error> for ErrorDocument<'a> {
    fn from(error: &'a Error) -> Self {
        let code = error.code();
        Self {
            code: code as u32,
            name: code.name(),
            retryable: code.retryable(),
            message: error.message(),
            context: error.context().iter().map(|(name, value)| Fact { name, value }).collect(),
            causes: successors(error.source(), |&cause| cause.source())
                .map(ToString::to_string)
                .collect(),
        }
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ErrorDocument::from(self).serialize(serializer)
    }
}

#[cfg(feature = "contract")]
impl schemars::JsonSchema for Error {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        ErrorDocument::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        ErrorDocument::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use serde_json::json;

    #[test]
    fn a_document_has_all_that_an_error_has() {
        let error = Error::new(ErrorCode::Unavailable, "cannot reach NATS")
            .with_context("url", "nats://host:4222")
            .with_source(Error::new(ErrorCode::TlsFailed, "expired").with_source("ten days ago"));
        assert_eq!(
            serde_json::to_value(&error).unwrap(),
            json!({
                "code": 2,
                "name": "Unavailable",
                "retryable": true,
                "message": "cannot reach NATS",
                "context": [{"name": "url", "value": "nats://host:4222"}],
                "causes": ["TlsFailed: expired: ten days ago", "ten days ago"],
            })
        );
    }
}
