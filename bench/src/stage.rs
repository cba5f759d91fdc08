//! A nats-server of its own for each measurement, with the control plane's streams and the
//! driver's consumer.

use std::time::Duration;

use anyhow::{Result, anyhow, bail, ensure};
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::{self, Context, Message};
use conveyor_driver::stream::{Retention, StreamConfig};
use conveyor_driver::subject;
use conveyor_driver_cli::nats_server::NatsServer;
use futures_util::StreamExt;
use tokio::time::{Instant, sleep, timeout};

use crate::candidate::Candidate;
use crate::clock::wall_to_monotonic_us;
use crate::contract::{Contract, Work};
use crate::event::{DRIVER, RESOURCE, event};
use crate::process::Process;

/// Longer than any wait that goes well.
const AT_MOST: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Events on their way without a publish ack.
const WINDOW: usize = 1_024;

/// The server and a connection to it.
#[derive(Debug)]
pub struct Stage {
    /// The server; its process counts, too.
    pub server: NatsServer,
    /// The connection.
    pub jetstream: Context,
}

/// What the server says of the driver's consumer.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    /// Not delivered yet.
    pub waiting: u64,
    /// Delivered and not acknowledged.
    pub in_flight: usize,
}

impl Stage {
    /// Starts a server. The driver's consumer lets so many events be in flight, and some more.
    ///
    /// # Errors
    /// When there is no nats-server, or it refuses.
    pub async fn open(in_flight: u32) -> Result<Self> {
        let server = NatsServer::start().await?;
        let client = async_nats::connect(server.url()).await?;
        let jetstream = jetstream::new(client);
        for config in StreamConfig::of_control_plane() {
            let retention = match config.retention {
                Retention::Limits => jetstream::stream::RetentionPolicy::Limits,
                Retention::Interest => jetstream::stream::RetentionPolicy::Interest,
                Retention::WorkQueue => jetstream::stream::RetentionPolicy::WorkQueue,
            };
            let config = jetstream::stream::Config {
                name: config.name,
                subjects: config.subjects,
                retention,
                ..Default::default()
            };
            jetstream.create_stream(config).await?;
        }
        let stage = Self { server, jetstream };
        let in_flight = i64::from(in_flight.saturating_mul(8).max(1_000));
        stage.durable(DRIVER, RESOURCE, in_flight).await?;
        Ok(stage)
    }

    /// Adds consumers of other drivers, whose events never come.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn neighbours(&self, count: usize) -> Result<()> {
        for i in 0..count {
            self.durable(&format!("neighbour-{i}"), &format!("other{i}"), 1_000).await?;
        }
        Ok(())
    }

    async fn durable(&self, driver: &str, resource: &str, max_ack_pending: i64) -> Result<()> {
        let config = pull::Config {
            durable_name: Some(driver.to_owned()),
            filter_subjects: subject::filters(driver, &[resource.to_owned()]),
            ack_policy: AckPolicy::Explicit,
            max_ack_pending,
            ..Default::default()
        };
        self.jetstream.create_consumer_on_stream(config, subject::MESSAGES_STREAM).await?;
        Ok(())
    }

    /// Posts events 0 to `count` and waits until they are stored.
    ///
    /// # Errors
    /// When one could not be stored.
    pub async fn post(&self, count: usize) -> Result<()> {
        let mut receipts = Vec::with_capacity(WINDOW);
        for i in 0..count {
            receipts.push(self.jetstream.publish(event_subject(), event(i).into()).await?);
            if receipts.len() == WINDOW || i + 1 == count {
                for receipt in receipts.drain(..) {
                    receipt.await?;
                }
            }
        }
        Ok(())
    }

    /// Starts a candidate on this server.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, candidate: &Candidate, concurrency: u32, work: Work) -> Result<Process> {
        let contract = Contract {
            url: self.server.url(),
            driver: DRIVER.to_owned(),
            resource: RESOURCE.to_owned(),
            concurrency,
            work,
        };
        Process::start(candidate, &contract, &self.server.store().join("candidate.log"))
    }

    /// How many messages a stream holds.
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn stored(&self, stream: &str) -> Result<usize> {
        let info = self.jetstream.get_stream_no_info(stream).await?.get_info().await?;
        Ok(usize::try_from(info.state.messages)?)
    }

    /// Waits until a stream holds so many messages.
    ///
    /// # Errors
    /// When it does not in time, or a candidate ends.
    pub async fn holds(&self, stream: &str, count: usize, running: &mut [Process]) -> Result<()> {
        let deadline = Instant::now() + AT_MOST;
        loop {
            let stored = self.stored(stream).await?;
            if stored >= count {
                return Ok(());
            }
            running.iter_mut().try_for_each(Process::still_runs)?;
            ensure!(Instant::now() < deadline, "{stream} holds {stored} of {count} messages");
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until the driver's backlog is as told.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn until(&self, wanted: impl Fn(Backlog) -> bool) -> Result<()> {
        let deadline = Instant::now() + AT_MOST;
        loop {
            let consumer: PullConsumer =
                self.jetstream.get_consumer_from_stream(DRIVER, subject::MESSAGES_STREAM).await?;
            let info = consumer.cached_info();
            let backlog = Backlog { waiting: info.num_pending, in_flight: info.num_ack_pending };
            if wanted(backlog) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "not in time: {backlog:?}");
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Gives the first `count` messages of a stream, in order, each with the time it was stored on
    /// the monotonic clock.
    ///
    /// # Errors
    /// When they do not come, or the reader finds fault.
    pub async fn read(
        &self,
        stream: &str,
        count: usize,
        mut reader: impl FnMut(i64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let offset_us = wall_to_monotonic_us();
        let mut messages = self.reader(stream).await?.messages().await?;
        for _ in 0..count {
            let Some(message) = timeout(AT_MOST, messages.next()).await? else {
                bail!("{stream} ended");
            };
            let message: Message = message?;
            let stored = message.info().map_err(|error| anyhow!(error))?.published;
            let stored_us = i64::try_from(stored.unix_timestamp_nanos() / 1_000)?;
            reader(stored_us + offset_us, &message.payload)?;
        }
        let stored = self.stored(stream).await?;
        ensure!(stored == count, "{stream} holds {stored} messages, not {count}");
        Ok(())
    }

    /// A consumer of a whole stream, as an engine has it.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn reader(&self, stream: &str) -> Result<PullConsumer> {
        let config = pull::Config {
            ack_policy: AckPolicy::Explicit,
            max_ack_pending: -1,
            ..Default::default()
        };
        Ok(self.jetstream.create_consumer_on_stream(config, stream).await?)
    }
}

/// Where the driver's events are posted.
#[must_use]
pub(crate) fn event_subject() -> String {
    subject::driver(DRIVER, RESOURCE)
}
