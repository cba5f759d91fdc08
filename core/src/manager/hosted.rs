//! A manager for hosts that have no tokio: every call returns at once or after the time it was given.

use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join;
use tokio::sync::oneshot;

use super::DriverManager;
use super::control::InFlight;
use super::core_thread::{self, LEFTOVERS};
use super::progress::Progress;
use super::report::DrainReport;
use super::serve::Serve;
use super::settle::LAST_WORDS;
use super::stop::StopHandle;
use crate::driver::Driver;
use crate::error::{Error, ErrorCode, Result};
use crate::host::{HomeProcess, ManagerState, RunQueue};
use crate::run_id::RunId;

/// How long a manager that was told to end now may take: its last lines, its last acks, and what its
/// runtime has left.
const END: Duration = LAST_WORDS.saturating_mul(2).saturating_add(LEFTOVERS.saturating_mul(2));

/// A manager for [hosts](crate::host) that have no tokio: for bindings to other languages, and threads.
/// All of its calls can be made from any thread, and several at once.
///
/// It works on a thread of its own. The queues of its drivers are woken whenever its
/// [state](Self::state) changes, so that one wait is enough for an event loop:
/// [`take_state`](RunQueue::take_state) tells what it is.
///
/// A host that treats signals itself sets the option `signals` to false.
///
/// Dropped, it ends every run now, gives its event back, and waits up to 5 s for that.
///
/// ```no_run
/// use std::time::Duration;
///
/// use conveyor_driver::host::{Outcome, RunQueue};
/// use conveyor_driver::{Driver, DriverManager, DriverResult, HostManager};
///
/// let queue = RunQueue::new();
/// let driver = Driver::new("greeter").resources(["greeting"]).queue(&queue);
/// let manager = HostManager::new(DriverManager::default().driver(driver));
/// manager.start()?;
/// while let Some(handed) = queue.next(Duration::from_secs(60)) {
///     handed.complete(Outcome::Ended(Ok(DriverResult::success("done"))))?;
/// }
/// println!("{}", manager.stop_within(Duration::from_secs(30))?);
/// # Ok::<(), conveyor_driver::Error>(())
/// ```
#[derive(Debug)]
pub struct HostManager {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    home: OnceLock<HomeProcess>,
    /// Until it is started.
    manager: Mutex<Option<DriverManager>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    progress: Arc<Progress>,
    stop: StopHandle,
    in_flight: Arc<InFlight>,
}

