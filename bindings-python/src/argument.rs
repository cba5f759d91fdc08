//! Arguments of Python's: what does not fit is an error that names the argument.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyString;

use bytes::Bytes;

/// Text, such as an id: what cannot be text in other languages is refused.
pub(crate) fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = value.cast::<PyString>().map_err(|_| wrong_type(name, value, "text"))?;
    let surrogate =
        |_| PyTypeError::new_err(format!("{name}: holds a lone surrogate, which is not text"));
    text.to_str().map(str::to_owned).map_err(surrogate)
}

/// How many.
pub(crate) fn count(name: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let unfit = |_| PyTypeError::new_err(format!("{name}: {value} is not a count"));
    value.extract().map_err(unfit)
}

/// What a command reads; bytes are not copied.
pub(crate) fn input(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Bytes>> {
    if value.is_none() {
        return Ok(None);
    }
    if value.is_instance_of::<PyString>() {
        return text(name, value).map(|text| Some(text.into()));
    }
    let bytes: PyBackedBytes =
        value.extract().map_err(|_| wrong_type(name, value, "text or bytes"))?;
    Ok(Some(Bytes::from_owner(bytes)))
}

pub(crate) fn wrong_type(name: &str, value: &Bound<'_, PyAny>, wanted: &str) -> PyErr {
    match value.get_type().qualname() {
        Ok(kind) => PyTypeError::new_err(format!("{name}: {kind} is not {wanted}")),
        Err(error) => error,
    }
}
