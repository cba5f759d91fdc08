//! The answer to a driver message.

#[cfg(feature = "contract")]
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::driver_message::DriverMessage;
use super::members::{invalid, members, parse, string, text};
use super::resource::Resource;
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
            result.map_or("{}", RawValue::get),
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

/// Answers a message: the bytes of its result, with the resource echoed from the payload's text.
pub(crate) fn answer(
    run_id: &RunId,
    driver: &str,
    result: &DriverResult,
    echo: &Echo<'_>,
) -> Vec<u8> {
    encode(run_id, driver, result, echo)
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
    metadata: Map<String, Value>,
    /// The desired state itself; `null` when none was given or the result would be too large.
    #[cfg_attr(feature = "contract", schemars(with = "Value"))]
    spec: Spec<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Spec<'a> {
    Text(&'a RawValue),
    Parsed(&'a Value),
    Nothing,
}

impl<'a> Echo<'a> {
    /// The resource of a message, as it was sent.
    pub(crate) fn of_message(message: &'a DriverMessage) -> Result<Self> {
        let [metadata, spec] = message.metadata_and_spec();
        let metadata = metadata.and_then(|text| serde_json::from_str(text).ok());
        let spec = spec
            .map(|text| serde_json::from_str(text).map_err(|error| invalid("payload.spec", error)));
        Ok(Self {
            id: message.resource_id(),
            name: &message.name,
            pipeline: &message.pipeline,
            resource: &message.resource_type,
            metadata: metadata.map(texts).unwrap_or_default(),
            spec: spec.transpose()?.map_or(Spec::Nothing, Spec::Text),
        })
    }

    fn of(resource: &'a Resource) -> Self {
        Self {
            id: &resource.id,
            name: &resource.name,
            pipeline: &resource.pipeline,
            resource: &resource.resource,
            metadata: texts(resource.metadata.clone()),
            spec: Spec::Parsed(&resource.spec),
        }
    }

    /// Only what the engine looks the stored resource up by.
    pub(crate) fn shorten(&mut self) {
        self.metadata = Map::new();
        self.spec = Spec::Nothing;
    }
}

fn texts(metadata: Map<String, Value>) -> Map<String, Value> {
    metadata
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(text) => (key, Value::String(text)),
            other => (key, Value::String(other.to_string())),
        })
        .collect()
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

fn encode(run_id: &RunId, driver: &str, result: &DriverResult, echo: &Echo<'_>) -> Vec<u8> {
    serde_json::to_vec(&ResultEnvelope {
        event: ResultEvent::EVENT,
        run_id,
        resource: echo,
        driverresult: Answer {
            success: result.success,
            message: &result.message,
            data: &result.data,
            driver,
        },
    })
    .unwrap_or_default()
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
        let echo = Echo::of_message(&message).unwrap();
        let bytes = answer(&"run".into(), "d", &DriverResult::success("ok"), &echo);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            r#"{"event":"driver.result","run_id":"run","resource":{"id":"","name":"a","resource":"r","metadata":{"n":"1","t":"x"},"spec":{"z":9007199254740993.10}},"driverresult":{"success":true,"message":"ok","data":null,"driver":"d"}}"#
        );
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
