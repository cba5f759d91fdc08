//! One attempt at an event: the driver's function, its limits, and its cancellation in two steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;

use super::life::{Event, Life};
use crate::cancellation::CancelReason;
use crate::driver::Reconciled;
use crate::failure::Failure;
use crate::fault_point;
use crate::logger::{RunLog, run_span};
use crate::run::Run;

/// What an attempt came to.
#[derive(Debug)]
pub(super) enum Attempted {
    /// The driver's function returned, failed or panicked.
    Ended(Reconciled),
    /// It was cut short, and did not end by itself if it was abandoned.
    CutShort { reason: CancelReason, abandoned: bool },
}

impl Life {
    /// Runs the driver's function on the host's runtime.
    pub(super) async fn attempt(&self, event: &Event, attempt: u32, log: &RunLog) -> Attempted {
        if let Some(reason) = event.cancel.reason() {
            return Attempted::CutShort { reason, abandoned: false };
        }
        let run = Run::new(
            event.message.clone(),
            self.name.clone(),
            attempt,
            log.clone(),
            event.cancel.clone(),
            Duration::from_millis(self.driver.options().cancel_grace_ms),
        );
        log.touch();
        let abandoned = Arc::new(AtomicBool::new(false));
        let mut task = self.spawn(run, log, abandoned.clone());
        fault_point::reached("in-run");
        let joined = tokio::select! {
            joined = &mut task => Some(joined),
            () = event.cancel.token().cancelled() => self.last_chance(&mut task).await,
            reason = self.overdue(log) => {
                event.cancel.cancel(reason);
                self.last_chance(&mut task).await
            }
        };
        if joined.is_none() {
            tracing::warn!(
                driver = %self.name, run_id = %event.message.run_id,
                "a cancelled run did not end and is abandoned"
            );
            abandoned.store(true, Ordering::Release);
            task.abort();
        }
        let ended = joined.and_then(outcome);
        match (event.cancel.reason(), ended) {
            // What a cancelled run says stands only when it had finished its work all the same.
            (Some(_), Some(Ok(result))) if result.success => Attempted::Ended(Ok(result)),
            (Some(reason), ended) => {
                let abandoned = ended.is_none() && abandoned.load(Ordering::Acquire);
                Attempted::CutShort { reason, abandoned }
            }
            (None, Some(ended)) => Attempted::Ended(ended),
            // The host's runtime was shut down beneath it.
            (None, None) => {
                Attempted::CutShort { reason: CancelReason::Shutdown, abandoned: false }
            }
        }
    }

    fn spawn(&self, run: Run, log: &RunLog, abandoned: Arc<AtomicBool>) -> JoinHandle<Reconciled> {
        let span = run_span(log, &self.name, run.id());
        let driver = self.driver.clone();
        let late_results = self.late_results.clone();
        let reconcile = async move {
            let reconciled = driver.reconcile(run).await;
            if abandoned.load(Ordering::Acquire) {
                late_results.fetch_add(1, Ordering::AcqRel);
                tracing::warn!("an abandoned run ended; what it says is ignored");
            }
            reconciled
        };
        self.host.spawn(reconcile.instrument(span))
    }

    /// The grace that a cancelled run has; nothing when it did not end within it.
    async fn last_chance(
        &self,
        task: &mut JoinHandle<Reconciled>,
    ) -> Option<Result<Reconciled, JoinError>> {
        let grace = Duration::from_millis(self.driver.options().cancel_grace_ms);
        tokio::select! {
            joined = timeout(grace, task) => joined.ok(),
            () = self.end.cancelled() => None,
        }
    }

    /// Waits until the run has lasted too long, or been idle for too long.
    async fn overdue(&self, log: &RunLog) -> CancelReason {
        let options = self.driver.options();
        let started = Instant::now();
        let end = options.run_timeout_ms.map(|ms| started + Duration::from_millis(ms));
        let idle = options.progress_timeout_ms.map(Duration::from_millis);
        loop {
            let stalled = idle.map(|idle| log.last_progress() + idle);
            let Some(next) = end.into_iter().chain(stalled).min() else {
                return std::future::pending().await;
            };
            sleep_until(next).await;
            let now = Instant::now();
            if end.is_some_and(|end| end <= now) {
                return CancelReason::TimedOut;
            }
            if idle.is_some_and(|idle| log.last_progress() + idle <= now) {
                return CancelReason::NoProgress;
            }
        }
    }
}

/// What a finished task came to; nothing when its runtime was shut down beneath it.
fn outcome(joined: Result<Reconciled, JoinError>) -> Option<Reconciled> {
    match joined {
        Ok(reconciled) => Some(reconciled),
        Err(error) => {
            error.try_into_panic().ok().map(|panic| Err(Failure::from_panic(panic.as_ref())))
        }
    }
}
