//! One attempt at an event: the host's work, its limits, and its cancellation in two steps.

use std::future::{pending, poll_fn};
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until, timeout};

use super::event::Event;
use super::life::{Life, rarely};
use crate::cancellation::CancelReason;
use crate::driver::Reconciled;
use crate::fault_point;
use crate::host::{InHand, Outcome};
use crate::logger::RunLog;
use crate::run::{Limits, Run};

/// A run that is abandoned and perhaps still at work.
pub(super) type LeftRunning = InHand;

/// What an attempt came to.
#[derive(Debug)]
pub(super) enum Attempted {
    /// The driver's function returned, failed or panicked.
    Ended(Reconciled),
    /// The host gave the run up, or takes none any more.
    Dropped,
    /// It was cut short, and abandoned if it did not end by itself.
    CutShort { reason: CancelReason, abandoned: Option<LeftRunning> },
}

impl Life {
    /// Has the host run the driver's function.
    pub(super) async fn attempt(&self, event: &Event, attempt: u32, log: &RunLog) -> Attempted {
        if let Some(reason) = event.cancel.reason() {
            return Attempted::CutShort { reason: reason.clone(), abandoned: None };
        }
        let limit = self.driver.options().run_timeout_ms.map(Duration::from_millis);
        let deadline = limit.map(|limit| Instant::now() + limit);
        let run = Run::new(
            event.message.clone(),
            self.name.clone(),
            attempt,
            log.clone(),
            event.cancel.clone(),
            Limits { cancel_grace: self.cancel_grace(), deadline },
            #[cfg(feature = "client")]
            self.client.clone(),
        );
        log.touch();
        self.runs.fetch_add(1, Ordering::Relaxed);
        let mut in_hand = self.queue.hand_over(run);
        fault_point::reached("in-run");
        let ended = self.ended_by_itself(event, &mut in_hand, log, deadline).await;
        let outcome = match ended {
            Some(outcome) => Some(outcome),
            None => rarely(self.last_chance(&mut in_hand)).await,
        };
        let Some(outcome) = outcome else {
            tracing::warn!(
                driver = %self.name, run_id = %event.message.run_id,
                "a cancelled run did not end and is abandoned"
            );
            event.cancel.abandon();
            let reason = event.cancel.reason().cloned().unwrap_or(CancelReason::Shutdown);
            return Attempted::CutShort { reason, abandoned: Some(in_hand) };
        };
        match (event.cancel.reason(), outcome) {
            // What a cancelled run says stands only when it had finished its work all the same.
            (Some(_), Outcome::Ended(Ok(result))) if result.success => Attempted::Ended(Ok(result)),
            (Some(reason), _) => Attempted::CutShort { reason: reason.clone(), abandoned: None },
            (None, Outcome::Ended(reconciled)) => Attempted::Ended(reconciled),
            (None, Outcome::Dropped) => Attempted::Dropped,
        }
    }

    /// Waits for the host; nothing when the run is asked to end before.
    async fn ended_by_itself(
        &self,
        event: &Event,
        in_hand: &mut InHand,
        log: &RunLog,
        deadline: Option<Instant>,
    ) -> Option<Outcome> {
        let ended = poll_fn(|cx| {
            event.cancel.watch_from_core(cx);
            if event.cancel.reason().is_some() {
                return Poll::Ready(None);
            }
            in_hand.poll_unpin(cx).map(Some)
        });
        if !self.has_limits {
            return ended.await;
        }
        tokio::select! {
            ended = ended => ended,
            reason = rarely(self.overdue(log, deadline)) => {
                event.cancel.cancel(reason);
                None
            }
        }
    }

    /// The grace that a cancelled run has; nothing when it did not end within it.
    async fn last_chance(&self, in_hand: &mut InHand) -> Option<Outcome> {
        in_hand.tell_cancelled();
        tokio::select! {
            outcome = timeout(self.cancel_grace(), in_hand) => outcome.ok(),
            () = self.end.cancelled() => None,
        }
    }

    /// Waits until the run has lasted too long, or been idle for too long.
    async fn overdue(&self, log: &RunLog, end: Option<Instant>) -> CancelReason {
        let idle = self.driver.options().progress_timeout_ms.map(Duration::from_millis);
        loop {
            let stalled = idle.map(|idle| log.last_progress() + idle);
            let Some(next) = end.into_iter().chain(stalled).min() else {
                return pending().await;
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
