//! The embedded event stream, with what tests and first programs do in the control plane's place.

use std::sync::Arc;

use conveyor_driver::RunId;
use conveyor_driver::host::EmbeddedControlPlane;
use conveyor_driver::stream::SharedStream;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::Value;

use crate::argument;
use crate::error::exception;
use crate::json;
use crate::queue::duration;

/// An event stream in this process.
#[pyclass(frozen, module = "conveyor_driver._native")]
pub(crate) struct Embedded(EmbeddedControlPlane);

impl Embedded {
    pub(crate) fn connection(&self) -> SharedStream {
        Arc::new(self.0.stream().connection())
    }
}

#[pymethods]
impl Embedded {
    /// One with the control plane's streams, empty.
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        let made = py.detach(EmbeddedControlPlane::new);
        made.map(Self).map_err(|error| exception(py, &error))
    }

    /// Posts an event about a resource, to all drivers of its type or to one.
    #[pyo3(signature = (resource, event, run_id, driver, /))]
    fn post(
        &self,
        resource: &Bound<'_, PyAny>,
        event: &Bound<'_, PyAny>,
        run_id: &Bound<'_, PyAny>,
        driver: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = resource.py();
        let resource = json::from_python(resource, "resource")?.to_string();
        let event = argument::text("event", event)?;
        let run = RunId::from(argument::text("run_id", run_id)?);
        let driver = driver.map(|driver| argument::text("driver", driver)).transpose()?;
        let posted = py.detach(|| self.0.post(&resource, &event, &run, driver.as_deref()));
        posted.map_err(|error| exception(py, &error))
    }

    /// Waits for so many answers of a run, of any drivers: the results, and nothing when they do not come
    /// in time.
    #[pyo3(signature = (run_id, count, seconds, /))]
    fn wait_results<'py>(
        &self,
        run_id: &Bound<'py, PyAny>,
        count: &Bound<'py, PyAny>,
        seconds: f64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = run_id.py();
        let (run, count) = (argument::text("run_id", run_id)?, argument::count("count", count)?);
        let most = duration(seconds)?;
        let found = py.detach(|| self.0.wait_results(&run, count, most));
        let found = found.map_err(|error| exception(py, &error))?;
        found.map(|results| json::to_python(py, &Value::Array(results))).transpose()
    }

    /// The stored log lines of a run, or of all, in their order.
    #[pyo3(signature = (run_id, /))]
    fn log<'py>(
        &self,
        py: Python<'py>,
        run_id: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let run = run_id.map(|run| argument::text("run_id", run)).transpose()?;
        let entries = self.0.log(run.as_deref()).map_err(|error| exception(py, &error))?;
        json::to_python(py, &json::document(&entries))
    }

    /// The bytes of the dead letters.
    fn dead_letters<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let letters = self.0.dead_letters();
        letters.iter().map(|letter| PyBytes::new(py, &letter.payload)).collect()
    }
}
