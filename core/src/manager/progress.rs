//! How far a hosted manager is, for all who wait for it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::report::DrainReport;
use crate::error::{Error, ErrorCode, Result};
use crate::host::{ManagerState, RunQueue};

#[derive(Debug)]
pub(super) struct Progress {
    reached: Mutex<Reached>,
    changed: Condvar,
    state: AtomicU8,
    /// Who hears of every change.
    queues: Vec<RunQueue>,
}

#[derive(Debug, Default)]
struct Reached {
    started: bool,
    ended: Option<Result<DrainReport>>,
}

impl Progress {
    pub(super) fn new(queues: Vec<RunQueue>) -> Self {
        Self {
            reached: Mutex::default(),
            changed: Condvar::new(),
            state: AtomicU8::new(ManagerState::New as u8),
            queues,
        }
    }

    pub(super) fn state(&self) -> ManagerState {
        const STATES: [ManagerState; 4] = [
            ManagerState::New,
            ManagerState::Starting,
            ManagerState::Running,
            ManagerState::Draining,
        ];
        let state = self.state.load(Ordering::Acquire);
        STATES.get(usize::from(state)).copied().unwrap_or(ManagerState::Ended)
    }

    /// Nothing, unless a queue is shared with the process that this one is a fork of.
    pub(super) fn check_homes(&self) -> Result<()> {
        self.queues.iter().try_for_each(RunQueue::check_home)
    }

    /// Moves on; a state that is behind is passed over.
    pub(super) fn is(&self, state: ManagerState) {
        if state == ManagerState::Running {
            self.reached().started = true;
        }
        self.moved_to(state);
    }

    /// It is over. Only the first end counts.
    pub(super) fn end(&self, ended: Result<DrainReport>) {
        self.reached().ended.get_or_insert(ended);
        self.moved_to(ManagerState::Ended);
    }

    fn moved_to(&self, state: ManagerState) {
        let before = self.state.fetch_max(state as u8, Ordering::AcqRel);
        self.changed.notify_all();
        if before < state as u8 {
            self.queues.iter().for_each(|queue| queue.manager_is(state));
        }
    }

    /// Whether it has started, within so long.
    pub(super) fn started_within(&self, most: Duration) -> Result<bool> {
        let reached = self.wait(most, |reached| reached.started || reached.ended.is_some());
        match &reached.ended {
            // What was ready has started, even when it has ended before anybody looked.
            _ if reached.started => Ok(true),
            None => Ok(false),
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(_)) => Err(Error::new(ErrorCode::Closed, "stopped before it was ready")),
        }
    }

    /// What it ended with, within so long.
    pub(super) fn ended_within(&self, most: Duration) -> Option<Result<DrainReport>> {
        self.wait(most, |reached| reached.ended.is_some()).ended.clone()
    }

    fn wait(&self, most: Duration, until: impl Fn(&Reached) -> bool) -> MutexGuard<'_, Reached> {
        let waited =
            self.changed.wait_timeout_while(self.reached(), most, |reached| !until(reached));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn reached(&self) -> MutexGuard<'_, Reached> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
