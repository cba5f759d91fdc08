//! The queue itself: what waits for the host, and what the host still owes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::open::OpenRuns;
use super::wake::Wake;
use super::{HandedRun, InHand, Outcome, RunKey};
use crate::cancellation::CancelReason;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Run;

/// Where a host takes runs from. Clones are the same queue; drivers may share one.
#[derive(Clone, Debug)]
pub struct RunQueue(Arc<Shared>);

/// A run that the host has taken and that should end early.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CancelNotice {
    /// Which run.
    pub key: RunKey,
    /// Why.
    pub reason: CancelReason,
}

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    wake: Wake,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<HandedRun>,
    cancelled: Vec<RunKey>,
    open: OpenRuns,
    /// Something came into an empty queue, and the host was not woken yet.
    unheard: bool,
    closed: bool,
}

impl Default for RunQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl RunQueue {
    /// A queue for a host that waits, with [`ready`](Self::ready) or [`wait`](Self::wait).
    #[must_use]
    pub fn new() -> Self {
        Self::with_wake(Wake::default())
    }

    /// A queue for a host that is called when there is something to take: once, and not again before
    /// it has taken all. The call comes from a thread of the runtime and must return at once.
    #[must_use]
    pub fn waking(call: impl Fn() + Send + Sync + 'static) -> Self {
        Self::with_wake(Wake::calling(call))
    }

    fn with_wake(wake: Wake) -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), wake }))
    }

    /// Takes up to `most` runs, the oldest first. When it gives fewer, the queue is empty, and the
    /// next one wakes the host.
    #[must_use]
    pub fn take(&self, most: usize) -> VecDeque<HandedRun> {
        let waiting = &mut self.0.lock().waiting;
        if waiting.len() <= most {
            return std::mem::take(waiting);
        }
        let rest = waiting.split_off(most);
        std::mem::replace(waiting, rest)
    }

    /// Takes the oldest run, if there is one.
    #[must_use]
    pub fn take_one(&self) -> Option<HandedRun> {
        self.0.lock().waiting.pop_front()
    }

    /// How many runs wait for the host.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.lock().waiting.len()
    }

    /// Says what came of a run.
    ///
    /// # Errors
    /// `Closed` when that was said before, or there never was such a run.
    pub fn complete(&self, run: RunKey, outcome: Outcome) -> Result<()> {
        self.0.complete(run, outcome)
    }

    /// The same for many runs, for which the core then wakes once. Those that were completed before
    /// are passed over.
    pub fn complete_all(&self, outcomes: impl IntoIterator<Item = (RunKey, Outcome)>) {
        let mut state = self.0.lock();
        let answers: Vec<_> = outcomes
            .into_iter()
            .filter_map(|(run, outcome)| Some((state.open.remove(run)?, outcome)))
            .collect();
        drop(state);
        for (answer, outcome) in answers {
            // Nobody hears the answer of a run whose driver has ended.
            let _heard = answer.send(outcome);
        }
    }

    /// Takes the runs that should end early, each once. Those that were completed meanwhile are not
    /// among them.
    #[must_use]
    pub fn take_cancelled(&self) -> Vec<CancelNotice> {
        let mut state = self.0.lock();
        let keys = std::mem::take(&mut state.cancelled);
        let notice = |key| {
            let reason = state.open.get_mut(key)?.cancellation.reason()?.clone();
            Some(CancelNotice { key, reason })
        };
        keys.into_iter().filter_map(notice).collect()
    }

    /// Says that nobody will take runs any more. Those that wait are given back, and the drivers of
    /// this queue stop.
    pub fn close(&self) {
        let mut state = self.0.lock();
        state.closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        // Each completes as dropped, which takes the lock.
        drop(waiting);
        self.0.wake.host();
    }

    /// Whether nobody will take runs any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    /// Waits until there is something to take, or the queue is closed.
    pub async fn ready(&self) {
        loop {
            let changed = self.0.wake.tasks.notified();
            if self.0.lock().has_something() {
                return;
            }
            changed.await;
        }
    }

    /// The same for a thread, and for so long at most. Says whether there is something.
    #[must_use]
    pub fn wait(&self, most: Duration) -> bool {
        let wake = &self.0.wake;
        let waited =
            wake.threads.wait_timeout_while(self.0.lock(), most, |state| !state.has_something());
        waited.unwrap_or_else(PoisonError::into_inner).0.has_something()
    }

    /// Wakes the host for all that came since, if it has to be woken.
    pub(crate) fn ring(&self) {
        if std::mem::take(&mut self.0.lock().unheard) {
            self.0.wake.host();
        }
    }

    /// Puts a run into the queue. The host hears of it with the next [`ring`](Self::ring).
    pub(crate) fn hand_over(&self, run: Run) -> InHand {
        let (answer, answered) = oneshot::channel();
        let mut state = self.0.lock();
        let key = state.open.add(run.cancel().clone(), answer);
        let handed = HandedRun::new(run, key, self.0.clone());
        if state.closed {
            drop(state);
            drop(handed);
        } else {
            state.unheard |= state.waiting.is_empty();
            state.waiting.push_back(handed);
        }
        InHand::new(key, self.0.clone(), answered)
    }
}

impl State {
    fn has_something(&self) -> bool {
        !self.waiting.is_empty() || !self.cancelled.is_empty() || self.closed
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
            drop(state);
            drop(withdrawn);
            return;
        }
        let State { cancelled, open, .. } = &mut *state;
        let Some(told) = open.get_mut(run).map(|open| std::mem::replace(&mut open.told, true))
        else {
            return;
        };
        if !told {
            // A host that never asks keeps no more than its open runs.
            if cancelled.len() > open.len() {
                cancelled.retain(|key| open.get_mut(*key).is_some());
            }
            cancelled.push(run);
            let first = cancelled.len() == 1;
            drop(state);
            if first {
                self.wake.host();
            }
        }
    }
}
