//! One attempt at an event: the driver's function, its limits, and its cancellation in two steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;

use super::event::Event;
use super::life::Life;
use crate::cancellation::CancelReason;
use crate::driver::Reconciled;
use crate::failure::Failure;
use crate::fault_point;
use crate::logger::{RunLog, in_log, run_span};
use crate::run::Run;

/// The driver's function, abandoned and perhaps still at work.
pub(super) type LeftRunning = JoinHandle<Reconciled>;

/// What an attempt came to.
#[derive(Debug)]
pub(super) enum Attempted {
    /// The driver's function returned, failed or panicked.
    Ended(Reconciled),
    /// It was cut short, and abandoned if it did not end by itself.
    CutShort { reason: CancelReason, abandoned: Option<LeftRunning> },
}

impl Life {
    /// Runs the driver's function on the host's runtime.
    pub(super) async fn attempt(&self, event: &Event, attempt: u32, log: &RunLog) -> Attempted {
        if let Some(reason) = event.cancel.reason() {
            return Attempted::CutShort { reason, abandoned: None };
        }
        let run = Run::new(
            event.message.clone(),
            self.name.clone(),
            attempt,
            log.clone(),
            event.cancel.clone(),
            self.cancel_grace(),
        );
        log.touch();
        let is_abandoned = Arc::new(AtomicBool::new(false));
        let mut task = self.spawn(run, log, is_abandoned.clone());
        fault_point::reached("in-run");
        let joined = tokio::select! {
            joined = &mut task => Some(joined),
            () = event.cancel.token().cancelled() => self.last_chance(&mut task).await,
            reason = self.overdue(log) => {
                event.cancel.cancel(reason);
                self.last_chance(&mut task).await
            }
        };
        let Some(joined) = joined else {
            tracing::warn!(
                driver = %self.name, run_id = %event.message.run_id,
                "a cancelled run did not end and is abandoned"
            );
            is_abandoned.store(true, Ordering::Release);
            task.abort();
            let reason = event.cancel.reason().unwrap_or(CancelReason::Shutdown);
            return Attempted::CutShort { reason, abandoned: Some(task) };
        };
        match (event.cancel.reason(), self.outcome(joined)) {
            // What a cancelled run says stands only when it had finished its work all the same.
            (Some(_), Some(Ok(result))) if result.success => Attempted::Ended(Ok(result)),
            (None, Some(ended)) => Attempted::Ended(ended),
            (reason, _) => Attempted::CutShort {
                reason: reason.unwrap_or(CancelReason::Shutdown),
                abandoned: None,
            },
        }
    }

    /// What a finished task came to; nothing when its runtime was shut down beneath it, which ends
    /// the driver: it has nowhere to run.
    fn outcome(&self, joined: Result<Reconciled, JoinError>) -> Option<Reconciled> {
        let error = match joined {
            Ok(reconciled) => return Some(reconciled),
            Err(error) => error,
        };
        if let Ok(panic) = error.try_into_panic() {
            return Some(Err(Failure::from_panic(panic.as_ref())));
        }
        tracing::error!(driver = %self.name, "the runtime of the drivers was shut down: stopping");
        self.stop.end_now();
        None
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
        self.host.spawn(in_log(log.clone(), reconcile).instrument(span))
    }

    /// The grace that a cancelled run has; nothing when it did not end within it.
    async fn last_chance(
        &self,
        task: &mut JoinHandle<Reconciled>,
    ) -> Option<Result<Reconciled, JoinError>> {
        tokio::select! {
            joined = timeout(self.cancel_grace(), task) => joined.ok(),
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
