//! A run's log.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conveyor_driver::host::RunQueue;
use conveyor_driver::{ErrorCode, Level, LogLine, Run};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};
use serde_json::Map;

use crate::error::exception;
use crate::json;

/// How a line that finds no room is waited for.
pub(crate) struct Room {
    /// Where tickets come from; nothing for threads, which wait themselves.
    queue: Option<RunQueue>,
    /// What the loop makes of a ticket, while it serves.
    wait: Mutex<Option<Py<PyAny>>>,
}

impl Room {
    pub(crate) const fn of(queue: Option<RunQueue>) -> Self {
        Self { queue, wait: Mutex::new(None) }
    }

    /// From now on a ticket becomes what this makes of it.
    pub(crate) fn wait_with(&self, wait: Option<Py<PyAny>>) {
        let before = mem::replace(&mut *self.lock(), wait);
        // Not under the lock: it may be the last that holds what comes here itself.
        drop(before);
    }

    fn wait(&self, py: Python<'_>, ticket: u64) -> PyResult<Py<PyAny>> {
        let wait = self.lock().as_ref().map(|wait| wait.clone_ref(py));
        wait.map_or_else(|| Accepted::shared(py), |wait| wait.call1(py, (ticket,)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Py<PyAny>>> {
        self.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log of one run. Call it with a text for a line of level info; labels are keywords.
#[pyclass(frozen, module = "conveyor_driver._native")]
pub(crate) struct RunLog {
    run: Run,
    room: Arc<Room>,
}

impl RunLog {
    pub(crate) const fn new(run: Run, room: Arc<Room>) -> Self {
        Self { run, room }
    }

    fn write(
        &self,
        level: Level,
        message: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let py = message.py();
        let text = if let Ok(text) = message.cast::<PyString>() { text } else { &message.str()? };
        let labels = labels.map_or_else(|| Ok(Map::new()), |labels| json::members(labels, ""))?;
        let line = || {
            let message = text.to_string_lossy().into_owned();
            LogLine { message, level, labels: labels.clone() }
        };
        let Some(queue) = &self.room.queue else {
            let line = line();
            py.detach(|| self.run.logger().write_blocking(line));
            return Accepted::shared(py);
        };
        match queue.log(&self.run, [line()]) {
            Ok(None) => Accepted::shared(py),
            Ok(Some(ticket)) => self.room.wait(py, ticket.to_u64()),
            Err(error) if error.code() == ErrorCode::LogFull => {
                // Whoever does not wait for the others has to wait here. The core goes on meanwhile, and so
                // do Python's signal handlers, which only the main thread can run: this may be it.
                const LOOK_UP_EVERY: Duration = Duration::from_millis(50);
                let (log, line) = (self.run.logger(), line());
                let look_up = || Python::attach(|py| py.check_signals());
                py.detach(|| log.write_interruptible(line, LOOK_UP_EVERY, look_up))?;
                Accepted::shared(py)
            }
            Err(error) => Err(exception(py, &error)),
        }
    }
}

#[pymethods]
impl RunLog {
    /// Writes a line of level info.
    #[pyo3(signature = (message, /, **labels))]
    fn __call__(
        &self,
        message: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        self.write(Level::Info, message, labels)
    }

    /// Writes a line of level debug.
    #[pyo3(signature = (message, /, **labels))]
    fn debug(
        &self,
        message: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        self.write(Level::Debug, message, labels)
    }

    /// Writes a line of level info.
    #[pyo3(signature = (message, /, **labels))]
    fn info(
        &self,
        message: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        self.write(Level::Info, message, labels)
    }

    /// Writes a line of level warning.
    #[pyo3(signature = (message, /, **labels))]
    fn warning(
        &self,
        message: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        self.write(Level::Warning, message, labels)
    }

    /// Writes a line of level error.
    #[pyo3(signature = (message, /, **labels))]
    fn error(
        &self,
        message: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        self.write(Level::Error, message, labels)
    }
}

/// A line that has its place. To await it takes no time.
#[pyclass(frozen, module = "conveyor_driver._native")]
pub(crate) struct Accepted;

impl Accepted {
    /// The one that all calls share.
    pub(crate) fn shared(py: Python<'_>) -> PyResult<Py<PyAny>> {
        static SHARED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let made = || Ok(Py::new(py, Self)?.into_any());
        SHARED.get_or_try_init(py, made).map(|shared| shared.clone_ref(py))
    }
}

#[pymethods]
impl Accepted {
    const fn __await__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    const fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    const fn __next__(&self) -> Option<()> {
        None
    }
}
