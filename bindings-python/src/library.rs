//! What the runtime itself says, for Python's `logging`.

use std::sync::OnceLock;
use std::time::Duration;

use conveyor_driver::{Level, host};
use pyo3::prelude::*;

use crate::error::exception;
use crate::json;

/// Time in nanoseconds, level, target, message and fields of a record.
type Record<'py> = (u64, u8, String, String, Bound<'py, PyAny>);

/// The records of this process.
#[pyclass(frozen, module = "conveyor_driver._native")]
pub(crate) struct LibraryLogs(host::RunQueue);

#[pymethods]
impl LibraryLogs {
    /// Keeps records of this level of `logging` and above.
    #[new]
    #[pyo3(signature = (level, /))]
    fn new(py: Python<'_>, level: i64) -> PyResult<Self> {
        static LOGS: OnceLock<host::LibraryLogs> = OnceLock::new();
        const ROOM: usize = 4_096;
        let level = match level {
            ..=10 => Level::Debug,
            11..=20 => Level::Info,
            21..=30 => Level::Warning,
            _ => Level::Error,
        };
        let logs = LOGS.get_or_init(|| {
            let logs = host::LibraryLogs::new(ROOM);
            // Another subscriber of this process takes them then.
            let _installed = logs.install(level);
            logs
        });
        let queue = host::RunQueue::new();
        queue.attach_library_logs(logs).map_err(|error| exception(py, &error))?;
        Ok(Self(queue))
    }

    /// Waits until there are some.
    fn wait(&self, py: Python<'_>) -> bool {
        py.detach(|| self.0.wait_for_notice(Duration::from_secs(3_600)))
    }

    /// Takes up to so many.
    #[pyo3(signature = (most, /))]
    fn take<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Vec<Record<'py>>> {
        let records = self.0.take_library_logs(most);
        let record = |record: host::LibraryLog| {
            let fields = json::to_python(py, &json::document(&record.fields))?;
            Ok((record.unix_nanos, number(record.level), record.target, record.message, fields))
        };
        records.into_iter().map(record).collect()
    }
}

/// The level as `logging` numbers it.
const fn number(level: Level) -> u8 {
    match level {
        Level::Debug => 10,
        Level::Info => 20,
        Level::Warning => 30,
        Level::Error => 40,
    }
}
