//! The tasks at work beside a driver's worker. Nobody else does what they do: when one dies, log lines are
//! stored no more, or leases renewed, or acks sent, and the driver has to end.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;

use super::stop::StopHandle;
use crate::error::{Error, ErrorCode};

/// All such tasks of one driver.
#[derive(Debug)]
pub(super) struct Parts {
    driver: Arc<str>,
    /// Ends the driver.
    stop: StopHandle,
    fault: Arc<OnceLock<Error>>,
}

/// One task; it has ended when its watcher has.
#[derive(Debug)]
pub(super) struct Part {
    task: AbortHandle,
    watcher: JoinHandle<()>,
}

impl Parts {
    pub(super) fn new(driver: Arc<str>, stop: StopHandle) -> Self {
        Self { driver, stop, fault: Arc::default() }
    }

    pub(super) fn start(
        &self,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Part {
        let (driver, stop, fault) = (self.driver.clone(), self.stop.clone(), self.fault.clone());
        let working = tokio::spawn(work);
        let task = working.abort_handle();
        let watcher = tokio::spawn(async move {
            // One that returns has nothing left to do; one that is aborted is not needed.
            let Err(panic) = working.await else { return };
            if panic.is_panic() {
                let error = Error::new(ErrorCode::Internal, "a part of the driver ended early")
                    .with_context("part", name)
                    .with_source(panic);
                tracing::error!(%driver, %error, "a driver stops, and gives its events back");
                fault.get_or_init(|| error);
                stop.end_now();
            }
        });
        Part { task, watcher }
    }

    /// Why the driver had to end.
    pub(super) fn fault(&self) -> Option<Error> {
        self.fault.get().cloned()
    }
}

impl Part {
    /// Waits until it has ended, so long at most; then it is ended.
    pub(super) async fn end_within(mut self, most: Duration) {
        if timeout(most, &mut self.watcher).await.is_err() {
            self.end();
        }
    }

    pub(super) fn end(self) {
        self.task.abort();
    }
}
