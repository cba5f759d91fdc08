//! Which interpreter this is.

use pyo3::exceptions::PyImportError;
use pyo3::{PyResult, Python, ffi};

/// Nothing in the main interpreter. Objects of one must not meet those of another, and what this module
/// keeps for the process is the main one's.
///
/// # Errors
/// `ImportError` in a subinterpreter.
#[allow(unsafe_code)]
pub(crate) fn check(_attached: Python<'_>) -> PyResult<()> {
    // SAFETY: whoever is attached has a current interpreter, which both calls only read.
    let id = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    if id == 0 {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "conveyor_driver does not run in a subinterpreter: import it in the main one, or start a process",
    ))
}
