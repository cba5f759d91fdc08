//! The embedded event stream, with what tests and first programs do in the control plane's place.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use conveyor_driver::message::{DriverMessage, LogEntry, Resource, ResultEvent};
use conveyor_driver::stream::{EventStream, MemoryStream, Message, SharedStream, StreamConfig};
use conveyor_driver::subject::{
    self, DEAD_LETTERS_STREAM, DRIVER_RESULT, LOGS_STREAM, PIPELINES_STREAM,
};
use conveyor_driver::{Error, ErrorCode, Result, RunId};
use futures_util::StreamExt;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::Value;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::error::exception;
use crate::json;
use crate::queue::duration;

/// An event stream in this process.
#[pyclass(frozen, module = "conveyor_driver._native")]
pub(crate) struct Embedded(MemoryStream);

impl Embedded {
    pub(crate) fn connection(&self) -> SharedStream {
        Arc::new(self.0.connection())
    }

    /// Waits for the stream, detached.
    fn wait<T: Send>(
        &self,
        py: Python<'_>,
        work: impl Future<Output = Result<T>> + Send,
    ) -> PyResult<T> {
        let waited = py.detach(|| {
            let runtime = Builder::new_current_thread().enable_time().build();
            let runtime = runtime.map_err(|error| {
                Error::new(ErrorCode::Internal, "the system gives no runtime").with_source(error)
            })?;
            runtime.block_on(work)
        });
        waited.map_err(|error| exception(py, &error))
    }
}

#[pymethods]
impl Embedded {
    /// One with the control plane's streams, empty.
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        let embedded = Self(MemoryStream::new());
        embedded.wait(py, async {
            for config in StreamConfig::of_control_plane() {
                embedded.0.put_stream(&config).await?;
            }
            Ok(())
        })?;
        Ok(embedded)
    }

    /// Posts an event about a resource, to all drivers of its type or to one.
    #[pyo3(signature = (resource, event, run_id, driver, /))]
    fn post(
        &self,
        resource: &Bound<'_, PyAny>,
        event: &str,
        run_id: &str,
        driver: Option<&str>,
    ) -> PyResult<()> {
        let py = resource.py();
        let text = json::from_python(resource, "resource")?.to_string();
        let read = Resource::decode(text.as_bytes()).map_err(|error| exception(py, &error))?;
        if let Some(fault) = subject::name_fault(&read.resource) {
            return Err(PyTypeError::new_err(format!("resource.resource: {fault}")));
        }
        let mut message = DriverMessage::new(event, &read, run_id, RunId::from(run_id));
        message.payload = text;
        let subject = match driver {
            Some(driver) => subject::driver(driver, &read.resource),
            None => subject::resource(&read.resource),
        };
        self.wait(py, async {
            self.0.publish(Message::new(subject, message.encode())).await?.await?;
            Ok(())
        })
    }

    /// Waits for so many answers of a run, of any drivers: the results, and true when one became a dead
    /// letter; nothing when they do not come in time.
    #[pyo3(signature = (run_id, count, seconds, /))]
    fn wait_results<'py>(
        &self,
        py: Python<'py>,
        run_id: &str,
        count: usize,
        seconds: f64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let most = duration(seconds)?;
        let found = self.wait(py, async {
            let mut published = self.0.subscribe(DRIVER_RESULT).await?;
            let enough = async {
                loop {
                    let results = self.results_of(run_id)?;
                    if results.len() >= count {
                        return Ok(results);
                    }
                    published.next().await;
                }
            };
            match timeout(most.min(Duration::from_secs(30 * 86_400)), enough).await {
                Ok(results) => results.map(Some),
                Err(_elapsed) => Ok(None),
            }
        })?;
        found.map(|results| json::to_python(py, &Value::Array(results))).transpose()
    }

    /// The stored log lines of a run, or of all, in their order.
    #[pyo3(signature = (run_id, /))]
    fn log<'py>(&self, py: Python<'py>, run_id: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let mut entries = Vec::new();
        for message in self.0.messages(LOGS_STREAM) {
            let entry =
                LogEntry::decode(&message.payload).map_err(|error| exception(py, &error))?;
            if run_id.is_none_or(|run| entry.runid.as_str() == run) {
                entries.push(json::document(&entry));
            }
        }
        json::to_python(py, &Value::Array(entries))
    }

    /// The bytes of the dead letters.
    fn dead_letters<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let letters = self.0.messages(DEAD_LETTERS_STREAM);
        letters.iter().map(|letter| PyBytes::new(py, &letter.payload)).collect()
    }
}

impl Embedded {
    fn results_of(&self, run_id: &str) -> Result<Vec<Value>> {
        let mut results = Vec::new();
        for message in self.0.messages(PIPELINES_STREAM) {
            let event = ResultEvent::decode(&message.payload)?;
            if event.run_id.as_str() == run_id {
                let mut document = json::document(&event.result);
                document["driver"] = event.driver.into();
                results.push(document);
            }
        }
        Ok(results)
    }
}
