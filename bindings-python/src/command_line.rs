//! The command line, in the process of the interpreter.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command line with these arguments, the first of which is its name, and gives the exit code.
#[pyfunction]
#[pyo3(signature = (arguments, /))]
pub(crate) fn command_line(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| conveyor_driver_cli::command_line(arguments))
}
