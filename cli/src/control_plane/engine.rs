//! What the control plane decides: resources, pipelines and events in, messages out. No I/O.

use std::collections::BTreeMap;

use conveyor_driver::message::{DriverMessage, InitEvent, Resource, ResultEvent};
use conveyor_driver::stream::Message;
use conveyor_driver::{Error, ErrorCode, Result, RunId, subject};
use serde::Serialize;
use serde_json::Value;

use super::go_json;
use super::pipeline::Pipeline;
use super::reaction::{Ignored, Reaction};

const CREATE: &str = "create";
const PROCESS: &str = "process";
const SAVED_RESULT: &str = "driverresults.";

/// Stored resources and pipelines, and what events do to them.
#[derive(Debug, Default)]
pub struct Engine {
    resources: BTreeMap<(String, String), Resource>,
    /// As they were when they were stored, by type, name and version.
    versions: BTreeMap<(String, String, String), Resource>,
    pipelines: BTreeMap<String, Pipeline>,
}

impl Engine {
    /// Stores a pipeline, in place of one of the same name.
    pub fn put_pipeline(&mut self, pipeline: Pipeline) {
        self.pipelines.insert(pipeline.name.clone(), pipeline);
    }

    /// The stored resource.
    #[must_use]
    pub fn resource(&self, resource_type: &str, name: &str) -> Option<&Resource> {
        self.resources.get(&(resource_type.to_owned(), name.to_owned()))
    }

    /// A resource as it was stored under this version. Versions outlive their resource.
    #[must_use]
    pub fn version(&self, resource_type: &str, name: &str, version: &str) -> Option<&Resource> {
        let key = (resource_type.to_owned(), name.to_owned(), version.to_owned());
        self.versions.get(&key)
    }

    /// The stored pipeline.
    #[must_use]
    pub fn pipeline(&self, name: &str) -> Option<&Pipeline> {
        self.pipelines.get(name)
    }

