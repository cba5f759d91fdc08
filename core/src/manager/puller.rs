//! Pulls events for one driver, as many as it has room for, and outlives whatever happens to its
//! consumer.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::consumer;
use super::stop::StopHandle;
use crate::error::{Error, ErrorCode, Result};
use crate::options::DriverOptions;
use crate::patience::Patience;
use crate::stream::{Delivery, EventStream, Pull, SharedStream};
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
        consumer::ensure(&*stream, &options, false).await?;
        let pull = stream.pull(MESSAGES_STREAM, &options.name).await?;
        Ok(Self { stream, options, stop, pull, outstanding: 0 })
    }

    /// Hands over deliveries until the stop, those that come in the last moment included.
    pub(super) async fn run(
        mut self,
        mut room: mpsc::UnboundedReceiver<usize>,
        events: mpsc::UnboundedSender<Vec<Delivery>>,
    ) {
        let stop = self.stop.clone();
        let mut look = interval_at(Instant::now() + LOOK_AGAIN, LOOK_AGAIN);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.draining() => break,
                _ = look.tick() => tokio::select! {
                    () = stop.draining() => break,
                    () = mend_drift(&*self.stream, &self.options) => {}
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
                        self.outstanding -= deliveries.len();
                        // Fails only when the worker is gone, and then nobody can settle them.
                        let _handed_over = events.send(deliveries);
                    }
                    Err(error) => tokio::select! {
                        () = stop.draining() => break,
                        renewed = self.renew(error) => if let Err(error) = renewed {
                            tracing::error!(driver = self.options.name, %error, "pulling ends");
                            stop.end_now();
                            break;
                        },
                    },
                },
            }
        }
        let late = self.pull.stop().await;
        if !late.is_empty() {
            let _handed_over = events.send(late);
        }
    }

    /// Makes the consumer again and pulls anew, for as long as it takes.
    ///
    /// # Errors
    /// `Closed` when the stream is.
    async fn renew(&mut self, mut error: Error) -> Result<()> {
        let mut patience = Patience::for_server();
        loop {
            if error.code() == ErrorCode::Closed {
                return Err(error);
            }
            if patience.speaks() {
                tracing::warn!(
                    driver = self.options.name, %error,
                    "events cannot be pulled; making sure of the consumer"
                );
            }
            patience.wait().await;
            self.stream.ready().await;
            match self.pull_anew().await {
                Ok(()) => {
                    tracing::info!(driver = self.options.name, "events are pulled again");
                    return Ok(());
                }
                Err(next) => error = next,
            }
        }
    }

    async fn pull_anew(&mut self) -> Result<()> {
        consumer::ensure(&*self.stream, &self.options, true).await?;
        self.pull = self.stream.pull(MESSAGES_STREAM, &self.options.name).await?;
        self.pull.request(self.outstanding);
        Ok(())
    }
}

/// Another runtime may have changed the consumer: what it is now is looked at and mended.
async fn mend_drift(stream: &dyn EventStream, options: &DriverOptions) {
    if let Err(error) = consumer::ensure(stream, options, true).await {
        tracing::warn!(driver = options.name, %error, "cannot look after the consumer");
    }
}
