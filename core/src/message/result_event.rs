//! The answer to a driver message.

use std::borrow::Cow;
#[cfg(feature = "contract")]
use std::collections::BTreeMap;
use std::{array, io, iter};

use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;
use serde_json::{Map, Value};

use super::driver_message::DriverMessage;
use super::members::{members, parse, string, text};
use super::resource::Resource;
use super::scan;
use crate::error::Result;
use crate::run_id::RunId;

/// What a driver run came to.
#[derive(Clone, Debug, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct DriverResult {
    /// Whether the pipeline goes on.
    pub success: bool,
    /// One line for people.
    pub message: String,
    /// Anything later steps may need; `null` when nothing. Keep it small: it travels with every
    /// later message of the pipeline. When the run ended with an error, the member `error` has its
    /// type, message and traceback; in place of data too large for the server, `left_out` has
    /// their `bytes` and the `limit_bytes`.
    pub data: Value,
}

impl DriverResult {
    /// A good result: the pipeline goes on.
    pub fn success(message: impl Into<String>) -> Self {
        Self { success: true, message: message.into(), data: Value::Null }
    }

    /// A bad result: the pipeline stops here.
    pub fn failure(message: impl Into<String>) -> Self {
        Self { success: false, message: message.into(), data: Value::Null }
    }

    /// The result with data for later steps.
    #[must_use]
    pub fn data(mut self, data: impl Into<Value>) -> Self {
        self.data = data.into();
        self
    }
}

/// A driver result with the envelope the pipeline engine reads.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultEvent {
    /// The run, echoed.
    pub run_id: RunId,
    /// The resource, echoed.
    pub resource: Resource,
    /// The driver that answers.
    pub driver: String,
    /// Its answer.
    pub result: DriverResult,
}

impl ResultEvent {
    /// The event name of every result.
    pub const EVENT: &'static str = "driver.result";

    /// Reads a result as strictly as the pipeline engine does.
    ///
    /// # Errors
    /// `MessageInvalid`, naming the field: the engine would drop this document.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let text = text("result", bytes)?;
        let [event, run_id, resource, result] =
            members("result", text, ["event", "run_id", "resource", "driverresult"])?;
        // Not used, yet one of another type refuses the whole document.
        string("event", event)?;
        let resource = Resource::decode_echo(resource)?;
        let [success, message, data, driver] = members(
            "driverresult",
            result.unwrap_or("{}"),
            ["success", "message", "data", "driver"],
        )?;
        Ok(Self {
            run_id: string("run_id", run_id)?.into(),
            resource,
            driver: string("driverresult.driver", driver)?,
            result: DriverResult {
                success: success.map_or(Ok(false), |raw| parse("driverresult.success", raw))?,
                message: string("driverresult.message", message)?,
                data: data.map_or(Ok(Value::Null), |raw| parse("driverresult.data", raw))?,
            },
        })
    }

    /// The bytes to publish.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.run_id, &self.driver, &self.result, &Echo::of(&self.resource))
    }
}

/// The resource as a result carries it: every metadata value text, as the engine demands.
#[derive(Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema), schemars(rename = "ResourceEcho"))]
pub(crate) struct Echo<'a> {
    /// The id made when the resource was created.
    id: &'a str,
    /// The name, unique for its type.
    name: &'a str,
    /// The pipeline of the resource; absent when it has none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pipeline: &'a str,
    /// The type: the name of the resource definition.
    resource: &'a str,
    /// Facts beside the desired state, each as text; empty when the result would be too large.
    #[cfg_attr(feature = "contract", schemars(with = "BTreeMap<String, String>"))]
    metadata: Part<'a>,
    /// The desired state itself; `null` when none was given or the result would be too large.
    #[cfg_attr(feature = "contract", schemars(with = "Value"))]
    spec: Part<'a>,
}

/// A part of the echo.
enum Part<'a> {
    /// JSON that is written as it stands.
    Verbatim(&'a str),
    Parsed(Cow<'a, Value>),
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // Its place, where `Splicing` puts the text.
            Self::Verbatim(_) => serializer.serialize_unit(),
            Self::Parsed(value) => value.serialize(serializer),
        }
    }
}

impl<'a> Echo<'a> {
    /// The resource of a message, as it was sent.
    pub(crate) fn of_message(message: &'a DriverMessage) -> Self {
        let [metadata, spec] = message.metadata_and_spec();
        Self {
            id: message.resource_id(),
            name: &message.name,
            pipeline: &message.pipeline,
            resource: &message.resource_type,
            metadata: match metadata {
                Some(text) if scan::holds_texts_only(text) => Part::Verbatim(text),
                Some(text) => texts(serde_json::from_str(text).unwrap_or_default()),
                None => texts(Map::new()),
            },
            spec: Part::Verbatim(spec.unwrap_or("null")),
        }
    }

    fn of(resource: &'a Resource) -> Self {
        Self {
            id: &resource.id,
            name: &resource.name,
            pipeline: &resource.pipeline,
            resource: &resource.resource,
            metadata: texts(resource.metadata.clone()),
            spec: Part::Parsed(Cow::Borrowed(&resource.spec)),
        }
    }

    /// Only what the engine looks the stored resource up by.
    pub(crate) fn shorten(&mut self) {
        self.metadata = texts(Map::new());
        self.spec = Part::Verbatim("null");
    }
}

