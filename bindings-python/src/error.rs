//! The runtime's errors as Python exceptions.

use conveyor_driver::Error;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use serde_json::Value;

use crate::json;

/// The exception of the error's code: `conveyor_driver.ConveyorError` or a subclass.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    made(py, error).map_or_else(|failed| failed, PyErr::from_value)
}

fn made<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = MAKE.import(py, "conveyor_driver._error", "from_document")?;
    make.call1((json::to_python(py, &document(error))?, error.to_string()))
}

fn document(error: &Error) -> Value {
    serde_json::to_value(error).unwrap_or_default()
}
