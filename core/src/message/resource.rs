//! The resource a run is about.

#[cfg(feature = "client")]
use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::members::{invalid, members, parse, string, text};
use crate::error::Result;

/// Desired state, as the control plane keeps it.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
// What users write; what is on the wire is read by `decode`, which is tolerant.
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct Resource {
    /// The id made when the resource was created.
    pub id: String,
    /// The name, unique for its type.
    pub name: String,
    /// The pipeline that the resource starts; empty when none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pipeline: String,
    /// The type: the name of the resource definition.
    pub resource: String,
    /// Facts beside the desired state. `driverresults.<driver>` holds the result of an earlier
    /// step, as JSON text.
    pub metadata: Map<String, Value>,
    /// The desired state itself, `null` when none was given.
    pub spec: Value,
}

impl Resource {
    /// Reads a resource: absent or `null` text as empty, absent metadata as an empty map.
    ///
    /// # Errors
    /// `MessageInvalid`, naming the field. Text nested deeper than 128 is refused here; it can
    /// still be read as text.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let text = text("resource", bytes)?;
        Self::plain(text).map_or_else(|| Self::read(text), Ok)
    }

    fn read(text: &str) -> Result<Self> {
        let [id, name, pipeline, resource, metadata, spec] =
            members("resource", text, ["id", "name", "pipeline", "resource", "metadata", "spec"])?;
        Ok(Self {
            id: string("id", id)?,
            name: string("name", name)?,
            pipeline: string("pipeline", pipeline)?,
            resource: string("resource", resource)?,
            metadata: metadata.map_or_else(|| Ok(Map::new()), |raw| parse("metadata", raw))?,
            spec: spec.map_or(Ok(Value::Null), |raw| parse("spec", raw))?,
        })
    }

    /// Reads at once what has nothing unusual; nothing for whatever needs a closer look.
    fn plain(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Plain {
            id: Option<String>,
            name: Option<String>,
            pipeline: Option<String>,
            resource: Option<String>,
            metadata: Option<Map<String, Value>>,
            spec: Option<Value>,
        }
        // A list would be read as well.
        let object = text.trim_start().starts_with('{').then_some(text)?;
        let plain: Plain = serde_json::from_str(object).ok()?;
        Some(Self {
            id: plain.id.unwrap_or_default(),
            name: plain.name.unwrap_or_default(),
            pipeline: plain.pipeline.unwrap_or_default(),
            resource: plain.resource.unwrap_or_default(),
            metadata: plain.metadata.unwrap_or_default(),
            spec: plain.spec.unwrap_or_default(),
        })
    }

    /// Reads a resource inside a pipeline event, as strictly as the pipeline engine does: absent as
    /// an empty resource, metadata text only.
    pub(super) fn decode_echo(value: Option<&str>) -> Result<Self> {
        let Some(raw) = value else { return Ok(Self::default()) };
        let resource = Self::decode(raw.as_bytes())?;
        match resource.metadata.iter().find(|(_, value)| !value.is_string()) {
            Some((key, _)) => Err(invalid("resource.metadata", format_args!("{key} is not text"))),
            None => Ok(resource),
        }
    }

    /// The same with metadata as the control plane takes it: every value text.
    #[cfg(feature = "client")]
    pub(crate) fn with_texts_only(&self) -> Cow<'_, Self> {
        if self.metadata.values().all(Value::is_string) {
            return Cow::Borrowed(self);
        }
        let mut resource = self.clone();
        for value in resource.metadata.values_mut().filter(|value| !value.is_string()) {
            *value = Value::String(value.to_string());
        }
        Cow::Owned(resource)
    }

    /// The resource as JSON text, in the control plane's key order.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_gets_a_verdict(text in ".*") {
            let _verdict = Resource::decode(text.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn what_is_read_at_once_is_read_the_same_with_a_closer_look(
            text in r#" ?\{("(id|name|metadata|spec|x)":("[a-z]{0,3}"|null|7|\{\}|\{"a":1\}),?){0,5}\}"#
        ) {
            if let Some(plain) = Resource::plain(&text) {
                prop_assert_eq!(plain, Resource::read(&text).unwrap());
            }
        }
    }

    #[test]
    fn fractions_keep_their_last_digit() {
        let text = r#"{"id":"","name":"","resource":"","metadata":{},"spec":31.245270191439438}"#;
        assert_eq!(Resource::decode(text.as_bytes()).unwrap().to_json(), text);
    }

    #[test]
    fn nesting_a_parser_cannot_hold_is_a_verdict() {
        let deep = format!("{{\"spec\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
        assert!(Resource::decode(deep.as_bytes()).is_err());
    }
}
