//! Calls of the Conveyor API.

use std::os::fd::AsRawFd;

use conveyor_driver::options::ClientOptions;
use conveyor_driver::{Client, Error, ErrorCode, host};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;

use crate::error::exception;
use crate::json;
use crate::options;
use crate::queue::duration;

/// What a call came to: its number, and a value or an exception.
type Ended<'py> = (u64, Option<Bound<'py, PyAny>>, Option<Py<PyAny>>);

/// The calls of one client.
#[pyclass(frozen, module = "conveyor_driver._native")]
pub(crate) struct ApiCalls(host::ApiCalls);

impl ApiCalls {
    pub(crate) fn of(py: Python<'_>, client: Client, for_loop: bool) -> PyResult<Self> {
        let calls = if for_loop {
            host::ApiCalls::with_descriptor(client)
        } else {
            host::ApiCalls::new(client)
        };
        calls.map(Self).map_err(|error| exception(py, &error))
    }
}

#[pymethods]
impl ApiCalls {
    /// For a loop, with a descriptor, or for threads.
    #[new]
    #[pyo3(signature = (options, for_loop, /))]
    fn new(options: &Bound<'_, PyDict>, for_loop: bool) -> PyResult<Self> {
        let py = options.py();
        let options: ClientOptions = options::read(options)?;
        let client = py.detach(|| Client::new(options)).map_err(|error| exception(py, &error))?;
        Self::of(py, client, for_loop)
    }

    /// Starts a call, and returns its number.
    #[pyo3(signature = (operation, arguments, /))]
    fn start(&self, operation: &str, arguments: &Bound<'_, PyDict>) -> PyResult<u64> {
        let members = json::members(arguments, "")?;
        let started = self.0.start(operation, Value::Object(members));
        started.map_err(|error| exception(arguments.py(), &error))
    }

    /// Waits for the end of a call, for so long at most. Its value in a tuple, when it has ended.
    #[pyo3(signature = (number, seconds, /))]
    fn wait<'py>(
        &self,
        py: Python<'py>,
        number: u64,
        seconds: f64,
    ) -> PyResult<Option<(Bound<'py, PyAny>,)>> {
        let most = duration(seconds)?;
        let raised = |error: Error| exception(py, &error);
        let waited = py.detach(|| self.0.wait(number, most)).map_err(raised)?;
        match waited {
            Some(answer) => Ok(Some((value(py, &answer.map_err(raised)?)?,))),
            None => Ok(None),
        }
    }

    /// Takes all calls that have ended.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Vec<Ended<'py>>> {
        let ended = self.0.take().map_err(|error| exception(py, &error))?;
        let told = |(number, answer): (u64, host::Answer)| match answer {
            Ok(text) => Ok((number, Some(value(py, &text)?), None)),
            Err(error) => Ok((number, None, Some(exception(py, &error).into_value(py).into_any()))),
        };
        ended.into_iter().map(told).collect()
    }

    /// The descriptor that is readable while there are calls to take.
    fn fileno(&self) -> PyResult<i32> {
        let no_descriptor = || PyValueError::new_err("these calls have no descriptor");
        self.0.wake_fd().map(|fd| fd.as_raw_fd()).ok_or_else(no_descriptor)
    }

    /// Gives a call up.
    #[pyo3(signature = (number, /))]
    fn cancel(&self, number: u64) {
        self.0.cancel(number);
    }
}

fn value<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    json::parse(py, text).map_err(|error| {
        let told = Error::new(ErrorCode::ResponseInvalid, "the answer is nested too deep");
        exception(py, &told.with_source(error))
    })
}
