//! What a running driver tells of itself, in the documents of NATS micro: `nats micro ls` lists drivers
//! among all services.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::run_id::RunId;

/// Who answers: one instance of a driver.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceIdentity {
    /// Which document this is: one of the constants of this type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The driver's name.
    pub name: String,
    /// This instance, unlike any other.
    pub id: String,
    /// The runtime's version.
    pub version: String,
    /// Facts about the instance: `runtime`, `resources`, `concurrency`, `host`, `pid`.
    pub metadata: BTreeMap<String, String>,
}

impl ServiceIdentity {
    /// The kind of the answer to a ping.
    pub const PING: &'static str = "io.nats.micro.v1.ping_response";
    /// The kind of a [`ServiceInfo`].
    pub const INFO: &'static str = "io.nats.micro.v1.info_response";
    /// The kind of a [`ServiceStats`].
    pub const STATS: &'static str = "io.nats.micro.v1.stats_response";
    /// What the metadata member `runtime` holds for a driver of this runtime.
    pub const RUNTIME: &'static str = "conveyor-driver";

    /// Whether this is a driver of this runtime, and not another service.
    #[must_use]
    pub fn is_driver(&self) -> bool {
        self.metadata.get("runtime").is_some_and(|runtime| runtime == Self::RUNTIME)
    }
}

/// What the instance is.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceInfo {
    /// Who answers.
    #[serde(flatten)]
    pub identity: ServiceIdentity,
    /// For people.
    pub description: String,
    /// Where it takes requests.
    pub endpoints: Vec<ServiceEndpoint>,
}

/// Where an instance takes requests: the control subject of its driver.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceEndpoint {
    /// Always `runs`.
    pub name: String,
    /// The subject, wildcards included.
    pub subject: String,
    /// Empty: every instance gets each request.
    pub queue_group: String,
}

/// What the instance did and does.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceStats {
    /// Who answers.
    #[serde(flatten)]
    pub identity: ServiceIdentity,
    /// When the instance started, RFC 3339.
    pub started: String,
    /// One, named `runs`.
    pub endpoints: Vec<EndpointStats>,
}

/// What an instance did with its runs.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointStats {
    /// Where the runs are.
    #[serde(flatten)]
    pub endpoint: ServiceEndpoint,
    /// How often reconcile was called.
    pub num_requests: u64,
    /// Events answered with a failed result.
    pub num_errors: u64,
    /// Empty: the runs' own logs say it.
    pub last_error: String,
    /// How long events were held, in nanoseconds, of those that ended.
    pub processing_time: u64,
    /// The same for each run.
    pub average_processing_time: u64,
    /// The runs in flight.
    pub data: RunsInFlight,
}

/// The events that an instance holds, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunsInFlight {
    /// Those that found room in the document.
    pub runs: Vec<RunInFlight>,
    /// How many more there are.
    pub omitted: usize,
}

/// One event in hand.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunInFlight {
    /// The run id.
    pub run_id: RunId,
    /// The type of the resource.
    pub resource: String,
    /// The name of the resource.
    pub name: String,
    /// The pipeline of the resource; empty when it has none.
    pub pipeline: String,
    /// What happened.
    pub event: String,
    /// Which try this is, from 1.
    pub attempt: u64,
    /// How long ago the event came, in milliseconds.
    pub age_ms: u64,
}
