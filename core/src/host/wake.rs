//! How a host learns that there is something to take.

use std::fmt;
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::descriptor::Descriptor;
use super::shared::State;

/// The ways that do not depend on who waits now.
#[derive(Default)]
pub(super) struct Wake {
    call: Option<Box<dyn Fn() + Send + Sync>>,
    pub(super) descriptor: Option<Descriptor>,
    threads: Threads<Condvar>,
}

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Anything,
    Run,
    Notice,
}

/// One for each [`Wanted`].
#[derive(Clone, Copy, Debug, Default)]
struct Threads<T> {
    anything: T,
    run: T,
    notice: T,
}

impl<T> Threads<T> {
    const fn of(&self, wanted: Wanted) -> &T {
        match wanted {
            Wanted::Anything => &self.anything,
            Wanted::Run => &self.run,
            Wanted::Notice => &self.notice,
        }
    }

    const fn of_mut(&mut self, wanted: Wanted) -> &mut T {
        match wanted {
            Wanted::Anything => &mut self.anything,
            Wanted::Run => &mut self.run,
            Wanted::Notice => &mut self.notice,
        }
    }
}

/// Who waits now. Kept under the queue's lock, so that nobody is woken in vain.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    tasks: Vec<Waker>,
    threads: Threads<usize>,
}

impl Waiting {
    pub(super) fn add_task(&mut self, waker: &Waker) {
        if !self.tasks.iter().any(|known| known.will_wake(waker)) {
            self.tasks.push(waker.clone());
        }
    }

    /// How many threads wait for a run.
    pub(super) const fn for_run(&self) -> usize {
        self.threads.run
    }

    /// Everyone that news of this kind concerns.
    pub(super) fn call(&mut self, news: Wanted) -> Called {
        let concerned = |wanted| wanted == Wanted::Anything || news == wanted;
        let waits = |wanted| concerned(wanted) && *self.threads.of(wanted) > 0;
        let threads = Threads {
            anything: waits(Wanted::Anything),
            run: waits(Wanted::Run),
            notice: waits(Wanted::Notice),
        };
        Called { tasks: std::mem::take(&mut self.tasks), threads }
    }
}

/// Who is to be woken, once the lock is released.
#[derive(Debug)]
#[must_use]
pub(super) struct Called {
    tasks: Vec<Waker>,
    threads: Threads<bool>,
}

impl Wake {
    pub(super) fn calling(call: impl Fn() + Send + Sync + 'static) -> Self {
        Self { call: Some(Box::new(call)), ..Self::default() }
    }

    pub(super) fn with_descriptor(descriptor: Descriptor) -> Self {
        Self { descriptor: Some(descriptor), ..Self::default() }
    }

    /// There is something new.
    pub(super) fn host(&self, called: Called) {
        called.tasks.into_iter().for_each(Waker::wake);
        if called.threads.anything {
            self.threads.anything.notify_all();
        }
        if called.threads.notice {
            self.threads.notice.notify_all();
        }
        if called.threads.run {
            self.one_for_a_run();
        }
        if let Some(call) = &self.call {
            call();
        }
    }

    /// Wakes one of the threads that wait for a run. It wakes the next if it leaves some.
    pub(super) fn one_for_a_run(&self) {
        self.threads.run.notify_one();
    }

    /// Nobody waits for a run any more.
    pub(super) fn all_for_a_run(&self) {
        self.threads.run.notify_all();
    }

    /// Waits until it is there, for so long at most.
    pub(super) fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        wanted: Wanted,
        most: Duration,
        is_there: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        if most.is_zero() || is_there(&state) {
            return state;
        }
        *state.hosts.threads.of_mut(wanted) += 1;
        let waited =
            self.threads.of(wanted).wait_timeout_while(state, most, |state| !is_there(state));
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        *state.hosts.threads.of_mut(wanted) -= 1;
        state
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake")
            .field("calls", &self.call.is_some())
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}
