//! The life of one event, from its delivery to its settlement.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::acks::Acks;
use super::answer::{self, Published};
use super::dead_letter;
use super::finished::Finished;
use super::lease::{Lease, Leases};
use super::report::End;
use super::stop::StopHandle;
use crate::driver::{Driver, Reconciled};
use crate::failure::Failure;
use crate::fault_point;
use crate::logger::{Level, LogLine, LogQueue, RunLog, run_span};
use crate::message::{DriverMessage, DriverResult};
use crate::options::DriverOptions;
use crate::patience::jittered;
use crate::run::Run;
use crate::stream::{Delivery, Settlement, SharedStream};

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
    /// Where reconcile runs: never on the core's own thread.
    pub(super) host: Handle,
    pub(super) stop: StopHandle,
    /// Cancels every run of this driver.
    pub(super) cancel_runs: CancellationToken,
}

/// An event that this process has the right to run.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) delivery: Delivery,
    pub(super) message: DriverMessage,
    lease: Lease,
    cancel: CancellationToken,
}

impl Life {
    fn options(&self) -> &DriverOptions {
        self.driver.options()
    }

    /// Takes a delivery whose message could be read.
    pub(super) fn event(&self, delivery: Delivery, message: DriverMessage) -> Event {
        let cancel = self.cancel_runs.child_token();
        let lease = self.leases.take(&delivery, cancel.clone());
        Event { delivery, message, lease, cancel }
    }

    /// Runs an event and settles it.
    pub(super) async fn live(&self, event: Event) -> End {
        let fingerprint = self.finished.fingerprint(event.delivery.sequence, &event.message);
        if self.finished.knows(fingerprint) {
            self.ack(&event.delivery).await;
            return End::AnsweredBefore;
        }
        let log = RunLog::new(&self.logs, &self.name, &event.message);
        let attempt = u32::try_from(event.delivery.attempt).unwrap_or(u32::MAX);
        let end = if attempt > self.options().max_attempts {
            self.give_up(&event, attempt, &log).await
        } else {
            let (reconciled, abandoned) = self.reconcile(&event, attempt, &log).await;
            match reconciled {
                Some(reconciled) => self.settle(&event, attempt, reconciled, &log).await,
                None => self.hand_back(&event, &log, abandoned).await,
            }
        };
        if matches!(end, End::Succeeded | End::Failed | End::Poisoned) {
            self.finished.remember(fingerprint);
        }
        end
    }

    /// Runs the driver's function. Nothing came of it when it was cancelled or abandoned.
    async fn reconcile(
        &self,
        event: &Event,
        attempt: u32,
        log: &RunLog,
    ) -> (Option<Reconciled>, bool) {
        let run = Run::new(
            event.message.clone(),
            self.name.clone(),
            attempt,
            log.clone(),
            event.cancel.clone(),
            Duration::from_millis(self.options().cancel_grace_ms),
        );
        let span = run_span(log, &self.name, run.id());
        let driver = self.driver.clone();
        let mut task = self.host.spawn(async move { driver.reconcile(run).await }.instrument(span));
        fault_point::reached("in-run");
        let joined = tokio::select! {
            joined = &mut task => joined,
            () = event.cancel.cancelled() => match self.last_chance(&mut task).await {
                Some(joined) => joined,
                None => return (None, true),
            },
        };
        let reconciled = outcome(joined);
        // What a cancelled run says stands only when it had finished its work all the same.
        let stands = !event.cancel.is_cancelled()
            || matches!(&reconciled, Some(Ok(result)) if result.success);
        (reconciled.filter(|_| stands), false)
    }

    /// The grace that a cancelled run has; then it is abandoned.
    async fn last_chance(
        &self,
        task: &mut JoinHandle<Reconciled>,
    ) -> Option<Result<Reconciled, JoinError>> {
        let grace = Duration::from_millis(self.options().cancel_grace_ms);
        let joined = tokio::select! {
            joined = timeout(grace, &mut *task) => joined.ok(),
            () = self.stop.ending_now() => None,
        };
        if joined.is_none() {
            tracing::warn!(driver = %self.name, "a cancelled run did not end and is abandoned");
            task.abort();
        }
        joined
    }

    async fn settle(
        &self,
        event: &Event,
        attempt: u32,
        reconciled: Reconciled,
        log: &RunLog,
    ) -> End {
        let result = match reconciled {
            Ok(result) => result,
            Err(failure) if failure.is_retry() && attempt < self.options().max_attempts => {
                return self.retry(event, attempt, &failure, log).await;
            }
            Err(failure) => {
                log.write(line_of(&failure)).await;
                failure.into_result()
            }
        };
        let end = if result.success { End::Succeeded } else { End::Failed };
        self.answer(event, &result, log, end).await
    }

    async fn retry(&self, event: &Event, attempt: u32, failure: &Failure, log: &RunLog) -> End {
        let options = self.options();
        let delay = failure.delay().unwrap_or_else(|| {
            jittered(
                Duration::from_millis(options.retry_initial_ms),
                Duration::from_millis(options.retry_max_ms),
                attempt - 1,
            )
        });
        let text = format!(
            "attempt {attempt} of {} did not succeed, the next follows in {:.1} s: {}",
            options.max_attempts,
            delay.as_secs_f64(),
            failure.message()
        );
        log.warning(text).await;
        self.nak(event, log, delay, End::Retried).await
    }

