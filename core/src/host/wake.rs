//! How a host learns that its queue is no longer empty.

use std::fmt;

use tokio::sync::Notify;

/// Wakes whoever waits, in the host's own way.
#[derive(Default)]
pub(super) struct Wake {
    tasks: Notify,
}

impl Wake {
    /// There is something new.
    pub(super) fn one(&self) {
        self.tasks.notify_one();
    }

    /// Nobody needs to wait any more.
    pub(super) fn all(&self) {
        self.tasks.notify_one();
        self.tasks.notify_waiters();
    }

    pub(super) async fn until(&self, condition: impl Fn() -> bool) {
        while !condition() {
            self.tasks.notified().await;
        }
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wake")
    }
}
