//! How a manager is asked to stop.

use tokio_util::sync::CancellationToken;

/// Stops a manager from anywhere. Clones stop the same manager.
#[derive(Clone, Debug, Default)]
pub struct StopHandle {
    drain: CancellationToken,
    now: CancellationToken,
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
