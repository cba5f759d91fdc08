//! A run in the host's hands, and the core's end of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::shared::Shared;
use super::{Outcome, RunKey};
use crate::error::Result;
use crate::run::Run;

/// A run that a host has taken. Dropped, it completes as [`Outcome::Dropped`], unless it was completed
/// before.
#[derive(Debug)]
pub struct HandedRun {
    run: Run,
    key: RunKey,
    queue: Arc<Shared>,
    /// Somebody else completes it.
    released: bool,
}

impl HandedRun {
    pub(super) const fn new(run: Run, key: RunKey, queue: Arc<Shared>) -> Self {
        Self { run, key, queue, released: false }
    }

    /// Leaves it to the caller to complete the run through its key.
    #[must_use]
    pub fn release(mut self) -> RunKey {
        self.released = true;
        self.key
    }

    /// What reconcile is given.
    #[must_use]
    pub const fn run(&self) -> &Run {
        &self.run
    }

    /// What names the run to its queue.
    #[must_use]
    pub const fn key(&self) -> RunKey {
        self.key
    }

    /// Says what came of it.
    ///
    /// # Errors
    /// `Closed` when that was said before, through its key.
    pub fn complete(self, outcome: Outcome) -> Result<()> {
        let queue = self.queue.clone();
        queue.complete(self.release(), outcome)
    }
}

impl Drop for HandedRun {
    fn drop(&mut self) {
        // In a fork nobody hears of it, and the lock may be held by a thread that is not there.
        if !self.released && !self.queue.is_forked() {
            // Refused when it was completed through its key: then there is nothing to say.
            let _completed = self.queue.complete(self.key, Outcome::Dropped);
        }
    }
}

/// The core's end of a run: resolves once the host has completed it.
#[derive(Debug)]
pub(crate) struct InHand {
    key: RunKey,
    queue: Arc<Shared>,
    answer: oneshot::Receiver<Outcome>,
}

impl InHand {
    pub(super) const fn new(
        key: RunKey,
        queue: Arc<Shared>,
        answer: oneshot::Receiver<Outcome>,
    ) -> Self {
        Self { key, queue, answer }
    }

    /// Tells the host that the run should end. One that it has not taken never starts.
    pub(crate) fn tell_cancelled(&self) {
        self.queue.tell_cancelled(self.key);
    }
}

impl Future for InHand {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.answer).poll(cx).map(|answer| answer.unwrap_or(Outcome::Dropped))
    }
}
