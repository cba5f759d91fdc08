//! The queue that the threads or the loop of Python take runs from.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use conveyor_driver::host::{HandedRun, RunQueue};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::exception;
use crate::run::Run;
use crate::run_log::Room;

/// What a loop is woken for: runs, the keys of runs to cancel, and tickets of accepted lines.
type News = (Vec<Run>, Vec<u64>, Vec<u64>);

/// Where runs wait for Python.
#[pyclass(frozen, module = "conveyor_driver._native")]
pub(crate) struct Queue {
    queue: RunQueue,
    /// Threads that wait for a run.
    idle: AtomicUsize,
    room: Arc<Room>,
}

impl Queue {
    pub(crate) const fn core(&self) -> &RunQueue {
        &self.queue
    }

    fn run(&self, handed: HandedRun) -> Run {
        Run::new(handed, self.room.clone())
    }
}

#[pymethods]
impl Queue {
    /// For a loop, with a descriptor, or for threads.
    #[new]
    #[pyo3(signature = (for_loop, /))]
    fn new(py: Python<'_>, for_loop: bool) -> PyResult<Self> {
        let queue = if for_loop {
            RunQueue::with_descriptor().map_err(|error| exception(py, &error))?
        } else {
            RunQueue::new()
        };
        let room = Arc::new(Room::of(for_loop.then(|| queue.clone())));
        Ok(Self { queue, idle: AtomicUsize::new(0), room })
    }

    /// Waits for a run, for so long at most. For threads.
    #[pyo3(signature = (seconds, /))]
    fn next(&self, py: Python<'_>, seconds: f64) -> PyResult<Option<Run>> {
        if let Some(handed) = self.queue.take_one() {
            return Ok(Some(self.run(handed)));
        }
        let most = duration(seconds)?;
        self.idle.fetch_add(1, Ordering::AcqRel);
        let handed = py.detach(|| self.queue.next(most));
        self.idle.fetch_sub(1, Ordering::AcqRel);
        Ok(handed.map(|handed| self.run(handed)))
    }

    /// Waits until there is anything but a run to take, for so long at most. Beside threads.
    #[pyo3(signature = (seconds, /))]
    fn wait_for_notice(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        let most = duration(seconds)?;
        Ok(py.detach(|| self.queue.wait_for_notice(most)))
    }

    /// Takes up to so many runs, and all the rest. For a loop.
    #[pyo3(signature = (most, /))]
    fn take(&self, most: usize) -> News {
        let runs = self.queue.take(most).into_iter().map(|handed| self.run(handed)).collect();
        let cancelled = self.queue.take_cancelled();
        let cancelled = cancelled.into_iter().map(|notice| notice.key.to_u64()).collect();
        let accepted = self.queue.take_accepted().into_iter().map(|ticket| ticket.to_u64());
        // How far the manager is, its own watcher hears.
        let _state = self.queue.take_state();
        (runs, cancelled, accepted.collect())
    }

    /// The descriptor that is readable while there is something to take.
    fn fileno(&self) -> PyResult<i32> {
        let no_descriptor = || PyValueError::new_err("this queue has no descriptor");
        self.queue.wake_fd().map(|fd| fd.as_raw_fd()).ok_or_else(no_descriptor)
    }

    /// What a log call returns that found no room: what this makes of its ticket.
    #[pyo3(signature = (wait, /))]
    fn when_full(&self, wait: Py<PyAny>) {
        self.room.wait_with(Some(wait));
    }

    /// How many threads wait for a run.
    #[getter]
    fn idle(&self) -> usize {
        self.idle.load(Ordering::Acquire)
    }

    /// Whether nobody will take runs any more.
    #[getter]
    fn closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Says that nobody will take runs any more.
    fn close(&self) {
        self.queue.close();
        // It holds this queue, which the garbage collector does not see.
        self.room.wait_with(None);
    }
}

/// Seconds of Python's as a duration.
pub(crate) fn duration(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|error| PyValueError::new_err(format!("{seconds} seconds: {error}")))
}