    /// Stores a resource in place of the one of this type and name, with its id and the next version.
    /// The rest of the metadata is the new one's. No run begins.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn update(
        &mut self,
        resource_type: &str,
        name: &str,
        mut resource: Resource,
    ) -> Result<Resource> {
        let key = (resource_type.to_owned(), name.to_owned());
        let Some(stored) = self.resources.get_mut(&key) else {
            return Err(refusal(ErrorCode::NotFound, "name", "does not exist"));
        };
        let version = stored.metadata.get("version").and_then(Value::as_str);
        let next = version.and_then(|version| version.parse::<u64>().ok()).unwrap_or(0) + 1;
        resource.id = stored.id.clone();
        resource.metadata.insert("version".to_owned(), next.to_string().into());
        *stored = resource.clone();
        self.versions.insert((key.0, key.1, next.to_string()), resource.clone());
        Ok(resource)
    }

    /// Forgets a stored resource; says whether there was one.
    pub fn delete(&mut self, resource_type: &str, name: &str) -> bool {
        self.resources.remove(&(resource_type.to_owned(), name.to_owned())).is_some()
    }

    /// Stores a new resource, with this id and version 1 whatever it says itself, and makes the
    /// message that begins its run.
    ///
    /// # Errors
    /// `MessageInvalid` when the type is missing or cannot be part of a subject, or the pipeline
    /// is for another type; `NotFound` when the pipeline does not exist; `Conflict` when a
    /// resource of that type and name is stored already.
    pub fn create(
        &mut self,
        mut resource: Resource,
        resource_id: &str,
        run_id: &RunId,
        message_id: &str,
    ) -> Result<Message> {
        let broadcast = subject::resource(&resource.resource);
        if !is_publishable(&broadcast) {
            return Err(refusal(
                ErrorCode::MessageInvalid,
                "resource",
                "cannot be part of a subject",
            ));
        }
        if !resource.pipeline.is_empty() {
            match self.pipelines.get(&resource.pipeline) {
                None => return Err(refusal(ErrorCode::NotFound, "pipeline", "does not exist")),
                Some(pipeline) if pipeline.resource != resource.resource => {
                    return Err(refusal(
                        ErrorCode::MessageInvalid,
                        "pipeline",
                        "is for another type",
                    ));
                }
                Some(_) => {}
            }
        }
        let key = key(&resource);
        if self.resources.contains_key(&key) {
            return Err(refusal(
                ErrorCode::Conflict,
                "name",
                "is taken; delete the resource first",
            ));
        }
        resource.id = resource_id.to_owned();
        resource.metadata = [("version".to_owned(), Value::from("1"))].into_iter().collect();
        let message = if resource.pipeline.is_empty() {
            driver_message(broadcast, CREATE, &resource, message_id, run_id)
        } else {
            let init = InitEvent {
                event: CREATE.to_owned(),
                run_id: run_id.clone(),
                resource: resource.clone(),
            };
            Message::new(subject::PIPELINE_INIT, go_json::to_string(&init))
        };
        self.versions.insert((key.0.clone(), key.1.clone(), "1".to_owned()), resource.clone());
        self.resources.insert(key, resource);
        Ok(message)
    }

    /// Takes an event from the pipeline stream. A message that follows from it has this id.
    pub fn handle(&mut self, subject: &str, bytes: &[u8], message_id: &str) -> Reaction {
        match subject {
            subject::PIPELINE_INIT => match InitEvent::decode(bytes) {
                Ok(init) => self.begin(&init, message_id),
                Err(error) => Ignored::Malformed(error.to_string()).into(),
            },
            subject::DRIVER_RESULT => match ResultEvent::decode(bytes) {
                Ok(event) => {
                    let reaction = self.go_on(&event, message_id);
                    Reaction { result: Some(event), ..reaction }
                }
                Err(error) => Ignored::Malformed(error.to_string()).into(),
            },
            _ => Ignored::Subject.into(),
        }
    }

    fn begin(&self, init: &InitEvent, message_id: &str) -> Reaction {
        let resource = &init.resource;
        let pipeline = match self.pipeline_of(resource) {
            Ok(pipeline) => pipeline,
            Err(reason) => return reason.into(),
        };
        // The resource as the event has it: it need not be stored.
        match pipeline.first() {
            Some(driver) => call(driver, &init.event, resource, message_id, &init.run_id),
            None => Ignored::NoSteps.into(),
        }
    }

    fn go_on(&mut self, event: &ResultEvent, message_id: &str) -> Reaction {
        let next = match self.pipeline_of(&event.resource) {
            Ok(pipeline) => pipeline.after(&event.driver).map(str::to_owned),
            Err(reason) => return reason.into(),
        };
        let Some(stored) = self.resources.get_mut(&key(&event.resource)) else {
            return Ignored::UnknownResource(event.resource.name.clone()).into();
        };
        let saved = go_json::to_string(&SavedResult::of(event));
        stored.metadata.insert(format!("{SAVED_RESULT}{}", event.driver), saved.into());
        match next {
            Some(driver) if event.result.success => {
                call(&driver, PROCESS, stored, message_id, &event.run_id)
            }
            _ => Reaction::default(),
        }
    }

    fn pipeline_of(&self, resource: &Resource) -> Result<&Pipeline, Ignored> {
        if resource.pipeline.is_empty() {
            return Err(Ignored::NoPipeline);
        }
        self.pipelines
            .get(&resource.pipeline)
            .ok_or_else(|| Ignored::UnknownPipeline(resource.pipeline.clone()))
    }
}

/// A result as it is kept in the resource's metadata.
#[derive(Serialize)]
struct SavedResult<'a> {
    success: bool,
    message: &'a str,
    data: &'a Value,
    driver: &'a str,
}

impl<'a> SavedResult<'a> {
    fn of(event: &'a ResultEvent) -> Self {
        let result = &event.result;
        Self {
            success: result.success,
            message: &result.message,
            data: &result.data,
            driver: &event.driver,
        }
    }
}

fn key(resource: &Resource) -> (String, String) {
    (resource.resource.clone(), resource.name.clone())
}

fn call(driver: &str, event: &str, resource: &Resource, id: &str, run_id: &RunId) -> Reaction {
    let subject = subject::driver(driver, &resource.resource);
    if is_publishable(&subject) {
        let message = driver_message(subject, event, resource, id, run_id);
        Reaction { next: Some(message), ..Reaction::default() }
    } else {
        Ignored::Unpublishable(subject).into()
    }
}

fn driver_message(
    subject: String,
    event: &str,
    resource: &Resource,
    id: &str,
    run_id: &RunId,
) -> Message {
    let mut message = DriverMessage::new(event, resource, id, run_id.clone());
    message.payload = go_json::to_string(resource);
    Message::new(subject, go_json::to_string(&message))
}

fn is_publishable(subject: &str) -> bool {
    subject.split('.').all(|token| {
        !token.is_empty()
            && token != "*"
            && token != ">"
            && !token.contains(|c: char| c.is_whitespace() || c.is_control())
    })
}

fn refusal(code: ErrorCode, field: &str, reason: &str) -> Error {
    Error::new(code, "the resource is refused").with_context(field, reason)
}
