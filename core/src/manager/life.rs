//! The life of one event, from its delivery to its settlement.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::acks::Acks;
use super::answer::{self, Published};
use super::attempt::{Attempted, LeftRunning};
use super::event::Event;
use super::finished::Finished;
use super::generation::Generation;
use super::lease::Leases;
use super::report::End;
use super::room::Room;
use super::settle::Flushed;
use super::stop::StopHandle;
use crate::cancellation::CancelReason;
#[cfg(feature = "client")]
use crate::client::SharedClient;
use crate::driver::{Driver, Reconciled};
use crate::failure::Failure;
use crate::fault_point;
use crate::host::RunQueue;
use crate::logger::{Level, LogLine, LogQueue, RunLog};
use crate::message::DriverResult;
use crate::stream::SharedStream;

/// What every event of one driver needs.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) stream: SharedStream,
    pub(super) driver: Driver,
    pub(super) name: Arc<str>,
    pub(super) logs: Arc<LogQueue>,
    pub(super) leases: Arc<Leases>,
    pub(super) finished: Finished,
    pub(super) acks: Acks,
    pub(super) room: Room,
    pub(super) generation: Generation,
    /// Who reconciles: never the core's own thread.
    pub(super) queue: RunQueue,
    /// Whether the options limit how long a run may take.
    pub(super) has_limits: bool,
    /// Stops this driver.
    pub(super) stop: StopHandle,
    /// Stops the manager.
    pub(super) stop_all: StopHandle,
    /// The API, for runs that ask for it.
    #[cfg(feature = "client")]
    pub(super) client: SharedClient,
    /// How many runs were handed to the host.
    pub(super) runs: AtomicU64,
    /// How many events were answered with a failed result.
    pub(super) failed: AtomicU64,
    /// Fires when nothing is waited for any more: what has no answer then is given back.
    pub(super) end: CancellationToken,
}

/// What came of an event.
#[derive(Debug)]
pub(super) struct Lived {
    pub(super) end: End,
    pub(super) left_running: Option<LeftRunning>,
}

impl From<End> for Lived {
    fn from(end: End) -> Self {
        Self { end, left_running: None }
    }
}

impl Life {
    /// Runs an event and settles it.
    pub(super) async fn live(&self, event: &Event) -> Lived {
        let mut left_running = None;
        let end = self.settled(event, &mut left_running).await;
        Lived { end, left_running }
    }

    /// Whether [`live`](Self::live) does not call the driver's function, so that no lane is needed.
    pub(super) fn needs_no_run(&self, event: &Event) -> bool {
        event.cancel.reason().is_some()
            || event.attempt() > self.driver.options().most_deliveries()
            || self.finished.knows(self.fingerprint(event))
    }

    fn fingerprint(&self, event: &Event) -> u64 {
        self.finished.fingerprint(event.delivery.sequence, &event.message)
    }

    pub(super) fn ack_wait(&self) -> Duration {
        Duration::from_millis(self.driver.options().ack_wait_ms)
    }

    async fn settled(&self, event: &Event, left_running: &mut Option<LeftRunning>) -> End {
        let fingerprint = self.fingerprint(event);
        if self.finished.knows(fingerprint) {
            self.acks.add(&event.delivery);
            return End::AnsweredBefore;
        }
        // It may have waited for its lane.
        if event.lease.is_lost() {
            return End::LeaseLost { abandoned: false };
        }
        let log = RunLog::new(&self.logs, &self.name, &event.message);
        let attempt = event.attempt();
        let end = if attempt > self.driver.options().most_deliveries() {
            rarely(self.give_up(event, attempt, &log)).await
        } else {
            let attempted = self.attempt(event, attempt, &log).await;
            let _answering = self.room.answering();
            match attempted {
                Attempted::Ended(reconciled) => {
                    self.conclude(event, attempt, reconciled, &log).await
                }
                Attempted::Dropped => rarely(self.dropped(event, attempt, &log)).await,
                Attempted::CutShort { reason, abandoned } => {
                    let was_abandoned = abandoned.is_some();
                    *left_running = abandoned;
                    rarely(self.cut_short(event, &reason, was_abandoned, &log)).await
                }
            }
        };
        if end.is_answered() {
            self.finished.remember(fingerprint);
        }
        end
    }

    fn conclude(
        &self,
        event: &Event,
        attempt: u32,
        reconciled: Reconciled,
        log: &RunLog,
    ) -> impl Future<Output = End> + Send {
        let is_last = attempt >= self.driver.options().max_attempts;
        let reconciled = reconciled.or_else(|failure| {
            if failure.is_retry() && !is_last {
                return Err(Box::new(failure));
            }
            log.note(line_of(&failure));
            Ok(failure.into_result())
        });
        async move {
            match reconciled {
                Ok(ref result) => {
                    let end = if result.success { End::Succeeded } else { End::Failed };
                    self.answer(event, result, log, end).await
                }
                Err(ref failure) => rarely(self.retry(event, attempt, failure, log)).await,
            }
        }
    }

