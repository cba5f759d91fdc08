//! What starts a pipeline.

use serde::Serialize;
use serde_json::Value;

use super::members::{members, string, text};
use super::resource::Resource;
use super::result_event::Answer;
use crate::error::Result;
use crate::run_id::RunId;

/// The control plane's word to its own pipeline engine that a run begins. No driver receives it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct InitEvent {
    /// The event that the first step's driver will receive.
    pub event: String,
    /// The run that begins.
    pub run_id: RunId,
    /// The resource the run is about.
    pub resource: Resource,
}

impl InitEvent {
    /// Reads an event as strictly as the pipeline engine does. A result in it is not looked at.
    ///
    /// # Errors
    /// `MessageInvalid`, naming the field: the engine would drop this document.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let text = text("init event", bytes)?;
        let [event, run_id, resource] =
            members("init event", text, ["event", "run_id", "resource"])?;
        Ok(Self {
            event: string("event", event)?,
            run_id: string("run_id", run_id)?.into(),
            resource: Resource::decode_echo(resource)?,
        })
    }
}

/// What starts a pipeline: the control plane's word to its own pipeline engine. No driver receives it.
#[derive(Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema), schemars(rename = "InitEvent"))]
pub(crate) struct InitEnvelope<'a> {
    /// The event that the first step's driver will receive.
    event: &'a str,
    /// The run that begins.
    run_id: &'a RunId,
    /// The resource the run is about.
    resource: &'a Resource,
    /// A result that says nothing: there is none yet.
    driverresult: Answer<'a>,
}

impl Serialize for InitEvent {
    /// As the control plane sends it: with a result that says nothing.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        InitEnvelope {
            event: &self.event,
            run_id: &self.run_id,
            resource: &self.resource,
            driverresult: Answer { success: false, message: "", data: &Value::Null, driver: "" },
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_gets_a_verdict(text in ".*") {
            let _verdict = InitEvent::decode(text.as_bytes());
        }

        #[test]
        fn what_is_written_decodes_to_the_same(event in ".*", run in ".*", name in ".*") {
            let resource = Resource { name, ..Resource::default() };
            let init = InitEvent { event, run_id: run.into(), resource };
            let bytes = serde_json::to_vec(&init).unwrap();
            prop_assert_eq!(InitEvent::decode(&bytes).unwrap(), init);
        }
    }
}
