//! The native half of the Python package `conveyor_driver`: it converts and forwards, and never calls
//! Python from a thread of the runtime. Whatever may wait does so detached from the interpreter.

mod argument;
mod client;
mod command_line;
mod embedded;
mod error;
mod interpreter;
mod json;
mod library;
mod manager;
mod options;
mod queue;
mod run;
mod run_log;

use pyo3::prelude::*;

/// The runtime's threads free what others took, many times an event, which is dear in most allocators.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::client::ApiCalls;
    #[pymodule_export]
    use crate::command_line::command_line;
    #[pymodule_export]
    use crate::embedded::Embedded;
    #[pymodule_export]
    use crate::library::LibraryLogs;
    #[pymodule_export]
    use crate::manager::Manager;
    #[pymodule_export]
    use crate::options::{driver_options, manager_options};
    #[pymodule_export]
    use crate::queue::Queue;
    #[pymodule_export]
    use crate::run::{Run, Stop};
    #[pymodule_export]
    use crate::run_log::{Accepted, RunLog};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::interpreter::check(module.py())?;
        module.add("ACCEPTED", Accepted::shared(module.py())?)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