impl HostManager {
    /// A manager that is started later. Nothing is checked and no thread is made yet.
    #[must_use]
    pub fn new(manager: DriverManager) -> Self {
        let mut queues: Vec<RunQueue> = Vec::new();
        for queue in manager.drivers.iter().filter_map(Driver::queue_of_host) {
            if !queues.iter().any(|known| known.is(queue)) {
                queues.push(queue.clone());
            }
        }
        let inner = Inner {
            home: OnceLock::new(),
            stop: manager.stop_handle(),
            manager: Mutex::new(Some(manager)),
            thread: Mutex::default(),
            progress: Arc::new(Progress::new(queues)),
            in_flight: Arc::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Has it start, and does not wait for that. From then on it belongs to this process: in a fork of
    /// it every call fails with `Forked`. One that fails to start has ended with that error.
    ///
    /// # Errors
    /// `OptionsInvalid` with every fault found; nothing was started. `Closed` when it was started
    /// before. `Forked` when a queue is shared with the process that this one is a
    /// fork of: one that was used before the fork, or has its descriptor from then. `Internal` when the system
    /// gives no thread, and when a driver is a closure and this is no thread of a tokio runtime.
    pub fn start(&self) -> Result<()> {
        self.check_process()?;
        let manager = lock(&self.inner.manager)
            .take()
            .ok_or_else(|| Error::new(ErrorCode::Closed, "the manager was started before"))?;
        self.inner.home.get_or_init(HomeProcess::here);
        let progress = self.inner.progress.clone();
        progress.is(ManagerState::Starting);
        let started = self.spawn(manager);
        if let Err(error) = &started {
            progress.end(Err(error.clone()));
        }
        started
    }

    fn spawn(&self, manager: DriverManager) -> Result<()> {
        let progress = self.inner.progress.clone();
        progress.check_homes()?;
        let serve = manager.prepare(self.inner.in_flight.clone())?;
        let run = {
            let progress = progress.clone();
            move || run(serve, progress)
        };
        let ended = move |report: Option<_>| {
            progress.end(report.unwrap_or_else(|| {
                Err(Error::new(ErrorCode::Internal, "the manager's core ended early"))
            }));
        };
        // Held until it is there, for whoever joins a thread that ends at once.
        let mut thread = lock(&self.inner.thread);
        *thread = Some(core_thread::spawn(run, ended)?);
        Ok(())
    }

    /// How far it is; costs next to nothing.
    ///
    /// # Errors
    /// `Forked` in a fork of the process that started it.
    pub fn state(&self) -> Result<ManagerState> {
        self.check_process()?;
        Ok(self.inner.progress.state())
    }

    /// Waits until every driver is ready to receive events, for so long at most. True also when it
    /// has stopped since; false when it is not ready yet.
    ///
    /// # Errors
    /// What [`DriverManager::start`] fails with, at each call. `Closed` when it was stopped before it
    /// was ready. `Forked` in a fork of the process that started it.
    pub fn wait_started(&self, most: Duration) -> Result<bool> {
        self.check_process()?;
        self.inner.progress.started_within(most)
    }

    /// Waits until it has stopped, for so long at most. Its report, or nothing when it has not; the
    /// same at each call.
    ///
    /// # Errors
    /// What it failed to start with, and the drivers' error when all of them had to stop by
    /// themselves. `Forked` in a fork of the process that started it.
    pub fn wait_ended(&self, most: Duration) -> Result<Option<DrainReport>> {
        self.check_process()?;
        let ended = self.inner.progress.ended_within(most);
        if ended.is_some() {
            self.inner.join();
        }
        ended.transpose()
    }

    /// Asks it to drain: take no more events, give back those that have not started, let runs finish
    /// within `shutdown_grace_ms`, then cancel them.
    ///
    /// # Errors
    /// `Forked` in a fork of the process that started it.
    pub fn drain(&self) -> Result<()> {
        self.check_process()?;
        self.inner.stop.drain();
        Ok(())
    }

    /// Ends every run now and gives its event back, so that another instance can take it.
    ///
    /// # Errors
    /// `Forked` in a fork of the process that started it.
    pub fn end_now(&self) -> Result<()> {
        self.check_process()?;
        self.inner.stop.end_now();
        Ok(())
    }

    /// Cancels a run, for a reason that its result will name. It is asked to end, and after
    /// `cancel_grace_ms` abandoned. Says how many of its events were in flight here: none when it is
    /// over, or with another instance.
    ///
    /// # Errors
    /// `Forked` in a fork of the process that started it.
    pub fn cancel(&self, run: &RunId, reason: &str) -> Result<usize> {
        self.check_process()?;
        Ok(self.inner.in_flight.cancel(run, reason))
    }

    /// Drains, for so long at most. Then it ends every run now and gives its event back, which takes
    /// up to 12 s when the server does not answer. One that was not started never will be.
    ///
    /// # Errors
    /// As [`wait_ended`](Self::wait_ended). `TimedOut` when it does not end even so; it goes on
    /// trying.
    pub fn stop_within(&self, deadline: Duration) -> Result<DrainReport> {
        self.check_process()?;
        self.inner.stop.drain();
        if lock(&self.inner.manager).take().is_some() {
            self.inner.progress.end(Ok(DrainReport::default()));
        }
        if let Some(report) = self.wait_ended(deadline)? {
            return Ok(report);
        }
        tracing::warn!("the drain takes too long: every run is ended now");
        self.inner.stop.end_now();
        self.wait_ended(END)?.ok_or_else(|| {
            Error::new(ErrorCode::TimedOut, "the manager does not end")
                .with_context("waited_ms", deadline.saturating_add(END).as_millis())
        })
    }

    /// What stops it.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.inner.stop.clone()
    }

    fn check_process(&self) -> Result<()> {
        self.inner.home.get().map_or(Ok(()), |home| home.check())
    }
}

impl Drop for HostManager {
    fn drop(&mut self) {
        if self.check_process().is_err() {
            // The lock of anything may be held by a thread that is not here, and the connection is
            // its parent's: all of it is left as it is.
            std::mem::forget(self.inner.clone());
            return;
        }
        self.inner.stop.end_now();
        let started = lock(&self.inner.manager).is_none();
        if started && self.inner.progress.ended_within(LAST_WORDS).is_some() {
            self.inner.join();
        }
    }
}

impl Inner {
    /// Sees the thread off that has said its last word. Of several callers one does.
    fn join(&self) {
        let thread = lock(&self.thread).take();
        // It panics nowhere but in the core, which is reported as its end.
        let _panicked = thread.map(JoinHandle::join);
    }
}

/// Runs a manager to its end, and says how far it is.
async fn run(serve: Serve, progress: Arc<Progress>) -> Result<DrainReport> {
    let (ready, is_ready) = oneshot::channel();
    let stop = serve.stop.clone();
    let watching = async {
        let started = async {
            if is_ready.await.is_ok() {
                progress.is(ManagerState::Running);
            }
        };
        let draining = async {
            stop.draining().await;
            progress.is(ManagerState::Draining);
        };
        join(started, draining).await;
        pending::<()>().await;
    };
    let (mut watching, mut working) = (pin!(watching), pin!(serve.run(ready)));
    let report = tokio::select! {
        biased;
        report = &mut working => report,
        () = &mut watching => return Err(Error::new(ErrorCode::Internal, "the watch ended")),
    };
    // What became ready and ended at once has started, too.
    let _watched = watching.now_or_never();
    report
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
