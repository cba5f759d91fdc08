//! The library's own threads, which take runs from a driver's queue and have the user's function do them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use conveyor_driver::host::{ManagerState, RunKey};
use conveyor_driver::{Error, ErrorCode, Result};

use crate::callbacks::{Callbacks, Reconcile};
use crate::complete;
use crate::handle::{self, Handle};
use crate::queue::Queue;
use crate::run::OpenRun;
use crate::stack;
use crate::time::FOR_EVER;

/// Serves a queue: with one thread for an asynchronous function, else with as many as runs were in flight at
/// once, `most` at most. A thread whose run is cancelled and goes on does not count: it may never come back.
/// One more hears what is not a run.
pub(crate) struct Pool {
    name: String,
    manager: Handle,
    most: usize,
    queue: Arc<Queue>,
    callbacks: Callbacks,
    state: Mutex<State>,
    someone_left: Condvar,
}

#[derive(Default)]
struct State {
    /// No function is called any more.
    closed: bool,
    /// Those that have not left.
    threads: HashMap<usize, JoinHandle<()>>,
    /// Those that have, and were not joined.
    left: Vec<JoinHandle<()>>,
    made: usize,
    /// Threads that serve.
    serving: usize,
    /// Of those, threads that wait for a run.
    idle: usize,
    /// The runs that blocking functions are at, by thread.
    runs: HashMap<usize, Handle>,
    /// Cancelled runs that go on.
    overdue: HashSet<RunKey>,
    /// Threads that are in a function of the user's.
    away: usize,
}

impl Pool {
    pub(crate) fn new(
        name: String,
        manager: Handle,
        concurrency: usize,
        queue: Arc<Queue>,
        callbacks: Callbacks,
    ) -> Self {
        let most = match callbacks.reconcile {
            Reconcile::Blocking(_) => concurrency,
            Reconcile::Async(_) => 1,
        };
        let (state, someone_left) = (Mutex::default(), Condvar::new());
        Self { name, manager, most, queue, callbacks, state, someone_left }
    }

    /// Begins to serve.
    pub(crate) fn start(self: &Arc<Self>) -> Result<()> {
        self.employ(Self::listen)?;
        let mut state = self.state();
        state.serving += 1;
        state.idle += 1;
        drop(state);
        self.employ(Self::serve)
    }

    /// Ends it: no function of the user's begins any more. Waits so long at most until none is at work but those
    /// whose runs were abandoned, and says whether that is so.
    pub(crate) fn end_within(&self, most: Duration) -> bool {
        let begun = Instant::now();
        let mut state = self.state();
        state.closed = true;
        self.queue.core().close();
        while state.threads.len() > state.abandoned() {
            // Those that are in no function leave at once.
            let all_away = state.threads.len() == state.away;
            let left = if all_away { most.saturating_sub(begun.elapsed()) } else { FOR_EVER };
            if left.is_zero() {
                return false;
            }
            let waited = self.someone_left.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let left = std::mem::take(&mut state.left);
        drop(state);
        join(left);
        true
    }

    fn employ(self: &Arc<Self>, work: fn(&Arc<Self>, usize)) -> Result<()> {
        let mut state = self.state();
        state.made += 1;
        let number = state.made;
        let pool = self.clone();
        let thread = stack::thread(self.name.clone()).spawn(move || {
            work(&pool, number);
            pool.leave(number);
        });
        let thread = thread.map_err(|error| {
            Error::new(ErrorCode::Internal, "the system gives no thread").with_source(error)
        })?;
        state.threads.insert(number, thread);
        Ok(())
    }

    fn leave(&self, number: usize) {
        let mut state = self.state();
        let before = std::mem::take(&mut state.left);
        let this = state.threads.remove(&number);
        state.left.extend(this);
        drop(state);
        self.someone_left.notify_all();
        join(before);
    }

    /// A thread that does runs.
    fn serve(self: &Arc<Self>, number: usize) {
        loop {
            let handed = self.queue.core().next(FOR_EVER);
            let mut state = self.state();
            let Some(handed) = handed else {
                if self.queue.core().is_closed() {
                    break;
                }
                continue;
            };
            if state.closed {
                break;
            }
            state.idle -= 1;
            state.away += 1;
            let key = handed.key();
            let run = OpenRun::open(handed, &self.queue);
            if self.is_blocking() {
                state.runs.insert(number, run);
            }
            self.grow(state);
            if let Some(returned) = self.callbacks.reconcile(self.manager, run) {
                complete::returned(run, returned);
            }
            let mut state = self.state();
            state.away -= 1;
            state.runs.remove(&number);
            state.overdue.remove(&key);
            if state.closed || state.serving > self.most + state.overdue.len() {
                state.serving -= 1;
                return;
            }
            state.idle += 1;
        }
        let mut state = self.state();
        state.serving -= 1;
        state.idle -= 1;
    }

    /// Makes another thread when none waits for a run and there may be more.
    fn grow(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.idle > 0 || state.serving >= self.most + state.overdue.len() {
            return;
        }
        state.serving += 1;
        state.idle += 1;
        drop(state);
        // Without it the runs that wait are done by those there are.
        if self.employ(Self::serve).is_err() {
            let mut state = self.state();
            state.serving -= 1;
            state.idle -= 1;
        }
    }

    /// The thread that hears what is not a run.
    fn listen(self: &Arc<Self>, _number: usize) {
        while self.queue.core().wait_for_notice(FOR_EVER) || !self.queue.core().is_closed() {
            for notice in self.queue.core().take_cancelled() {
                self.cancelled(notice.key);
            }
            drop(self.queue.core().take_accepted());
            if self.queue.core().take_state() == Some(ManagerState::Ended) {
                self.queue.core().close();
            }
            if self.queue.core().is_closed() {
                break;
            }
        }
    }

    fn cancelled(self: &Arc<Self>, key: RunKey) {
        let Some(run) = self.queue.run(key) else { return };
        let mut state = self.state();
        if state.closed {
            return;
        }
        state.away += 1;
        // Others have returned meanwhile.
        if state.runs.values().any(|at_work| *at_work == run) {
            state.overdue.insert(key);
            self.grow(state);
        } else {
            drop(state);
        }
        self.callbacks.cancelled(self.manager, run);
        self.state().away -= 1;
    }

    const fn is_blocking(&self) -> bool {
        matches!(self.callbacks.reconcile, Reconcile::Blocking(_))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many threads are at runs that nobody waits for any more.
    fn abandoned(&self) -> usize {
        self.runs.values().filter(|run| handle::get::<OpenRun>(**run).is_ok()).count()
    }
}

/// Sees threads off that have nothing left to do.
fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        // What panics is the library, and its thread was the one to know.
        let _panicked = thread.join();
    }
}
