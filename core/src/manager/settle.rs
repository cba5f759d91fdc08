//! The end of an event: given back, acknowledged, buried.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

use super::dead_letter;
use super::event::Event;
use super::generation::Taken;
use super::life::{Life, rarely};
use super::report::End;
use crate::error::{Error, ErrorCode, Result};
use crate::logger::RunLog;
use crate::patience::jittered;
use crate::stream::Settlement;

/// How long the end of a driver may wait for the server, once its runs have ended or were given up.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long a last settlement may wait for its turn.
const LAST_SECOND: Duration = Duration::from_secs(1);

/// What became of a run's last lines.
pub(super) enum Flushed {
    Whole,
    LeaseLost,
    Stopped,
}

/// What ends the work on an event before its time.
pub(super) enum CutOff {
    LeaseLost,
    End,
}

impl Life {
    /// Waits for the run's lines to be stored, unless the event is lost or the process ends first.
    pub(super) async fn flush(&self, event: &Event, log: &RunLog) -> Flushed {
        if log.is_stored() {
            return Flushed::Whole;
        }
        match rarely(self.unless_cut_off(event, pin!(log.flush()))).await {
            Ok(()) => Flushed::Whole,
            Err(CutOff::LeaseLost) => Flushed::LeaseLost,
            Err(CutOff::End) => Flushed::Stopped,
        }
    }

    /// Goes on with some work, unless the event is lost or the process ends first.
    pub(super) fn unless_cut_off<T>(
        &self,
        event: &Event,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> impl Future<Output = Result<T, CutOff>> {
        poll_fn(move |cx| {
            event.cancel.watch_from_core(cx);
            if event.lease.is_lost() {
                return Poll::Ready(Err(CutOff::LeaseLost));
            }
            match work.as_mut().poll(cx) {
                Poll::Ready(done) => Poll::Ready(Ok(done)),
                Poll::Pending if self.end.is_cancelled() => Poll::Ready(Err(CutOff::End)),
                Poll::Pending => Poll::Pending,
            }
        })
    }

    pub(super) fn cancel_grace(&self) -> Duration {
        Duration::from_millis(self.driver.options().cancel_grace_ms)
    }

    /// Gives an event back with a delay, its log first.
    pub(super) async fn nak(&self, event: &Event, log: &RunLog, delay: Duration, end: End) -> End {
        match self.flush(event, log).await {
            Flushed::Whole | Flushed::Stopped => {
                self.send(&event.delivery, Settlement::Nak(delay)).await;
                end
            }
            Flushed::LeaseLost => End::LeaseLost { abandoned: end.abandoned() },
        }
    }

    /// Gives an event back that has not started, or cannot be waited for.
    pub(super) async fn hand_back_now(&self, event: &Event, abandoned: bool) -> End {
        self.hand_back(event, Duration::ZERO, abandoned).await
    }

    /// The same, not to come again before this delay.
    pub(super) async fn hand_back(&self, event: &Event, delay: Duration, abandoned: bool) -> End {
        if event.lease.is_lost() {
            return End::LeaseLost { abandoned };
        }
        self.send(&event.delivery, Settlement::Nak(delay)).await;
        End::GivenBack { abandoned }
    }

    /// Gives back an event for a resource type that only a newer instance of this driver handles. Each time
    /// counts as a delivery, so it comes less and less often while the newer one is busy.
    pub(super) async fn leave_to_others(&self, delivery: &Taken) -> End {
        const LEAST: Duration = Duration::from_millis(500);
        let most = (self.ack_wait() / 3).max(LEAST);
        let delay = jittered(LEAST, most, delivery.attempt().saturating_sub(1)).max(LEAST);
        tracing::info!(
            driver = %self.name, subject = %delivery.subject, delay_ms = delay.as_millis(),
            "given back: another instance of this driver handles this resource type"
        );
        self.send(delivery, Settlement::Nak(delay)).await;
        // Its permit rests until the event is on offer again, so that another instance gets it.
        tokio::select! {
            () = sleep(delay + LEAST) => {}
            () = self.stop.draining() => {}
        }
        End::GivenBack { abandoned: false }
    }

    /// Keeps a message that can never be answered as a dead letter.
    pub(super) async fn bury(&self, delivery: &Taken, reason: &str) -> End {
        tracing::error!(
            driver = %self.name, subject = %delivery.subject, sequence = delivery.sequence, reason,
            "a message cannot be answered and becomes a dead letter"
        );
        match self.store_dead_letter(delivery, reason).await {
            Ok(()) => {
                self.send(delivery, Settlement::Term(reason.to_owned())).await;
                End::DeadLettered
            }
            Err(error) => self.keep_for_later(delivery, &error).await,
        }
    }

    pub(super) async fn store_dead_letter(&self, delivery: &Taken, reason: &str) -> Result<()> {
        tokio::select! {
            biased;
            stored = dead_letter::store(&*self.stream, &self.name, delivery, reason) => stored,
            () = self.end.cancelled() => Err(Error::new(
                ErrorCode::Unavailable,
                "the server cannot be reached before the end",
            )),
        }
    }

    /// A dead letter that cannot be stored now: nothing is dropped, the message comes again.
    pub(super) async fn keep_for_later(&self, delivery: &Taken, error: &Error) -> End {
        tracing::error!(
            driver = %self.name, sequence = delivery.sequence, %error,
            "a dead letter cannot be stored; the message is given back"
        );
        if delivery.fault.is_some() {
            // Its ack wait gives it back; sooner it would only end a connection sooner.
            return End::Retried;
        }
        // This waits for the server: neither at once, as a driver may want its retries, nor for as
        // long as an event that was delivered often would wait for its next attempt.
        const LEAST: Duration = Duration::from_millis(500);
        const MOST: Duration = Duration::from_secs(5);
        let delay = jittered(LEAST, MOST, delivery.attempt().saturating_sub(1)).max(LEAST);
        self.send(delivery, Settlement::Nak(delay)).await;
        End::Retried
    }

    /// The delay after this attempt when nobody names one.
    pub(super) fn retry_delay(&self, attempt: u32) -> Duration {
        let options = self.driver.options();
        jittered(
            Duration::from_millis(options.retry_initial_ms),
            Duration::from_millis(options.retry_max_ms),
            attempt.saturating_sub(1),
        )
    }

    /// Settles a delivery, unless it is of a consumer that was made anew since.
    async fn send(&self, delivery: &Taken, settlement: Settlement) {
        if delivery.generation != self.generation.current() {
            tracing::warn!(
                driver = %self.name, sequence = delivery.sequence,
                "the consumer was made anew meanwhile; this event is not settled and may come again"
            );
            return;
        }
        let given_up = async {
            self.end.cancelled().await;
            sleep(LAST_SECOND).await;
        };
        let settled = tokio::select! {
            biased;
            settled = self.stream.settle(&delivery.token, settlement) => settled,
            () = given_up => Err(Error::new(
                ErrorCode::Unavailable, "the server cannot be reached before the end",
            )),
        };
        if let Err(error) = settled {
            tracing::warn!(
                driver = %self.name, sequence = delivery.sequence, %error,
                "an event cannot be settled; it will be delivered again"
            );
        }
    }
}
