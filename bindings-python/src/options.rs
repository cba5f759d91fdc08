//! Options as dicts.

use conveyor_driver::options::{DriverOptions, ManagerOptions, from_document};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::exception;
use crate::json;

/// The options of a driver with all defaults.
#[pyfunction]
#[pyo3(signature = (document, /))]
pub(crate) fn driver_options<'py>(document: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    complete::<DriverOptions>(document)
}

/// The options of a manager with all defaults; secrets are hidden.
#[pyfunction]
#[pyo3(signature = (document, /))]
pub(crate) fn manager_options<'py>(document: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    complete::<ManagerOptions>(document)
}

fn complete<'py, T: DeserializeOwned + Serialize>(
    document: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let options: T = read(document)?;
    json::to_python(document.py(), &serde_json::to_value(options).unwrap_or_default())
}

/// What a dict says.
pub(crate) fn read<T: DeserializeOwned>(document: &Bound<'_, PyDict>) -> PyResult<T> {
    let members = json::members(document, "")?;
    from_document(Value::Object(members)).map_err(|error| exception(document.py(), &error))
}
