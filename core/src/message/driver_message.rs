//! The message a driver receives.

use std::ops::Range;

use serde::Serialize;

use super::members::{check_depth, invalid, members, members_and_said, said, string, text};
use super::resource::Resource;
use crate::error::Result;
use crate::run_id::RunId;

/// One event for a driver, as the control plane publishes it.
///
/// The payload is kept as text, exactly as it was sent, so that big numbers, key order and white
/// space survive; only the members the runtime itself needs have been read from it.
///
/// Reading tolerates what senders are known to do: a payload that is an object, absent or `null` text,
/// unknown and doubled members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct DriverMessage {
    /// What happened: `create`, `process`, or any name the sender chose; may be empty.
    pub event: String,
    /// The resource as JSON text.
    #[cfg_attr(feature = "contract", schemars(extend("contentMediaType" = "application/json")))]
    pub payload: String,
    /// The sender's label for this message; may be empty.
    pub id: String,
    /// The run this message belongs to; may be empty.
    pub run_id: RunId,
    /// The `name` of the resource.
    #[serde(skip)]
    pub name: String,
    /// The `resource` of the resource: its type.
    #[serde(skip)]
    pub resource_type: String,
    /// The `pipeline` of the resource; empty when it has none.
    #[serde(skip)]
    pub pipeline: String,
    /// Where in the payload the rest of what an answer echoes stands.
    #[serde(skip)]
    echoed: Echoed,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Echoed {
    id: String,
    metadata: Option<Range<usize>>,
    spec: Option<Range<usize>>,
}

impl DriverMessage {
    /// Makes a message for a resource, as the control plane does.
    #[must_use]
    pub fn new(event: &str, resource: &Resource, id: &str, run_id: RunId) -> Self {
        let payload = resource.to_json();
        let echoed = members("payload", &payload, ["metadata", "spec"]).unwrap_or_default();
        let [metadata, spec] = echoed.map(|raw| raw.map(|raw| range_of(raw, &payload)));
        Self {
            event: event.to_owned(),
            id: id.to_owned(),
            run_id,
            name: resource.name.clone(),
            resource_type: resource.resource.clone(),
            pipeline: resource.pipeline.clone(),
            echoed: Echoed { id: resource.id.clone(), metadata, spec },
            payload,
        }
    }

    /// Reads a message: payload as text or object, absent or `null` text as empty, unknown keys
    /// ignored, the last of duplicate keys.
    ///
    /// # Errors
    /// `MessageInvalid`, naming the field, when the message can never be answered.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let envelope = text("message", bytes)?;
        const PAYLOAD: usize = 1;
        let keys = ["event", "payload", "id", "run_id"];
        let ([event, payload, id, run_id], told) =
            members_and_said("message", envelope, keys, PAYLOAD)?;
        let payload = match payload {
            Some(raw) if raw.starts_with('"') => match told {
                Some(told) => told,
                None => string("payload", Some(raw))?,
            },
            Some(raw) if raw.starts_with('{') => raw.to_owned(),
            Some(_) => return Err(invalid("payload", "is neither an object nor text")),
            None => return Err(invalid("payload", "is missing")),
        };
        check_depth("payload", &payload)?;
        let [name, resource_type, pipeline, resource_id, metadata, spec] = members(
            "payload",
            &payload,
            ["name", "resource", "pipeline", "id", "metadata", "spec"],
        )?;
        if metadata.is_some_and(|metadata| !metadata.starts_with('{')) {
            return Err(invalid("payload.metadata", "is not an object"));
        }
        let echoed = Echoed {
            id: string("payload.id", resource_id)?,
            metadata: metadata.map(|raw| range_of(raw, &payload)),
            spec: spec.map(|raw| range_of(raw, &payload)),
        };
        Ok(Self {
            event: string("event", event)?,
            id: string("id", id)?,
            run_id: said("run_id", run_id)?.into(),
            name: string("payload.name", name)?,
            resource_type: string("payload.resource", resource_type)?,
            pipeline: string("payload.pipeline", pipeline)?,
            echoed,
            payload,
        })
    }

    /// The `id` of the resource.
    pub(super) fn resource_id(&self) -> &str {
        &self.echoed.id
    }

    /// The text of the resource's metadata and spec.
    pub(super) fn metadata_and_spec(&self) -> [Option<&str>; 2] {
        let Echoed { metadata, spec, .. } = &self.echoed;
        [metadata, spec].map(|range| self.payload.get(range.clone()?))
    }

    /// The message as the control plane sends it: payload as text.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Where a part of a text stands in it.
fn range_of(part: &str, whole: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_get_a_verdict(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _verdict = DriverMessage::decode(&bytes);
        }

        #[test]
        fn json_like_text_gets_a_verdict(
            text in r#"(\{|\}|\[|\]|"|:|,|\\|null|1e9|"payload"|"event"|"name"|"resource"| |\\u00e4){0,60}"#
        ) {
            let _verdict = DriverMessage::decode(text.as_bytes());
        }

        #[test]
        fn what_is_encoded_decodes_to_the_same(
            event in ".*", id in ".*", run in ".*", name in ".*", spec in ".*"
        ) {
            let resource = Resource { name, resource: "r".into(), spec: spec.into(), ..Resource::default() };
            let message = DriverMessage::new(&event, &resource, &id, run.into());
            prop_assert_eq!(DriverMessage::decode(&message.encode()).unwrap(), message);
        }

        #[test]
        fn a_damaged_message_gets_a_verdict(at in 0_usize..200, byte in any::<u8>()) {
            let resource = Resource { name: "a".into(), resource: "r".into(), ..Resource::default() };
            let mut bytes = DriverMessage::new("create", &resource, "1", "run".into()).encode();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _verdict = DriverMessage::decode(&bytes);
        }
    }
}
