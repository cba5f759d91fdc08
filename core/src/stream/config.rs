//! Streams and consumers as the runtime wants them and as the server reports them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::subject::{
    self, LOGS, LOGS_STREAM, MESSAGES, MESSAGES_STREAM, PIPELINES, PIPELINES_STREAM,
};

/// When a stream lets go of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Retention {
    /// Never, unless told.
    #[default]
    Limits,
    /// When every consumer that wants it has acknowledged it; at once when none wants it.
    Interest,
    /// When one consumer has acknowledged it. Consumers must not overlap.
    WorkQueue,
}

/// A stream: file storage, one replica, no limits, duplicates within two minutes refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// The stream's name.
    pub name: String,
    /// The subjects it stores, wildcards allowed.
    pub subjects: Vec<String>,
    /// When it lets go of a message.
    pub retention: Retention,
}

impl StreamConfig {
    /// The streams `messages`, `pipeline-engine` and `logs-engine`, as the control plane makes them.
    /// A driver never does: it waits for them.
    #[must_use]
    pub fn of_control_plane() -> [Self; 3] {
        [
            Self::new(MESSAGES_STREAM, &MESSAGES, Retention::Interest),
            Self::new(PIPELINES_STREAM, &[PIPELINES], Retention::WorkQueue),
            Self::new(LOGS_STREAM, &[LOGS], Retention::WorkQueue),
        ]
    }

    /// A stream of this name for these subjects.
    #[must_use]
    pub fn new(name: &str, subjects: &[&str], retention: Retention) -> Self {
        Self {
            name: name.to_owned(),
            subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
            retention,
        }
    }
}

/// A pull consumer with explicit acknowledgement that delivers all, without a delivery limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// The consumer's name.
    pub name: String,
    /// Whether it outlives its clients. The name is then also its durable name.
    pub durable: bool,
    /// The subjects it delivers; empty for all of the stream.
    pub filters: Vec<String>,
    /// How long a delivery may go without a sign of life before it is made again.
    pub ack_wait: Duration,
    /// How many deliveries may be unsettled at once, over all clients.
    pub max_ack_pending: u32,
    /// After how long without any client it is removed; `None` leaves it to the server: never for
    /// a durable consumer.
    pub inactive_threshold: Option<Duration>,
    /// Who made it and for what.
    pub metadata: BTreeMap<String, String>,
}

impl ConsumerConfig {
    /// Whether it delivers what is published there.
    #[must_use]
    pub fn takes(&self, subject: &str) -> bool {
        let filters = &self.filters;
        filters.is_empty() || filters.iter().any(|filter| subject::matches(filter, subject))
    }
}

/// A consumer as the server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerInfo {
    /// Its configuration, as far as the runtime knows it.
    pub config: ConsumerConfig,
    /// Differs from that of a consumer of the same name that was made anew.
    pub identity: String,
    /// Why this is not a consumer the runtime could use, such as push delivery; `None` when it is.
    pub unusable: Option<String>,
    /// Messages it has yet to deliver for the first time.
    pub pending: u64,
    /// Deliveries not settled yet.
    pub ack_pending: u64,
    /// Pull requests that wait at the server.
    pub waiting: u64,
}
