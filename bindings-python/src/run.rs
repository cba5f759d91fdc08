//! One driver run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conveyor_driver::exec::Command;
use conveyor_driver::host::{HandedRun, Outcome};
use conveyor_driver::{DriverResult, Failure};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::argument::{self, wrong_type};
use crate::client::ApiCalls;
use crate::error::exception;
use crate::json;
use crate::options;
use crate::run_log::{Room, RunLog};

/// One driver run. Whoever lets go of it without an end gives its event back.
#[pyclass(frozen, module = "conveyor_driver._native")]
pub(crate) struct Run {
    run: conveyor_driver::Run,
    key: u64,
    /// Until it has ended.
    handed: Mutex<Option<HandedRun>>,
    room: Arc<Room>,
}

impl Run {
    pub(crate) fn new(handed: HandedRun, room: Arc<Room>) -> Self {
        let (run, key) = (handed.run().clone(), handed.key().to_u64());
        Self { run, key, handed: Mutex::new(Some(handed)), room }
    }

    fn handed(&self) -> Option<HandedRun> {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn complete(&self, outcome: Outcome) {
        if let Some(handed) = self.handed() {
            // An abandoned run's answer is heard by nobody.
            let _heard = handed.complete(outcome);
        }
    }
}

#[pymethods]
impl Run {
    /// Names the run to its queue.
    #[getter]
    const fn key(&self) -> u64 {
        self.key
    }

    /// The run id.
    #[getter]
    fn id(&self) -> &str {
        self.run.id().as_str()
    }

    /// What happened.
    #[getter]
    fn event(&self) -> &str {
        self.run.event()
    }

    /// The resource as JSON text.
    #[getter]
    fn payload(&self) -> &str {
        self.run.payload()
    }

    /// The name of the driver.
    #[getter]
    fn driver(&self) -> &str {
        self.run.driver()
    }

    /// Which try this is, from 1.
    #[getter]
    fn attempt(&self) -> u32 {
        self.run.attempt()
    }

    /// Whether it should end early.
    #[getter]
    fn cancelled(&self) -> bool {
        self.run.is_cancelled()
    }

    /// Why it should end early.
    #[getter]
    fn cancel_reason<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let reason = self.run.cancel_reason();
        reason.map(|reason| json::to_python(py, &json::document(&reason))).transpose()
    }

    /// How many seconds it may still last.
    #[getter]
    fn time_left(&self) -> Option<f64> {
        self.run.time_left().map(|left| left.as_secs_f64())
    }

    /// The run's log.
    #[getter]
    fn log(&self) -> RunLog {
        RunLog::new(self.run.clone(), self.room.clone())
    }

    /// The resource, parsed.
    fn resource<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(resource) = plain_resource(py, self.run.payload()) {
            return Ok(resource.into_any());
        }
        let resource = self.run.resource().map_err(|error| exception(py, &error))?;
        json::to_python(py, &json::document(resource))
    }

    /// Raises `Cancelled` when it should end early.
    fn raise_if_cancelled(&self, py: Python<'_>) -> PyResult<()> {
        self.run.check_cancelled().map_err(|error| exception(py, &error))
    }

    /// Calls of the API, for a loop or for threads.
    #[pyo3(signature = (for_loop, /))]
    fn api_calls(&self, py: Python<'_>, for_loop: bool) -> PyResult<ApiCalls> {
        let client = py.detach(|| self.run.client()).map_err(|error| exception(py, &error))?;
        ApiCalls::of(py, client, for_loop)
    }

    /// Reports progress.
    fn progress(&self) {
        self.run.progress();
    }

    /// Runs a command to its end; `stop` ends it early. Its input may be large, so it comes as it is.
    #[pyo3(signature = (command, stdin, stop, /))]
    fn exec<'py>(
        &self,
        command: &Bound<'py, PyDict>,
        stdin: &Bound<'py, PyAny>,
        stop: &Stop,
    ) -> PyResult<(Bound<'py, PyAny>, bool, String)> {
        let py = command.py();
        let mut command: Command = options::read(command)?;
        command.stdin = argument::input("stdin", stdin)?;
        let output = py.detach(|| self.run.exec_blocking(&command, &stop.0));
        let output = output.map_err(|error| exception(py, &error))?;
        let document = json::to_python(py, &json::document(&output))?;
        Ok((document, output.success(), output.to_string()))
    }

    /// It came to a result.
    #[pyo3(signature = (success, message, data, /))]
    fn end(
        &self,
        success: &Bound<'_, PyAny>,
        message: &Bound<'_, PyAny>,
        data: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let Ok(success) = success.cast::<PyBool>() else {
            return Err(wrong_type("success", success, "a bool"));
        };
        let result = DriverResult {
            success: success.is_true(),
            message: text("message", message)?,
            data: json::from_python(data, "data")?,
        };
        self.complete(Outcome::Ended(Ok(result)));
        Ok(())
    }

    /// It ended with an error.
    #[pyo3(signature = (kind, message, traceback, data, /))]
    fn fail(
        &self,
        kind: &Bound<'_, PyString>,
        message: &Bound<'_, PyString>,
        traceback: Option<&Bound<'_, PyString>>,
        data: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let data = json::from_python(data, "data")?;
        let traceback = traceback.map(|text| text.to_string_lossy().into_owned());
        let mut failure =
            Failure::of_type(kind.to_string_lossy(), message.to_string_lossy(), traceback);
        if data != Value::Null {
            failure = failure.data(data);
        }
        self.complete(Outcome::Ended(Err(failure)));
        Ok(())
    }

    /// It asks for another attempt, in so many seconds.
    #[pyo3(signature = (message, after, /))]
    fn retry(&self, message: &Bound<'_, PyString>, after: Option<f64>) -> PyResult<()> {
        let mut failure = Failure::retry(message.to_string_lossy());
        if let Some(seconds) = after {
            // The core bounds what is too long.
            let after = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            failure = failure.after(after);
        }
        self.complete(Outcome::Ended(Err(failure)));
        Ok(())
    }

    /// Nobody will say what came of it: its event is given back.
    fn drop(&self) {
        self.complete(Outcome::Dropped);
    }
}

/// A resource that already has the form that the core would give it; nothing for whatever needs a closer
/// look.
fn plain_resource<'py>(py: Python<'py>, payload: &str) -> Option<Bound<'py, PyDict>> {
    let parsed = json::parse(py, payload).ok()?;
    let resource = parsed.cast_into::<PyDict>().ok()?;
    let mut known = 0;
    for (key, member) in resource.iter() {
        let fits = match key.cast::<PyString>().ok()?.to_str().ok()? {
            "id" | "name" | "resource" => member.is_instance_of::<PyString>(),
            "metadata" => member.is_instance_of::<PyDict>(),
            "spec" => true,
            // Left out when it is empty.
            "pipeline" => member.is_instance_of::<PyString>() && member.is_truthy().ok()?,
            _ => false,
        };
        if !fits {
            return None;
        }
        known += usize::from(key.ne("pipeline").ok()?);
    }
    const ALWAYS: usize = 5;
    (known == ALWAYS).then_some(resource)
}

/// Ends a command early.
#[pyclass(frozen, module = "conveyor_driver._native")]
pub(crate) struct Stop(CancellationToken);

#[pymethods]
impl Stop {
    #[new]
    fn new() -> Self {
        Self(CancellationToken::new())
    }

    /// Ends the command now.
    fn set(&self) {
        self.0.cancel();
    }
}

fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(text.to_string_lossy().into_owned()),
        Err(_) => Err(wrong_type(name, value, "text")),
    }
}
