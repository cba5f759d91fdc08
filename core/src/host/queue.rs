//! The queue itself: what waits for the host, and what the host still owes.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;

use super::descriptor::Descriptor;
use super::shared::{Shared, State};
use super::wake::{Wake, Wanted};
use super::{HandedRun, HomeProcess, InHand, ManagerState, Outcome, RunKey};
use crate::cancellation::CancelReason;
use crate::error::Result;
use crate::run::Run;

/// Where a host takes runs from. Clones are the same queue; drivers may share one.
#[derive(Clone, Debug)]
pub struct RunQueue(pub(super) Arc<Shared>);

/// A run that the host has taken and that should end early.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CancelNotice {
    /// Which run.
    pub key: RunKey,
    /// Why.
    pub reason: CancelReason,
}

impl Default for RunQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl RunQueue {
    /// A queue for a host that waits, with [`ready`](Self::ready), [`wait`](Self::wait) or
    /// [`next`](Self::next).
    #[must_use]
    pub fn new() -> Self {
        Self::with_wake(Wake::default())
    }

    /// A queue for a host that is called when there is something to take: once for the runs and once
    /// for each kind of notice, and not again before it has taken all of that kind. The call comes
    /// from a thread of the runtime and must return at once.
    #[must_use]
    pub fn waking(call: impl Fn() + Send + Sync + 'static) -> Self {
        Self::with_wake(Wake::calling(call))
    }

    /// A queue for a host with an event loop that waits for file descriptors, such as [epoll], libuv's
    /// or asyncio's: [`wake_fd`](Self::wake_fd) is the one to wait for. Make it in the process that
    /// starts the manager: a fork would share the descriptor with its parent.
    ///
    /// [epoll]: https://man7.org/linux/man-pages/man7/epoll.7.html
    ///
    /// # Errors
    /// `Internal` when the system gives no descriptor.
    pub fn with_descriptor() -> Result<Self> {
        Ok(Self::with_wake(Wake::with_descriptor(Descriptor::new()?)))
    }

    fn with_wake(wake: Wake) -> Self {
        Self(Arc::new(Shared::new(wake)))
    }

