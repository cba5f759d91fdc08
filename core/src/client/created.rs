//! What comes of posting a resource.

use serde::{Deserialize, Serialize};

use super::nullable::or_default;
use crate::run_id::RunId;

/// A resource that was created, and the run that it started.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct CreatedResource {
    /// The name of the resource.
    pub name: String,
    /// The run that it started: of its drivers, or of its pipeline.
    pub run_id: RunId,
    /// Its version, as text.
    pub version: String,
    /// What the API says, for people.
    pub message: String,
}

/// The same as the API says it.
#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    runid: RunId,
    #[serde(default, deserialize_with = "or_default")]
    version: String,
    #[serde(default, deserialize_with = "or_default")]
    message: String,
}

impl From<Said> for CreatedResource {
    fn from(said: Said) -> Self {
        let Said { name, runid: run_id, version, message } = said;
        Self { name, run_id, version, message }
    }
}