    async fn retry(&self, event: &Event, attempt: u32, failure: &Failure, log: &RunLog) -> End {
        const LONGEST: Duration = Duration::from_secs(30 * 86_400);
        let delay = failure.delay().unwrap_or_else(|| self.retry_delay(attempt)).min(LONGEST);
        let text = format!(
            "attempt {attempt} of {} did not succeed, the next follows in {:.1} s: {}",
            self.driver.options().max_attempts,
            delay.as_secs_f64(),
            failure.message()
        );
        log.note(LogLine::new(Level::Warning, text));
        self.nak(event, log, delay, End::Retried).await
    }

    /// A run that its host gave up: another attempt, perhaps with another host.
    async fn dropped(&self, event: &Event, attempt: u32, log: &RunLog) -> End {
        if self.queue.is_closed() && !self.stop.is_draining() {
            tracing::error!(driver = %self.name, "nobody runs this driver any more: stopping");
            self.stop_all.end_now();
        }
        let delay =
            if self.stop.is_draining() { Duration::ZERO } else { self.retry_delay(attempt) };
        log.note(LogLine::new(
            Level::Warning,
            "the run was given up without an answer; its event is given back",
        ));
        self.nak(event, log, delay, End::GivenBack { abandoned: false }).await
    }

    /// A run that was cancelled: answered, given back, or left to another instance.
    async fn cut_short(
        &self,
        event: &Event,
        reason: &CancelReason,
        abandoned: bool,
        log: &RunLog,
    ) -> End {
        let (error_type, end) = match reason {
            CancelReason::LeaseLost => return End::LeaseLost { abandoned },
            CancelReason::Shutdown => {
                let text = format!("cancelled: {reason}; the event is given back");
                log.note(LogLine::new(Level::Warning, text));
                return self.nak(event, log, Duration::ZERO, End::GivenBack { abandoned }).await;
            }
            CancelReason::Requested(_) => ("Cancelled", End::Cancelled { abandoned }),
            CancelReason::TimedOut | CancelReason::NoProgress => {
                ("TimedOut", End::TimedOut { abandoned })
            }
        };
        let failure = Failure::of_type(error_type, reason.to_string(), None);
        log.note(line_of(&failure));
        self.answer(event, &failure.into_result(), log, end).await
    }

    /// An event that was delivered too often without an answer most likely kills its process.
    async fn give_up(&self, event: &Event, attempt: u32, log: &RunLog) -> End {
        let tries = attempt - 1;
        let text = format!("given up: delivered {tries} times without an answer");
        tracing::error!(driver = %self.name, run_id = %event.message.run_id, "{text}");
        if let Err(error) = self.store_dead_letter(&event.delivery, &text).await {
            return self.keep_for_later(&event.delivery, &error).await;
        }
        let failure = Failure::of_type("GivenUp", text, None);
        log.note(line_of(&failure));
        self.answer(event, &failure.into_result(), log, End::Poisoned).await
    }

    /// Log, then result, then ack; each only when the one before is stored.
    async fn answer(&self, event: &Event, result: &DriverResult, log: &RunLog, end: End) -> End {
        let abandoned = end.abandoned();
        match self.flush(event, log).await {
            Flushed::Whole => fault_point::reached("after-logs"),
            Flushed::LeaseLost => return End::LeaseLost { abandoned },
            Flushed::Stopped => return rarely(self.hand_back_now(event, abandoned)).await,
        }
        let published = answer::publish(self, event, result).await;
        match published {
            Ok(Published::Stored) => {
                fault_point::reached("before-ack");
                self.acks.add(&event.delivery);
                end
            }
            Ok(Published::LeaseLost) => End::LeaseLost { abandoned },
            Ok(Published::Stopped) => rarely(self.hand_back_now(event, abandoned)).await,
            Err(error) => rarely(self.bury(&event.delivery, &error.to_string())).await,
        }
    }
}

/// Puts what is seldom done aside, so that not every event carries the room for it.
pub(super) fn rarely<F: Future>(work: F) -> Pin<Box<F>> {
    Box::pin(work)
}

fn line_of(failure: &Failure) -> LogLine {
    let mut text = failure.message().to_owned();
    if let Some(traceback) = failure.traceback() {
        text.push('\n');
        text.push_str(traceback);
    }
    LogLine::new(Level::Error, text)
}
