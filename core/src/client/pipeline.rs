//! A pipeline: drivers one after the other.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::nullable::or_default;

/// A pipeline: what drivers do, one after the other, with a resource that names it.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct Pipeline {
    /// The name: what resources name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its version, in any form.
    pub version: String,
    /// The type of the resources it is for.
    pub resource: String,
    /// Its steps, in their order. A driver in two steps never ends: the control plane finds the current
    /// step by the name of the driver.
    pub steps: Vec<PipelineStep>,
    /// Facts beside the steps.
    pub metadata: Map<String, Value>,
}

/// One step of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct PipelineStep {
    /// Its id, in any form.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// The driver that does it.
    pub driver: String,
}

impl PipelineStep {
    /// A step of this driver, with its name as id and name.
    #[must_use]
    pub fn of(driver: impl Into<String>) -> Self {
        let driver = driver.into();
        Self { id: driver.clone(), name: driver.clone(), driver }
    }
}

/// The same as the API says it: `null` is nothing, and it may say more.
#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    description: String,
    #[serde(default, deserialize_with = "or_default")]
    version: String,
    #[serde(default, deserialize_with = "or_default")]
    resource: String,
    #[serde(default, deserialize_with = "or_default")]
    steps: Vec<SaidStep>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Map<String, Value>,
}

#[derive(Deserialize)]
struct SaidStep {
    #[serde(default, deserialize_with = "or_default")]
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    driver: String,
}

impl From<Said> for Pipeline {
    fn from(said: Said) -> Self {
        let Said { name, description, version, resource, steps, metadata } = said;
        let step = |SaidStep { id, name, driver }| PipelineStep { id, name, driver };
        let steps = steps.into_iter().map(step).collect();
        Self { name, description, version, resource, steps, metadata }
    }
}
