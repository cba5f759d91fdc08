//! The core's end of a queue without a manager.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::{Outcome, RunQueue};
use crate::cancellation::Cancellation;
use crate::logger::{LogQueue, RunLog};
use crate::message::{DriverMessage, Resource};
use crate::run::Run;
use crate::run_id::RunId;
use crate::stream::MemoryStream;

/// Hands runs over as a manager does, without events, leases and results behind them: for tests and
/// benchmarks of a host alone. Behind the feature `core-end`.
pub struct CoreEnd {
    queue: RunQueue,
    driver: Arc<str>,
    message: Arc<DriverMessage>,
    logs: Arc<LogQueue>,
}

impl CoreEnd {
    /// The other end of this queue. All runs have this resource; their log lines go nowhere.
    #[must_use]
    pub fn new(queue: &RunQueue, resource: &Resource) -> Self {
        let message = DriverMessage::new("create", resource, "seam", RunId::generate());
        Self {
            queue: queue.clone(),
            driver: "seam".into(),
            message: Arc::new(message),
            logs: Arc::new(LogQueue::new(Arc::new(MemoryStream::new()), u32::MAX, false)),
        }
    }

    /// Puts a run into the queue. The host hears of it with the next [`ring`](Self::ring); resolves once
    /// it has completed the run.
    pub fn hand_over(&self) -> impl Future<Output = Outcome> + Send + use<> {
        let run = Run::new(
            self.message.clone(),
            self.driver.clone(),
            1,
            RunLog::new(&self.logs, &self.driver, &self.message),
            Cancellation::default(),
            Duration::ZERO,
        );
        self.queue.hand_over(run)
    }

    /// Wakes the host once for all that was handed over since.
    pub fn ring(&self) {
        self.queue.ring();
    }
}

impl fmt::Debug for CoreEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoreEnd").field("queue", &self.queue).finish_non_exhaustive()
    }
}