    /// An event that was delivered too often without an answer most likely kills its process.
    async fn give_up(&self, event: &Event, attempt: u32, log: &RunLog) -> End {
        let tries = attempt - 1;
        let text = format!("given up after {tries} attempts that ended without an answer");
        tracing::error!(driver = %self.name, run_id = %event.message.run_id, "{text}");
        let stored = dead_letter::store(&*self.stream, &self.name, &event.delivery, &text).await;
        if let Err(error) = stored {
            return self.keep_for_later(&event.delivery, &error).await;
        }
        let failure = Failure::of_type("GivenUp", text, None);
        log.write(line_of(&failure)).await;
        self.answer(event, &failure.into_result(), log, End::Poisoned).await
    }

    /// Log, then result, then ack; each only when the one before is stored.
    async fn answer(&self, event: &Event, result: &DriverResult, log: &RunLog, end: End) -> End {
        match self.flush(event, log).await {
            Flushed::Whole => fault_point::reached("after-logs"),
            Flushed::LeaseLost => return End::LeaseLost { abandoned: false },
            Flushed::Stopped => return self.hand_back_now(event, false).await,
        }
        let published = answer::publish(
            &self.stream,
            &self.name,
            &event.message,
            event.delivery.sequence,
            result,
            &event.lease,
            &self.stop,
        )
        .await;
        match published {
            Ok(Published::Stored) => {
                fault_point::reached("before-ack");
                self.ack(&event.delivery).await;
                fault_point::reached("after-ack");
                end
            }
            Ok(Published::LeaseLost) => End::LeaseLost { abandoned: false },
            Ok(Published::Stopped) => self.hand_back_now(event, false).await,
            Err(error) => self.bury(&event.delivery, &error.to_string()).await,
        }
    }

    /// Waits for the run's lines to be stored, unless the event is lost or the process ends first.
    async fn flush(&self, event: &Event, log: &RunLog) -> Flushed {
        tokio::select! {
            biased;
            () = log.flush() => Flushed::Whole,
            () = event.lease.lost() => Flushed::LeaseLost,
            () = self.stop.ending_now() => Flushed::Stopped,
        }
    }

    /// Gives a cancelled run's event back, its log first.
    async fn hand_back(&self, event: &Event, log: &RunLog, abandoned: bool) -> End {
        if event.lease.is_lost() {
            return End::LeaseLost { abandoned };
        }
        log.warning("cancelled: the driver shuts down; the event is given back").await;
        self.nak(event, log, Duration::ZERO, End::GivenBack { abandoned }).await
    }

    async fn nak(&self, event: &Event, log: &RunLog, delay: Duration, end: End) -> End {
        match (self.flush(event, log).await, end) {
            (Flushed::Whole | Flushed::Stopped, _) => {
                self.send(&event.delivery, Settlement::Nak(delay)).await;
                end
            }
            (Flushed::LeaseLost, End::GivenBack { abandoned }) => End::LeaseLost { abandoned },
            (Flushed::LeaseLost, _) => End::LeaseLost { abandoned: false },
        }
    }

    /// Gives an event back that has not started, or cannot be waited for.
    pub(super) async fn hand_back_now(&self, event: &Event, abandoned: bool) -> End {
        if event.lease.is_lost() {
            return End::LeaseLost { abandoned };
        }
        self.send(&event.delivery, Settlement::Nak(Duration::ZERO)).await;
        End::GivenBack { abandoned }
    }

    /// Acknowledges an event that the driver's options do not want.
    pub(super) async fn ignore(&self, delivery: &Delivery) -> End {
        self.ack(delivery).await;
        End::Ignored
    }

    /// Keeps a message that can never be answered as a dead letter.
    pub(super) async fn bury(&self, delivery: &Delivery, reason: &str) -> End {
        tracing::error!(
            driver = %self.name, subject = delivery.subject, sequence = delivery.sequence, reason,
            "a message cannot be answered and becomes a dead letter"
        );
        match dead_letter::store(&*self.stream, &self.name, delivery, reason).await {
            Ok(()) => {
                self.send(delivery, Settlement::Term(reason.to_owned())).await;
                End::DeadLettered
            }
            Err(error) => self.keep_for_later(delivery, &error).await,
        }
    }

    /// A dead letter that cannot be stored now: nothing is dropped, the message comes again.
    async fn keep_for_later(&self, delivery: &Delivery, error: &crate::error::Error) -> End {
        tracing::error!(
            driver = %self.name, sequence = delivery.sequence, %error,
            "a dead letter cannot be stored; the message is given back"
        );
        let options = self.options();
        let delay = jittered(
            Duration::from_millis(options.retry_initial_ms),
            Duration::from_millis(options.retry_max_ms),
            u32::try_from(delivery.attempt).unwrap_or(u32::MAX),
        );
        self.send(delivery, Settlement::Nak(delay)).await;
        End::Retried
    }

    async fn ack(&self, delivery: &Delivery) {
        self.send(delivery, Settlement::Ack).await;
        self.acks.note(&delivery.token);
    }

    async fn send(&self, delivery: &Delivery, settlement: Settlement) {
        if let Err(error) = self.stream.settle(&delivery.token, settlement).await {
            tracing::warn!(
                driver = %self.name, sequence = delivery.sequence, %error,
                "an event cannot be settled; it will be delivered again"
            );
        }
    }
}

/// What became of a run's last lines.
enum Flushed {
    Whole,
    LeaseLost,
    Stopped,
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

fn line_of(failure: &Failure) -> LogLine {
    let mut text = failure.message().to_owned();
    if let Some(traceback) = failure.traceback() {
        text.push('\n');
        text.push_str(traceback);
    }
    LogLine::new(Level::Error, text)
}