    /// The descriptor of [`with_descriptor`](Self::with_descriptor). It is readable exactly while
    /// there is something to take. The host only waits for it: it never reads, writes or closes it.
    #[must_use]
    pub fn wake_fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.wake.descriptor.as_ref().map(AsFd::as_fd)
    }

    /// Takes up to `most` runs, the oldest first. When it gives fewer, no run is left, and the next
    /// one wakes the host.
    #[must_use]
    pub fn take(&self, most: usize) -> VecDeque<HandedRun> {
        let mut taken = VecDeque::new();
        self.take_into(&mut taken, most);
        taken
    }

    /// The same at the end of a deque, whose memory is used again. Says how many runs came.
    pub fn take_into(&self, taken: &mut VecDeque<HandedRun>, most: usize) -> usize {
        let mut state = self.0.lock();
        let waiting = &mut state.waiting;
        let count = waiting.len().min(most);
        if count == 0 {
            return 0;
        }
        if taken.is_empty() && count == waiting.len() {
            std::mem::swap(waiting, taken);
        } else {
            taken.extend(waiting.drain(..count));
        }
        self.0.took(state);
        count
    }

    /// Takes the oldest run, if there is one.
    #[must_use]
    pub fn take_one(&self) -> Option<HandedRun> {
        self.next(Duration::ZERO)
    }

    /// Waits for a run, for so long at most, and takes it. For hosts of many threads, of which each
    /// run wakes one. Nothing when none came in time, or the queue is closed.
    #[must_use]
    pub fn next(&self, most: Duration) -> Option<HandedRun> {
        let there = |state: &State| !state.waiting.is_empty() || state.closed;
        let mut state = self.0.wake.wait(self.0.lock(), Wanted::Run, most, there);
        let run = state.waiting.pop_front()?;
        self.0.took(state);
        Some(run)
    }

    /// How many runs wait for the host.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.lock().waiting.len()
    }

    /// Whether the host still owes what comes of a run.
    #[must_use]
    pub fn is_open(&self, run: RunKey) -> bool {
        self.0.lock().open.get_mut(run).is_some()
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
        self.take_cancelled_of(usize::MAX)
    }

    /// The same for up to so many. When it gives fewer, none is left.
    #[must_use]
    pub fn take_cancelled_of(&self, most: usize) -> Vec<CancelNotice> {
        let mut state = self.0.lock();
        let State { cancelled, open, .. } = &mut *state;
        let (mut notices, mut seen) = (Vec::new(), 0);
        for key in cancelled.iter().copied() {
            if notices.len() == most {
                break;
            }
            seen += 1;
            let reason = open.get_mut(key).and_then(|open| open.cancellation.reason().cloned());
            notices.extend(reason.map(|reason| CancelNotice { key, reason }));
        }
        cancelled.drain(..seen);
        self.0.took(state);
        notices
    }

    /// How far the [`HostManager`](crate::HostManager) of this queue is, when that has changed since
    /// it was last asked here. Takes the news that the queue was closed, too.
    #[must_use]
    pub fn take_state(&self) -> Option<ManagerState> {
        let mut state = self.0.lock();
        let manager = state.manager.take();
        state.closing = false;
        self.0.took(state);
        manager
    }

    /// Says that nobody will take runs any more. Those that wait are given back, and the drivers of
    /// this queue stop. Threads in [`next`](Self::next) return. Notices can still be taken, and this is
    /// one: it wakes the host, until [`take_state`](Self::take_state) takes it.
    pub fn close(&self) {
        if self.0.is_forked() {
            return;
        }
        let mut state = self.0.lock();
        if state.closed {
            return;
        }
        state.closed = true;
        state.closing = true;
        let waiting = std::mem::take(&mut state.waiting);
        self.0.came(state, Wanted::Notice);
        self.0.wake.all_for_a_run();
        // Each completes as dropped, which takes the lock.
        drop(waiting);
    }

    /// Whether nobody will take runs any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    /// Waits until there is something to take, or the queue is closed meanwhile.
    pub async fn ready(&self) {
        let was_closed = self.is_closed();
        poll_fn(|cx| {
            let mut state = self.0.lock();
            if self.0.has_something(&state) || state.closed != was_closed {
                return Poll::Ready(());
            }
            state.hosts.add_task(cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// The same for a thread, and for so long at most. Says whether there is something.
    #[must_use]
    pub fn wait(&self, most: Duration) -> bool {
        self.wait_until(Wanted::Anything, most, |state| self.0.has_something(state))
    }

    /// The same where other threads take the runs: waits until there is anything but a run to take,
    /// or the queue is closed meanwhile.
    #[must_use]
    pub fn wait_for_notice(&self, most: Duration) -> bool {
        self.wait_until(Wanted::Notice, most, |state| self.0.has_notice(state))
    }

    fn wait_until(&self, news: Wanted, most: Duration, is_there: impl Fn(&State) -> bool) -> bool {
        let state = self.0.lock();
        let was_closed = state.closed;
        // Of several threads that wait the first one takes the news, and the others return, too.
        let there = |state: &State| is_there(state) || state.closed != was_closed;
        there(&self.0.wake.wait(state, news, most, there))
    }

    /// Wakes the host for all that came since, if it has to be woken.
    pub(crate) fn ring(&self) {
        if self.0.unheard.load(Ordering::Acquire) && self.0.unheard.swap(false, Ordering::AcqRel) {
            let state = self.0.lock();
            if !state.waiting.is_empty() {
                self.0.came(state, Wanted::Run);
            }
        }
    }

    /// Puts a run into the queue. The host hears of it with the next [`ring`](Self::ring).
    pub(crate) fn hand_over(&self, run: Run) -> InHand {
        self.0.home.get_or_init(HomeProcess::here);
        let (answer, answered) = oneshot::channel();
        let mut state = self.0.lock();
        let key = state.open.add(run.cancel().clone(), answer);
        let handed = HandedRun::new(run, key, self.0.clone());
        if state.closed {
            drop(state);
            drop(handed);
        } else {
            if state.waiting.is_empty() {
                self.0.unheard.store(true, Ordering::Release);
            }
            state.waiting.push_back(handed);
        }
        InHand::new(key, self.0.clone(), answered)
    }

    /// Tells the host how far its manager is.
    pub(crate) fn manager_is(&self, manager: ManagerState) {
        self.0.manager_is(manager);
    }

    /// Nothing, unless it is shared with the process that this one is a fork of.
    pub(crate) fn check_home(&self) -> Result<()> {
        let descriptor = self.0.wake.descriptor.as_ref().map(|descriptor| descriptor.home);
        descriptor.iter().chain(self.0.home.get()).try_for_each(|home| home.check())
    }

    /// Whether both are the same queue.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
