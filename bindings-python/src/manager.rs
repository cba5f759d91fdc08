//! A driver manager.

use conveyor_driver::options::{DriverOptions, ManagerOptions};
use conveyor_driver::{DrainReport, Driver, DriverManager, Error, HostManager, RunId};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::argument;
use crate::embedded::Embedded;
use crate::error::exception;
use crate::json;
use crate::options;
use crate::queue::{Queue, duration};

/// A manager whose drivers take their runs from queues.
#[pyclass(frozen, module = "conveyor_driver._native")]
pub(crate) struct Manager(HostManager);

#[allow(clippy::needless_pass_by_value)] // What `map_err` gives.
fn raised(error: Error) -> PyErr {
    Python::attach(|py| exception(py, &error))
}

#[pymethods]
impl Manager {
    /// Nothing is checked but the form of the options.
    #[new]
    #[pyo3(signature = (drivers, options, stream, /))]
    fn new(
        drivers: Vec<(Bound<'_, PyDict>, PyRef<'_, Queue>)>,
        options: &Bound<'_, PyDict>,
        stream: Option<&Embedded>,
    ) -> PyResult<Self> {
        let mut options: ManagerOptions = options::read(options)?;
        // Python has its own way with signals.
        options.signals = false;
        let mut manager = DriverManager::new(options);
        for (options, queue) in drivers {
            let options: DriverOptions = options::read(&options)?;
            manager = manager.driver(Driver::with_options(options).queue(queue.core()));
        }
        if let Some(stream) = stream {
            manager = manager.stream(stream.connection());
        }
        Ok(Self(HostManager::new(manager)))
    }

    /// Has it start, and does not wait for that.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.start()).map_err(raised)
    }

    /// How far it is.
    #[getter]
    fn state(&self) -> PyResult<&'static str> {
        self.0.state().map(|state| state.name()).map_err(raised)
    }

    /// Waits until every driver is ready to receive events.
    #[pyo3(signature = (seconds, /))]
    fn wait_started(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        let most = duration(seconds)?;
        py.detach(|| self.0.wait_started(most)).map_err(raised)
    }

    /// Waits until it has stopped; its report as a document, and as text.
    #[pyo3(signature = (seconds, /))]
    fn wait_ended<'py>(
        &self,
        py: Python<'py>,
        seconds: f64,
    ) -> PyResult<Option<(Bound<'py, PyAny>, String)>> {
        let most = duration(seconds)?;
        let report = py.detach(|| self.0.wait_ended(most)).map_err(raised)?;
        let told = |report: DrainReport| {
            Ok((json::to_python(py, &json::document(&report))?, report.to_string()))
        };
        report.map(told).transpose()
    }

    /// Asks it to drain.
    fn drain(&self) -> PyResult<()> {
        self.0.drain().map_err(raised)
    }

    /// Ends every run now.
    fn end_now(&self) -> PyResult<()> {
        self.0.end_now().map_err(raised)
    }

    /// Cancels a run.
    #[pyo3(signature = (run_id, reason, /))]
    fn cancel(&self, run_id: &Bound<'_, PyAny>, reason: &Bound<'_, PyAny>) -> PyResult<usize> {
        let run = RunId::from(argument::text("run_id", run_id)?);
        self.0.cancel(&run, &argument::text("reason", reason)?).map_err(raised)
    }
}
