//! The three streams, made as the server makes them.

use std::time::Duration;

use conveyor_driver::stream::{ConsumerConfig, EventStream, StreamConfig};
use conveyor_driver::{Result, subject};

/// A stream that only the control plane reads: one consumer of the stream's own name.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorkQueue {
    pub(super) name: &'static str,
    pub(super) subjects: &'static str,
}

/// Where pipeline events come from.
pub(super) const PIPELINES: WorkQueue =
    WorkQueue { name: subject::PIPELINES_STREAM, subjects: subject::PIPELINES };
/// Where log lines come from.
pub(super) const LOGS: WorkQueue =
    WorkQueue { name: subject::LOGS_STREAM, subjects: subject::LOGS };

impl WorkQueue {
    /// The server's own consumer: not durable, and the defaults of NATS for the rest.
    pub(super) fn consumer(self) -> ConsumerConfig {
        ConsumerConfig {
            name: self.name.to_owned(),
            durable: false,
            filters: vec![self.subjects.to_owned()],
            ack_wait: Duration::from_secs(30),
            max_ack_pending: 1000,
            inactive_threshold: None,
            metadata: std::collections::BTreeMap::new(),
        }
    }
}

/// The consumer that takes log lines off their stream.
pub(crate) fn log_consumer() -> ConsumerConfig {
    LOGS.consumer()
}

/// Makes the streams `messages`, `pipeline-engine` and `logs-engine`, or changes them to what they
/// should be.
///
/// # Errors
/// As [`EventStream::put_stream`].
pub async fn put_streams(stream: &dyn EventStream) -> Result<()> {
    for config in StreamConfig::of_control_plane() {
        stream.put_stream(&config).await?;
    }
    Ok(())
}
