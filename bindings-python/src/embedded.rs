//! The embedded event stream, with what tests and first programs do in the control plane's place.

use std::sync::Arc;

use conveyor_driver::RunId;
use conveyor_driver::host::EmbeddedControlPlane;
use conveyor_driver::stream::SharedStream;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::Value;

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
        event: &str,
        run_id: &str,
        driver: Option<&str>,
    ) -> PyResult<()> {
        let py = resource.py();
        let resource = json::from_python(resource, "resource")?.to_string();
        let run = RunId::from(run_id);
        let posted = py.detach(|| self.0.post(&resource, event, &run, driver));
        posted.map_err(|error| exception(py, &error))
    }

    /// Waits for so many answers of a run, of any drivers: the results, and nothing when they do not come
    /// in time.
    #[pyo3(signature = (run_id, count, seconds, /))]
    fn wait_results<'py>(
        &self,
        py: Python<'py>,
        run_id: &str,
        count: usize,
        seconds: f64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let most = duration(seconds)?;
        let found = py.detach(|| self.0.wait_results(run_id, count, most));
        let found = found.map_err(|error| exception(py, &error))?;
        found.map(|results| json::to_python(py, &Value::Array(results))).transpose()
    }

    /// The stored log lines of a run, or of all, in their order.
    #[pyo3(signature = (run_id, /))]
    fn log<'py>(&self, py: Python<'py>, run_id: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let entries = self.0.log(run_id).map_err(|error| exception(py, &error))?;
        json::to_python(py, &json::document(&entries))
    }

    /// The bytes of the dead letters.
    fn dead_letters<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let letters = self.0.dead_letters();
        letters.iter().map(|letter| PyBytes::new(py, &letter.payload)).collect()
    }
}
