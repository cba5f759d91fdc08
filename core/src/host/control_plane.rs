//! What hosts do in the control plane's place, on the embedded stream.

use futures_util::stream::BoxStream;
use serde_json::{Value, json};

use crate::error::Result;
use crate::message::{DriverMessage, LogEntry, Resource, ResultEvent};
use crate::run_id::RunId;
use crate::stream::{EventStream, MemoryStream, Message, StreamConfig};
use crate::subject::{self, DEAD_LETTERS_STREAM, DRIVER_RESULT, LOGS_STREAM, PIPELINES_STREAM};

/// An embedded stream with the control plane's streams, and what tests and first programs do there:
/// post events, and read what drivers say.
#[derive(Clone, Debug)]
pub struct EmbeddedControlPlane {
    stream: MemoryStream,
}

impl EmbeddedControlPlane {
    /// A new one, empty.
    ///
    /// # Errors
    /// Those of the embedded stream, which has none here.
    pub async fn new() -> Result<Self> {
        let stream = MemoryStream::new();
        for config in StreamConfig::of_control_plane() {
            stream.put_stream(&config).await?;
        }
        Ok(Self { stream })
    }

    /// The stream itself.
    #[must_use]
    pub const fn stream(&self) -> &MemoryStream {
        &self.stream
    }

    /// Posts an event about a resource, given as JSON text, to all drivers of its type or to one.
    ///
    /// # Errors
    /// `MessageInvalid` when the text is no resource.
    pub async fn post(
        &self,
        resource: &str,
        event: &str,
        run: &RunId,
        driver: Option<&str>,
    ) -> Result<()> {
        let read = Resource::decode(resource.as_bytes())?;
        let mut message = DriverMessage::new(event, &read, run.as_str(), run.clone());
        message.payload = resource.into();
        let subject = match driver {
            Some(driver) => subject::driver(driver, &read.resource),
            None => subject::resource(&read.resource),
        };
        self.stream.publish(Message::new(subject, message.encode())).await?.await?;
        Ok(())
    }

    /// Wakes whenever a result is published, from now on.
    ///
    /// # Errors
    /// Those of the embedded stream, which has none here.
    pub async fn watch_results(&self) -> Result<BoxStream<'static, Message>> {
        self.stream.subscribe(DRIVER_RESULT).await
    }

    /// The results of a run as documents, each with the driver that gave it.
    ///
    /// # Errors
    /// `MessageInvalid` when somebody published what is no result.
    pub fn results(&self, run: &str) -> Result<Vec<Value>> {
        let mut results = Vec::new();
        for message in self.stream.messages(PIPELINES_STREAM) {
            let event = ResultEvent::decode(&message.payload)?;
            if event.run_id.as_str() == run {
                results.push(json!({
                    "driver": event.driver,
                    "success": event.result.success,
                    "message": event.result.message,
                    "data": event.result.data,
                }));
            }
        }
        Ok(results)
    }

    /// The stored log lines of a run, or of all, in their order.
    ///
    /// # Errors
    /// `MessageInvalid` when somebody published what is no line.
    pub fn log(&self, run: Option<&str>) -> Result<Vec<LogEntry>> {
        let mut entries = Vec::new();
        for message in self.stream.messages(LOGS_STREAM) {
            let entry = LogEntry::decode(&message.payload)?;
            if run.is_none_or(|run| entry.runid.as_str() == run) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// The messages that no driver could read.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<Message> {
        self.stream.messages(DEAD_LETTERS_STREAM)
    }
}
