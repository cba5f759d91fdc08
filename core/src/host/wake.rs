//! How a host learns that its queue is no longer empty.

use std::fmt;
use std::sync::Condvar;

use tokio::sync::Notify;

/// Wakes whoever waits: tasks, threads, and the host that asked to be called.
#[derive(Default)]
pub(super) struct Wake {
    pub(super) tasks: Notify,
    /// Waits with the queue's own lock.
    pub(super) threads: Condvar,
    call: Option<Box<dyn Fn() + Send + Sync>>,
}

impl Wake {
    pub(super) fn calling(call: impl Fn() + Send + Sync + 'static) -> Self {
        Self { call: Some(Box::new(call)), ..Self::default() }
    }

    /// There is something new.
    pub(super) fn host(&self) {
        // A permit for the one who looks later, and a call for all who wait now.
        self.tasks.notify_one();
        self.tasks.notify_waiters();
        self.threads.notify_all();
        if let Some(call) = &self.call {
            call();
        }
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake").field("calls", &self.call.is_some()).finish_non_exhaustive()
    }
}
