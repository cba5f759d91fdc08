//! What the clones of a queue share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::library_logs::LibraryLogBuffer;
use super::open::OpenRuns;
use super::wake::{Waiting, Wake, Wanted};
use super::{HandedRun, HomeProcess, ManagerState, Outcome, RunKey};
use crate::error::{Error, ErrorCode, Result};
use crate::logger::{LogTicket, TicketHolder};

/// Nothing is logged and no waker called while `state` is locked: both may come back here.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// A run came into an empty queue, and the host was not woken yet.
    pub(super) unheard: AtomicBool,
    pub(super) wake: Wake,
    /// Where the first run was handed over.
    pub(super) home: OnceLock<HomeProcess>,
    pub(super) library: OnceLock<Arc<LibraryLogBuffer>>,
    pub(super) tickets: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) waiting: VecDeque<HandedRun>,
    pub(super) cancelled: Vec<RunKey>,
    pub(super) accepted: Vec<LogTicket>,
    pub(super) manager: Option<ManagerState>,
    pub(super) open: OpenRuns,
    pub(super) hosts: Waiting,
    /// Whether the descriptor is.
    readable: bool,
    pub(super) closed: bool,
    /// That it was closed is news to the host.
    pub(super) closing: bool,
}

impl Shared {
    pub(super) fn new(wake: Wake) -> Self {
        Self {
            state: Mutex::default(),
            unheard: AtomicBool::new(false),
            wake,
            home: OnceLock::new(),
            library: OnceLock::new(),
            tickets: AtomicU64::new(0),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_notice(&self, state: &State) -> bool {
        !state.cancelled.is_empty()
            || !state.accepted.is_empty()
            || state.manager.is_some()
            || state.closing
            || self.library.get().is_some_and(|library| !library.is_empty())
    }

    pub(super) fn has_something(&self, state: &State) -> bool {
        !state.waiting.is_empty() || self.has_notice(state)
    }

    /// Something of this kind came where nothing was: wakes the host.
    pub(super) fn came(&self, mut state: MutexGuard<'_, State>, news: Wanted) {
        self.show(&mut state);
        let called = state.hosts.call(news);
        drop(state);
        self.wake.host(called);
    }

    /// Something was taken.
    pub(super) fn took(&self, mut state: MutexGuard<'_, State>) {
        self.show(&mut state);
        let pass_on = !state.waiting.is_empty() && state.hosts.for_run() > 0;
        drop(state);
        if pass_on {
            self.wake.one_for_a_run();
        }
    }

    /// Keeps the descriptor readable exactly while there is something.
    fn show(&self, state: &mut State) {
        let Some(descriptor) = &self.wake.descriptor else { return };
        let readable = self.has_something(state);
        if readable == state.readable {
            return;
        }
        state.readable = readable;
        if readable {
            descriptor.set();
        } else {
            descriptor.clear();
        }
    }

    /// Whether this process is a fork of the one that hands runs over.
    pub(super) fn is_forked(&self) -> bool {
        self.home.get().is_some_and(|home| !home.is_here())
    }

    pub(super) fn complete(&self, run: RunKey, outcome: Outcome) -> Result<()> {
        let answer = self.lock().open.remove(run).ok_or_else(|| {
            Error::new(ErrorCode::Closed, "there is no such run, or it was completed before")
        })?;
        // Nobody hears the answer of a run whose driver has ended.
        let _heard = answer.send(outcome);
        Ok(())
    }

    pub(super) fn tell_cancelled(&self, run: RunKey) {
        let mut state = self.lock();
        if let Some(at) = state.waiting.iter().position(|handed| handed.key() == run) {
            let withdrawn = state.waiting.remove(at);
            self.took(state);
            // It completes as dropped, which takes the lock.
            drop(withdrawn);
            return;
        }
        let State { cancelled, open, .. } = &mut *state;
        let Some(told) = open.get_mut(run).map(|open| std::mem::replace(&mut open.told, true))
        else {
            return;
        };
        if told {
            return;
        }
        // A host that never asks keeps no more than its open runs.
        if cancelled.len() > open.len() {
            cancelled.retain(|key| open.get_mut(*key).is_some());
        }
        cancelled.push(run);
        if cancelled.len() == 1 {
            self.came(state, Wanted::Notice);
        }
    }

    /// The manager is in another state now.
    pub(super) fn manager_is(&self, manager: ManagerState) {
        let mut state = self.lock();
        state.manager = Some(manager);
        self.came(state, Wanted::Notice);
    }

    /// A line of the library's own came into an empty buffer.
    pub(super) fn library_spoke(&self) {
        self.came(self.lock(), Wanted::Notice);
    }
}

impl TicketHolder for Shared {
    fn give(&self) -> Result<LogTicket> {
        const MOST_UNTAKEN: usize = 65_536;
        if self.lock().accepted.len() >= MOST_UNTAKEN {
            return Err(Error::new(ErrorCode::LogFull, "accepted tickets are not taken"));
        }
        Ok(LogTicket::from_u64(self.tickets.fetch_add(1, Ordering::Relaxed) + 1))
    }

    fn accepted(&self, ticket: LogTicket) {
        let mut state = self.lock();
        state.accepted.push(ticket);
        if state.accepted.len() == 1 {
            self.came(state, Wanted::Notice);
        }
    }
}