fn texts(metadata: Map<String, Value>) -> Part<'static> {
    let texts = metadata.into_iter().map(|(key, value)| match value {
        Value::String(text) => (key, Value::String(text)),
        other => (key, Value::String(other.to_string())),
    });
    Part::Parsed(Cow::Owned(Value::Object(texts.collect())))
}

/// Writes the verbatim parts of an echo where their places are: they come before any other `null`.
struct Splicing<'a>(iter::Flatten<array::IntoIter<Option<&'a str>, 2>>);

impl Formatter for Splicing<'_> {
    fn write_null<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.0.next().unwrap_or("null").as_bytes())
    }
}

/// The answer to a driver message, as the pipeline engine reads it.
#[derive(Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema), schemars(rename = "ResultEvent"))]
pub(crate) struct ResultEnvelope<'a> {
    /// Always `driver.result`.
    event: &'static str,
    /// The run, echoed.
    run_id: &'a RunId,
    /// The resource, echoed.
    resource: &'a Echo<'a>,
    /// What the run came to.
    driverresult: Answer<'a>,
}

/// A driver result with the driver that answers.
#[derive(Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema), schemars(rename = "DriverAnswer"))]
pub(super) struct Answer<'a> {
    /// Whether the pipeline goes on.
    pub(super) success: bool,
    /// One line for people.
    pub(super) message: &'a str,
    /// Anything later steps may need; `null` when nothing.
    pub(super) data: &'a Value,
    /// The driver that answers.
    pub(super) driver: &'a str,
}

/// The bytes of an answer.
pub(crate) fn encode(
    run_id: &RunId,
    driver: &str,
    result: &DriverResult,
    echo: &Echo<'_>,
) -> Vec<u8> {
    const REST_BYTES: usize = 384;
    let verbatim = [&echo.metadata, &echo.spec]
        .map(|part| if let Part::Verbatim(text) = part { Some(*text) } else { None });
    let known = [run_id.as_str(), driver, &result.message]
        .into_iter()
        .chain([echo.id, echo.name, echo.pipeline, echo.resource])
        .chain(verbatim.into_iter().flatten());
    let known: usize = known.map(str::len).sum();
    let mut bytes = Vec::with_capacity(REST_BYTES + known);
    let envelope = ResultEnvelope {
        event: ResultEvent::EVENT,
        run_id,
        resource: echo,
        driverresult: Answer {
            success: result.success,
            message: &result.message,
            data: &result.data,
            driver,
        },
    };
    let splicing = Splicing(verbatim.into_iter().flatten());
    // Writing text and numbers into a Vec has nothing that could fail.
    let _written =
        envelope.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, splicing));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_echo_keeps_digits_and_writes_metadata_as_text() {
        let payload = r#"{"name":"a","resource":"r","metadata":{"n":1,"t":"x"},"spec":{"z":9007199254740993.10}}"#;
        let envelope = json!({ "payload": payload }).to_string();
        let message = DriverMessage::decode(envelope.as_bytes()).unwrap();
        let echo = Echo::of_message(&message);
        let bytes = encode(&"run".into(), "d", &DriverResult::success("ok"), &echo);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            r#"{"event":"driver.result","run_id":"run","resource":{"id":"","name":"a","resource":"r","metadata":{"n":"1","t":"x"},"spec":{"z":9007199254740993.10}},"driverresult":{"success":true,"message":"ok","data":null,"driver":"d"}}"#
        );
    }

    #[test]
    fn what_stands_verbatim_is_put_in_its_place() {
        for (payload, echoed) in [
            (r#"{"metadata":{"t":"x" }}"#, r#""metadata":{"t":"x" },"spec":null"#),
            (r#"{"spec":[null, 1]}"#, r#""metadata":{},"spec":[null, 1]"#),
            (r#"{"metadata":{"n":null},"spec":{}}"#, r#""metadata":{"n":"null"},"spec":{}"#),
            ("{}", r#""metadata":{},"spec":null"#),
        ] {
            let envelope = json!({ "payload": payload }).to_string();
            let message = DriverMessage::decode(envelope.as_bytes()).unwrap();
            let echo = Echo::of_message(&message);
            let bytes = encode(&"r".into(), "d", &DriverResult::success("ok"), &echo);
            assert_eq!(
                String::from_utf8(bytes).unwrap(),
                format!(
                    r#"{{"event":"driver.result","run_id":"r","resource":{{"id":"","name":"","resource":"",{echoed}}},"driverresult":{{"success":true,"message":"ok","data":null,"driver":"d"}}}}"#
                )
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_gets_a_verdict(text in ".*") {
            let _verdict = ResultEvent::decode(text.as_bytes());
        }

        #[test]
        fn what_is_encoded_decodes_to_the_same(run in ".*", message in ".*", key in ".*", n in any::<i64>()) {
            let event = ResultEvent {
                run_id: run.into(),
                resource: Resource { name: "a".into(), spec: json!({ key.clone(): n }), ..Resource::default() },
                driver: "d".into(),
                result: DriverResult::failure(message).data(json!({ key: n })),
            };
            prop_assert_eq!(ResultEvent::decode(&event.encode()).unwrap(), event);
        }
    }
}
