//! An event as a scenario posts it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use conveyor_driver::message::{DriverMessage, Resource};
use conveyor_driver::stream::Message;
use conveyor_driver::subject;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::step::Step;

/// An event, as the control plane would publish it unless told otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Post {
    /// The run id; `run-1` for the first post, `run-2` for the second, unless told.
    run: Option<String>,
    #[serde(default = "create")]
    event: String,
    #[serde(default = "app")]
    name: String,
    #[serde(default = "greeting")]
    resource: String,
    #[serde(default)]
    pipeline: String,
    #[serde(default)]
    metadata: Map<String, Value>,
    /// What the driver is to do.
    #[serde(default)]
    script: Vec<Value>,
    /// Where it goes; `resources.<resource>` unless told.
    to: Option<String>,
    /// The resource's exact text, instead of the members above.
    payload: Option<String>,
    #[serde(default)]
    payload_as: Form,
    /// The message's exact text, instead of all members above.
    message: Option<String>,
    /// The message's exact bytes.
    message_base64: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// How the payload stands in the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    #[default]
    Text,
    Object,
}

fn create() -> String {
    "create".to_owned()
}

fn app() -> String {
    "app".to_owned()
}

fn greeting() -> String {
    "greeting".to_owned()
}

impl Post {
    /// The run id, or what the event is called when it has none; `n` counts posts from 1.
    pub(super) fn run(&self, n: usize) -> String {
        self.run.clone().unwrap_or_else(|| format!("run-{n}"))
    }

    /// The resource's text; nothing when only the message's is given.
    pub(super) fn payload(&self) -> Option<String> {
        if self.message.is_some() || self.message_base64.is_some() {
            return None;
        }
        let resource = Resource {
            id: "resource-id".to_owned(),
            name: self.name.clone(),
            pipeline: self.pipeline.clone(),
            resource: self.resource.clone(),
            metadata: self.metadata.clone(),
            spec: json!({"script": self.script}),
        };
        Some(self.payload.clone().unwrap_or_else(|| resource.to_json()))
    }

    pub(super) fn encode(&self, n: usize) -> Result<Message, String> {
        let to = self.to.clone().unwrap_or_else(|| subject::resource(&self.resource));
        let mut message = Message::new(to, self.body(n)?);
        message
            .headers
            .extend(self.headers.clone().into_iter().map(|(name, value)| (name.into(), value)));
        Ok(message)
    }

    fn body(&self, n: usize) -> Result<Vec<u8>, String> {
        if let Some(bytes) = &self.message_base64 {
            return BASE64_STANDARD.decode(bytes).map_err(|error| error.to_string());
        }
        let Some(payload) = self.payload() else {
            return Ok(self.message.clone().unwrap_or_default().into_bytes());
        };
        let run = self.run(n);
        if self.payload_as == Form::Object {
            let [event, id, run] = [&self.event, &run, &run].map(|text| json!(text).to_string());
            return Ok(format!(
                r#"{{"event":{event},"payload":{payload},"id":{id},"run_id":{run}}}"#
            )
            .into_bytes());
        }
        let resource = Resource::default();
        let mut message = DriverMessage::new(&self.event, &resource, &run, run.as_str().into());
        message.payload = payload;
        Ok(message.encode())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let exact = [&self.payload, &self.message, &self.message_base64];
        let given = exact.iter().filter(|text| text.is_some()).count();
        if given > 1 || (given == 1 && !self.script.is_empty()) {
            return Err("a post has one of script, payload, message and message_base64".to_owned());
        }
        self.encode(1).map(drop)
    }

    /// The steps of its script, which must all be known. The exact text of a message is not looked
    /// into: so a scenario can hold what no interpreter knows.
    pub(super) fn steps(&self) -> Result<Vec<Step>, String> {
        let Some(payload) = self.payload() else { return Ok(Vec::new()) };
        let resource: Value = serde_json::from_str(&payload).unwrap_or_default();
        let script = &resource["spec"]["script"];
        if script.is_null() {
            return Ok(Vec::new());
        }
        serde_json::from_value(script.clone()).map_err(|error| format!("script: {error}"))
    }

    /// The pipeline that its lines carry.
    pub(super) fn pipeline(&self) -> String {
        self.read().map_or_else(String::new, |resource| resource.pipeline)
    }

    /// The resource as a result has to echo it.
    pub(super) fn echo(&self) -> Option<Value> {
        let mut resource = self.read()?;
        for value in resource.metadata.values_mut().filter(|value| !value.is_string()) {
            *value = value.to_string().into();
        }
        serde_json::to_value(resource).ok()
    }

    fn read(&self) -> Option<Resource> {
        Resource::decode(self.payload()?.as_bytes()).ok()
    }
}
