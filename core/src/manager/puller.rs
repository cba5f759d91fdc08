//! Pulls events for one driver, as many as it has room for, and outlives whatever happens to its
//! consumer.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::consumer;
use super::generation::{Generation, Taken};
use super::pulse::Pulse;
use super::stop::StopHandle;
use crate::error::{Error, ErrorCode, Result};
use crate::options::DriverOptions;
use crate::patience::Patience;
use crate::stream::{Delivery, Pull, SharedStream};
use crate::subject::MESSAGES_STREAM;

/// How often the consumer is compared with what it should be.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// The pulling half of one driver.
#[derive(Debug)]
pub(super) struct Puller {
    stream: SharedStream,
    options: DriverOptions,
    stop: StopHandle,
    pull: Box<dyn Pull>,
    /// Which making of the consumer is pulled from.
    identity: String,
    generation: Generation,
    patience: Patience,
    /// Asked for and not yet delivered.
    outstanding: usize,
}

impl Puller {
    /// Sees that the consumer exists, then is ready to pull.
    ///
    /// # Errors
    /// Those of [`consumer::ensure`].
    pub(super) async fn start(
        stream: SharedStream,
        options: DriverOptions,
        stop: StopHandle,
    ) -> Result<Self> {
        let identity = consumer::ensure(&*stream, &options, false).await?;
        let pull = stream.pull(MESSAGES_STREAM, &options.name).await?;
        Ok(Self {
            stream,
            options,
            stop,
            pull,
            identity,
            generation: Generation::default(),
            patience: Patience::for_server(),
            outstanding: 0,
        })
    }

    pub(super) fn generation(&self) -> Generation {
        self.generation.clone()
    }

    /// Hands over deliveries until the stop, those that come in the last moment included.
    ///
    /// # Errors
    /// `Closed` when the stream was closed first; then everything is ended.
    pub(super) async fn run(
        mut self,
        mut room: mpsc::UnboundedReceiver<usize>,
        events: mpsc::UnboundedSender<Vec<Taken>>,
    ) -> Result<()> {
        let stop = self.stop.clone();
        let mut look = interval_at(Instant::now() + LOOK_AGAIN, LOOK_AGAIN);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pulse = Pulse::new(Duration::from_millis(self.options.ack_wait_ms));
        let mut outcome = Ok(());
        loop {
            tokio::select! {
                biased;
                () = stop.draining() => break,
                _ = look.tick() => tokio::select! {
                    () = stop.draining() => break,
                    found = consumer::ensure(&*self.stream, &self.options, true) => {
                        self.looked(found);
                    }
                },
                Some(mut more) = room.recv() => {
                    while let Ok(further) = room.try_recv() {
                        more += further;
                    }
                    self.outstanding += more;
                    self.pull.request(more);
                }
                came = self.pull.next() => match came {
                    Ok(deliveries) => {
                        self.patience.reset();
                        let since = pulse.stood_still();
                        self.hand_over(deliveries, since, &events);
                        if let Some(since) = since {
                            self.start_over(since, &events).await;
                            pulse.reset();
                        }
                    }
                    Err(error) => tokio::select! {
                        () = stop.draining() => break,
                        renewed = self.renew(error) => {
                            // However long that took: nothing came meanwhile.
                            pulse.reset();
                            if let Err(error) = renewed {
                                tracing::error!(driver = self.options.name, %error, "pulling ends");
                                stop.end_now();
                                outcome = Err(error);
                                break;
                            }
                        },
                    },
                },
                // Behind what came, so that a standstill is noticed with the first of it.
                () = pulse.beat() => if let Some(since) = pulse.stood_still() {
                    self.start_over(since, &events).await;
                    pulse.reset();
                },
            }
        }
        let late = self.pull.stop().await;
        self.hand_over(late, pulse.stood_still(), &events);
        outcome
    }

    /// The process stood still: what was on its way since then is old, and pulled no further.
    async fn start_over(&mut self, since: Instant, events: &mpsc::UnboundedSender<Vec<Taken>>) {
        tracing::warn!(
            driver = self.options.name,
            seconds = since.elapsed().as_secs_f64(),
            "the process stood still; events that came meanwhile may be with another instance"
        );
        let late = self.pull.stop().await;
        self.hand_over(late, Some(since), events);
        match self.stream.pull(MESSAGES_STREAM, &self.options.name).await {
            Ok(pull) => {
                self.pull = pull;
                self.pull.request(self.outstanding);
            }
            // The stopped pull says so again, and is renewed.
            Err(error) => tracing::warn!(driver = self.options.name, %error, "cannot pull anew"),
        }
    }

    fn hand_over(
        &mut self,
        deliveries: Vec<Delivery>,
        since: Option<Instant>,
        events: &mpsc::UnboundedSender<Vec<Taken>>,
    ) {
        if deliveries.is_empty() {
            return;
        }
        self.outstanding = self.outstanding.saturating_sub(deliveries.len());
        let generation = self.generation.current();
        let taken = deliveries.into_iter().map(|mut delivery| {
            delivery.received = delivery.received.min(since.unwrap_or(delivery.received));
            Taken { delivery, generation }
        });
        // Fails only when the worker is gone, and then nobody can settle them.
        let _handed_over = events.send(taken.collect());
    }

    /// Notes which making of the consumer was found.
    fn looked(&mut self, found: Result<String>) {
        match found {
            Ok(identity) if identity == self.identity => {}
            Ok(identity) => {
                tracing::warn!(driver = self.options.name, "the consumer was made anew");
                self.identity = identity;
                self.generation.advance();
            }
            Err(error) if error.code() == ErrorCode::Closed => {}
            Err(error) => {
                tracing::warn!(driver = self.options.name, %error, "cannot look after the consumer");
            }
        }
    }

    /// Makes the consumer again and pulls anew, for as long as it takes.
    ///
    /// # Errors
    /// `Closed` when the stream is.
    async fn renew(&mut self, mut error: Error) -> Result<()> {
        loop {
            if error.code() == ErrorCode::Closed {
                return Err(error);
            }
            if error.code() == ErrorCode::NotFound {
                self.generation.advance();
            }
            if self.patience.speaks() {
                tracing::warn!(
                    driver = self.options.name, %error,
                    "events cannot be pulled; making sure of the consumer"
                );
            }
            self.patience.wait().await;
            self.stream.ready().await;
            match self.pull_anew().await {
                Ok(()) => return Ok(()),
                Err(next) => error = next,
            }
        }
    }

    async fn pull_anew(&mut self) -> Result<()> {
        let identity = consumer::ensure(&*self.stream, &self.options, true).await?;
        self.looked(Ok(identity));
        self.pull = self.stream.pull(MESSAGES_STREAM, &self.options.name).await?;
        self.pull.request(self.outstanding);
        Ok(())
    }
}
