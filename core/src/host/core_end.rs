//! The core's end of a queue without a manager.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::{Outcome, RunQueue};
use crate::cancellation::Cancellation;
#[cfg(feature = "client")]
use crate::client::SharedClient;
use crate::logger::{LogQueue, RunLog};
use crate::message::{DriverMessage, Resource};
use crate::run::{Limits, Run};
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
            Limits::default(),
            #[cfg(feature = "client")]
            SharedClient::default(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::{Duration, Instant};

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn one_wake_for_a_burst_reaches_as_many_threads_as_there_are_runs() {
        const THREADS: usize = 8;
        let queue = RunQueue::new();
        let core = CoreEnd::new(&queue, &Resource::default());
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let queue = queue.clone();
                thread::spawn(move || queue.next(LONG))
            })
            .collect();
        let deadline = Instant::now() + LONG;
        while queue.0.lock().hosts.for_run() < THREADS {
            assert!(Instant::now() < deadline, "the threads do not wait");
            thread::yield_now();
        }
        let _handed: Vec<_> = (0..THREADS).map(|_| core.hand_over()).collect();
        core.ring();
        for thread in threads {
            // One that was not woken looks once more at its end: the wait must have been shorter.
            assert!(thread.join().unwrap().is_some());
        }
        assert!(Instant::now() < deadline, "a thread slept beside a run");
    }

    #[test]
    fn a_run_handed_to_a_closed_queue_is_dropped_at_once() {
        let queue = RunQueue::new();
        let core = CoreEnd::new(&queue, &Resource::default());
        queue.close();
        assert_eq!(pollster::block_on(core.hand_over()), Outcome::Dropped);
        assert!(queue.take_one().is_none());
    }
}
