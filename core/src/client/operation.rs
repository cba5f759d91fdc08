//! Calls by name, with JSON in and JSON out: what every other language stands on.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definition::ResourceDefinition;
use super::log_filter::LogFilter;
use super::pipeline::Pipeline;
use super::reply::Reply;
use super::request::Request;
use super::{broadcasts, definitions, logs, pipelines, resources};
use crate::error::{Error, ErrorCode, Result};
use crate::message::{DriverMessage, LogEntry, Resource};
use crate::options::from_document;

/// What can be called.
#[derive(Debug)]
pub(crate) enum Operation {
    /// One question and one answer.
    Ask { request: Request, read: fn(&Reply) -> Result<Value> },
    /// Opens a log stream; the answer is its number.
    OpenStream(LogFilter),
    /// The next event of a stream, or `null` at its end.
    NextEvent(u64),
    /// Ends a stream.
    CloseStream(u64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneResource {
    resource: Resource,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedResource {
    #[serde(rename = "type")]
    resource_type: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionOfResource {
    #[serde(rename = "type")]
    resource_type: String,
    name: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneDefinition {
    definition: ResourceDefinition,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnePipeline {
    pipeline: Pipeline,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneEntry {
    entry: LogEntry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Broadcast {
    event: String,
    payload: String,
    #[serde(default)]
    run_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneStream {
    stream: u64,
}

impl Operation {
    /// The operation of this name.
    ///
    /// # Errors
    /// `ArgumentInvalid` with every fault found, each with the path of its argument.
    pub(crate) fn new(name: &str, arguments: Value) -> Result<Self> {
        let (request, read): (_, fn(&Reply) -> _) = match name {
            "resources.create" => {
                let OneResource { resource } = arguments_of(arguments)?;
                (resources::create(&resource)?, |reply| json(resources::created(reply)))
            }
            "resources.get" => {
                let NamedResource { resource_type, name } = arguments_of(arguments)?;
                (resources::get(&resource_type, &name)?, |reply| json(resources::resource(reply)))
            }
            "resources.get_version" => {
                let VersionOfResource { resource_type, name, version } = arguments_of(arguments)?;
                let request = resources::get_version(&resource_type, &name, &version)?;
                (request, |reply| json(resources::resource(reply)))
            }
            "resources.update" => {
                let OneResource { resource } = arguments_of(arguments)?;
                (resources::update(&resource)?, |reply| json(resources::resource(reply)))
            }
            "resources.delete" => {
                let NamedResource { resource_type, name } = arguments_of(arguments)?;
                (resources::delete(&resource_type, &name)?, nothing)
            }
            "definitions.create" | "definitions.apply" | "definitions.update" => {
                let OneDefinition { definition } = arguments_of(arguments)?;
                let request = match name {
                    "definitions.create" => definitions::create(&definition)?,
                    "definitions.apply" => definitions::apply(&definition)?,
                    _ => definitions::update(&definition)?,
                };
                (request, |reply| json(definitions::definition(reply)))
            }
            "definitions.get" => {
                let Named { name } = arguments_of(arguments)?;
                (definitions::get(&name)?, |reply| json(definitions::definition(reply)))
            }
            "definitions.delete" => {
                let Named { name } = arguments_of(arguments)?;
                (definitions::delete(&name)?, nothing)
            }
            "pipelines.create" => {
                let OnePipeline { pipeline } = arguments_of(arguments)?;
                (pipelines::create(&pipeline)?, |reply| json(pipelines::pipeline(reply)))
            }
            "logs.query" => {
                let filter: LogFilter = arguments_of(arguments)?;
                (logs::query(&filter), |reply| json(logs::entries(reply)))
            }
            "logs.post" => {
                let OneEntry { entry } = arguments_of(arguments)?;
                (logs::post(&entry)?, nothing)
            }
            "logs.stream" => return Ok(Self::OpenStream(arguments_of(arguments)?)),
            "logs.next" => {
                let OneStream { stream } = arguments_of(arguments)?;
                return Ok(Self::NextEvent(stream));
            }
            "logs.close" => {
                let OneStream { stream } = arguments_of(arguments)?;
                return Ok(Self::CloseStream(stream));
            }
            "broadcasts.send" => {
                let Broadcast { event, payload, run_id } = arguments_of(arguments)?;
                let mut message =
                    DriverMessage::new(&event, &Resource::default(), "", run_id.as_str().into());
                message.payload = payload;
                (broadcasts::send(&message), nothing)
            }
            _ => {
                return Err(invalid().with_context("operation", format!("there is no `{name}`")));
            }
        };
        Ok(Self::Ask { request, read })
    }
}

/// What the arguments say.
fn arguments_of<T: DeserializeOwned>(arguments: Value) -> Result<T> {
    from_document(arguments).map_err(|faults| {
        let faults = faults.context().iter();
        faults.fold(invalid(), |error, (path, reason)| error.with_context(path, reason))
    })
}

fn invalid() -> Error {
    Error::new(ErrorCode::ArgumentInvalid, "the API cannot be asked for this")
}

fn json(document: Result<impl Serialize>) -> Result<Value> {
    serde_json::to_value(document?).map_err(|error| {
        Error::new(ErrorCode::Internal, "an answer cannot be written as JSON").with_source(error)
    })
}

const fn nothing(_: &Reply) -> Result<Value> {
    Ok(Value::Null)
}
