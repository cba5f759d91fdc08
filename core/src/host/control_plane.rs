//! What hosts do in the control plane's place, on the embedded stream.

use futures_util::stream::BoxStream;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::error::{Error, ErrorCode, Result};
use crate::message::{DriverMessage, LogEntry, Resource, ResultEvent};
use crate::run_id::RunId;
use crate::stream::{EventStream, MemoryStream, Message, StreamConfig};
use crate::subject::{self, DEAD_LETTERS_STREAM, DRIVER_RESULT, LOGS_STREAM, PIPELINES_STREAM};

/// An embedded stream with the control plane's streams, and what tests and first programs do there:
/// post events, and read what drivers say. Its calls hold the thread, and not for long unless they say
/// so: none of them may be made within a runtime.
#[derive(Clone, Debug)]
pub struct EmbeddedControlPlane {
    stream: MemoryStream,
}

impl EmbeddedControlPlane {
    /// A new one, empty.
    ///
    /// # Errors
    /// `Internal` when the system gives no runtime.
    pub fn new() -> Result<Self> {
        let stream = MemoryStream::new();
        wait(async {
            for config in StreamConfig::of_control_plane() {
                stream.put_stream(&config).await?;
            }
            Ok(())
        })?;
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
    /// `MessageInvalid` when the text is no resource, or one whose type no driver can have;
    /// `Internal` when the system gives no runtime.
    pub fn post(
        &self,
        resource: &str,
        event: &str,
        run: &RunId,
        driver: Option<&str>,
    ) -> Result<()> {
        let read = Resource::decode(resource.as_bytes())?;
        if let Some(fault) = subject::name_fault(&read.resource) {
            return Err(Error::new(
                ErrorCode::MessageInvalid,
                format!("resource.resource {fault}"),
            )
            .with_context("path", "resource.resource"));
        }
        let mut message = DriverMessage::new(event, &read, run.as_str(), run.clone());
        message.payload = resource.into();
        let subject = match driver {
            Some(driver) => subject::driver(driver, &read.resource),
            None => subject::resource(&read.resource),
        };
        wait(async {
            self.stream.publish(Message::new(subject, message.encode())).await?.await.map(|_| ())
        })
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

/// Holds the thread until the work is done.
///
/// # Errors
/// Those of the work; `Internal` when the system gives no runtime.
pub(super) fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| {
        Error::new(ErrorCode::Internal, "the system gives no runtime").with_source(error)
    })?;
    runtime.block_on(work)
}
