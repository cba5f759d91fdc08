//! How a reconcile can end other than with a result.

use std::any::{Any, TypeId};
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::message::DriverResult;

/// Why a reconcile did not come to a result.
///
/// Any error converts into one, text and boxed errors included, so `?` works in a reconcile: the event is then answered with a failed
/// result that carries the error's type, message and causes. Ask for another try with
/// [`Failure::retry`].
///
/// ```
/// use conveyor_driver::Failure;
/// use std::time::Duration;
///
/// fn fetch() -> Result<String, Failure> {
///     let text = std::fs::read_to_string("/nowhere").map_err(|error| {
///         Failure::retry(format!("not there yet: {error}")).after(Duration::from_secs(5))
///     })?;
///     let _number: i64 = text.parse()?;
///     Ok(text)
/// }
/// assert!(fetch().unwrap_err().is_retry());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    message: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Failed { error_type: String, traceback: Option<String>, data: Option<Value> },
    Retry { after: Option<Duration> },
}

/// What the data of a failed result say of the error that ended its run, as their member `error`.
#[derive(Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema), schemars(rename = "FailureError"))]
pub(crate) struct CaughtError {
    /// The error's type in the driver's language; `panic`, `Failed` for text alone, and
    /// `RetriesExhausted` are the runtime's own.
    #[serde(rename = "type")]
    error_type: String,
    /// What it says, all lines.
    message: String,
    /// Where it came from, or what caused it.
    traceback: Option<String>,
}

impl Failure {
    /// The event is answered with a failed result.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::of_type("Failed", message, None)
    }

    /// The event is to be tried again, after a delay that grows with each attempt. After
    /// `max_attempts` it is answered with a failed result.
    pub fn retry(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Kind::Retry { after: None } }
    }

    /// What another language caught: its error's type, message and traceback.
    pub fn of_type(
        error_type: impl Into<String>,
        message: impl Into<String>,
        traceback: Option<String>,
    ) -> Self {
        let kind = Kind::Failed { error_type: error_type.into(), traceback, data: None };
        Self { message: message.into(), kind }
    }

    /// The delay before the next attempt, at most 30 days; only a retry has one.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        if let Kind::Retry { after } = &mut self.kind {
            *after = Some(delay);
        }
        self
    }

    /// Data for the failed result, beside `error`; must be an object to be kept beside it.
    #[must_use]
    pub fn data(mut self, value: impl Into<Value>) -> Self {
        if let Kind::Failed { data, .. } = &mut self.kind {
            *data = Some(value.into());
        }
        self
    }

    /// Whether another attempt is asked for.
    #[must_use]
    pub fn is_retry(&self) -> bool {
        matches!(self.kind, Kind::Retry { .. })
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The delay asked for.
    pub(crate) fn delay(&self) -> Option<Duration> {
        match self.kind {
            Kind::Retry { after } => after,
            Kind::Failed { .. } => None,
        }
    }

    pub(crate) fn traceback(&self) -> Option<&str> {
        match &self.kind {
            Kind::Failed { traceback, .. } => traceback.as_deref(),
            Kind::Retry { .. } => None,
        }
    }

    pub(crate) fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "reconcile panicked with something that is not text".to_owned());
        Self::of_type("panic", text, None)
    }

    /// The failed result this comes to: one line of message, the first that is not blank; `data.error` with
    /// type, message and traceback.
    pub(crate) fn into_result(self) -> DriverResult {
        let line = self.message.lines().find(|line| !line.trim().is_empty());
        let line = line.unwrap_or_default().to_owned();
        let (error_type, traceback, data) = match self.kind {
            Kind::Failed { error_type, traceback, data } => (error_type, traceback, data),
            Kind::Retry { .. } => ("RetriesExhausted".to_owned(), None, None),
        };
        let error = json!(CaughtError { error_type, message: self.message, traceback });
        let mut members = match data {
            Some(Value::Object(members)) => members,
            Some(other) => [("value".to_owned(), other)].into_iter().collect(),
            None => serde_json::Map::new(),
        };
        members.insert("error".to_owned(), error);
        DriverResult::failure(line).data(members)
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>> + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let mut causes = String::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            causes.push_str(if causes.is_empty() { "caused by: " } else { "\ncaused by: " });
            causes.push_str(&error.to_string());
            cause = error.source();
        }
        let traceback = (!causes.is_empty()).then_some(causes);
        let only_text = [TypeId::of::<String>(), TypeId::of::<&str>()].contains(&TypeId::of::<E>());
        let error_type = if only_text { "Failed" } else { std::any::type_name::<E>() };
        Self::of_type(error_type, error.to_string(), traceback)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_becomes_a_failed_result_with_its_type() {
        let failure: Failure = "x".parse::<u8>().unwrap_err().into();
        let result = failure.into_result();
        assert!(!result.success);
        assert_eq!(result.data["error"]["type"], "core::num::error::ParseIntError");
        assert_eq!(result.data["error"]["message"], result.message);
    }

    #[test]
    fn text_and_boxed_errors_convert_too() {
        fn fails(how: u8) -> Result<(), Failure> {
            match how {
                0 => Err("text")?,
                1 => Err(String::from("text"))?,
                _ => Err(Box::<dyn StdError + Send + Sync>::from("text"))?,
            }
            Ok(())
        }
        for how in 0..3 {
            assert_eq!(fails(how).unwrap_err().message(), "text");
        }
        let result = fails(0).unwrap_err().into_result();
        assert_eq!(result.data["error"]["type"], "Failed");
    }

    #[test]
    fn data_stands_beside_the_error_and_the_message_is_one_line() {
        let result = Failure::failed("first\nsecond").data(json!({"exit": 3})).into_result();
        assert_eq!(result.message, "first");
        assert_eq!(result.data["exit"], 3);
        assert_eq!(result.data["error"]["message"], "first\nsecond");
        assert_eq!(Failure::failed("\n \nsecond").into_result().message, "second");
        assert_eq!(Failure::failed("x").data(7).into_result().data["value"], 7);
    }

    #[test]
    fn any_panic_payload_gets_a_message() {
        let texts: [Box<dyn Any + Send>; 3] =
            [Box::new("a"), Box::new("b".to_owned()), Box::new(5_u8)];
        let messages: Vec<_> =
            texts.iter().map(|p| Failure::from_panic(p.as_ref()).message).collect();
        assert_eq!(messages[..2], ["a", "b"]);
        assert!(!messages[2].is_empty());
    }
}
