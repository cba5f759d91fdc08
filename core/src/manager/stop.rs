//! How a manager is asked to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// Stops a manager from anywhere. Clones stop the same manager.
#[derive(Clone, Debug, Default)]
pub struct StopHandle {
    drain: CancellationToken,
    now: CancellationToken,
    signalled: Arc<AtomicBool>,
}

impl StopHandle {
    /// Asks the manager to drain: take no more events, give back those that have not started, let
    /// runs finish within `shutdown_grace_ms`, then cancel them.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Ends every run now and gives its event back, so that another instance can take it.
    pub fn end_now(&self) {
        self.drain.cancel();
        self.now.cancel();
    }

    /// Does what the user wants who sends a signal of this name: the first one drains, any other ends
    /// every run now. For hosts that listen for signals themselves.
    pub fn signalled(&self, name: &str) {
        if self.signalled.swap(true, Ordering::Relaxed) {
            tracing::warn!("{name}: ending every run now and giving its event back");
            self.end_now();
        } else {
            tracing::info!("{name}: draining; a second signal ends every run now");
            self.drain();
        }
    }

    /// Whether the manager was asked to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    pub(super) async fn draining(&self) {
        self.drain.cancelled().await;
    }

    pub(super) async fn ending_now(&self) {
        self.now.cancelled().await;
    }

    /// Fires with the end of all; may be fired alone.
    pub(super) fn end_of_one(&self) -> CancellationToken {
        self.now.child_token()
    }
}
