//! One driver from its start to its end.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::acks::Acks;
use super::control::InFlight;
use super::finished::Finished;
use super::lease::Leases;
use super::life::Life;
use super::puller::Puller;
use super::report::DriverReport;
use super::room::Room;
use super::stop::StopHandle;
use super::worker::Worker;
#[cfg(feature = "client")]
use crate::client::SharedClient;
use crate::driver::Driver;
use crate::error::{Error, ErrorCode, Result};
use crate::host::RunQueue;
use crate::logger::{LogQueue, LogSender};
use crate::patience::Patience;
use crate::stream::SharedStream;

/// What all drivers of a manager start with.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) stream: SharedStream,
    pub(super) host: Option<Handle>,
    pub(super) stop: StopHandle,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) deadline: Option<Instant>,
    pub(super) shutdown_grace: Duration,
    pub(super) may_block: bool,
    #[cfg(feature = "client")]
    pub(super) client: SharedClient,
}

impl Opening {
    /// Runs a driver until the stop. Says on `started` when it receives events, and drops that when
    /// it cannot start or is stopped before.
    pub(super) async fn run(
        self: Arc<Self>,
        driver: Driver,
        started: oneshot::Sender<()>,
    ) -> DriverReport {
        let name = driver.options().name.clone();
        let queue = match driver.queue(self.host.as_ref()) {
            Ok(queue) => queue,
            Err(error) => {
                return DriverReport {
                    driver: name,
                    error: Some(error),
                    ..DriverReport::default()
                };
            }
        };
        let of_its_own = driver.needs_runtime();
        let report = self.run_on(queue.clone(), driver, started).await;
        if of_its_own {
            // Nothing else ends the task that serves it, nor lets go of what the closure holds.
            queue.close();
        }
        report
    }

    async fn run_on(
        &self,
        queue: RunQueue,
        driver: Driver,
        started: oneshot::Sender<()>,
    ) -> DriverReport {
        let name = driver.options().name.clone();
        let stop = self.stop.of_one();
        let puller = tokio::select! {
            // Stopped before, it has never started, however quick that would be.
            biased;
            () = stop.draining() => {
                return DriverReport { driver: name, ..DriverReport::default() };
            }
            puller = self.puller(&driver, &stop) => puller,
        };
        match puller {
            Ok(puller) => {
                // Nobody may be waiting any more.
                let _heard = started.send(());
                let (room, asked) = Room::new(driver.options().concurrency as usize);
                let (life, log_sender) = self.life(driver, stop, queue, room, &puller);
                Worker::run(life, puller, asked, log_sender, self.shutdown_grace).await
            }
            Err(error) => {
                tracing::error!(driver = name, %error, "a driver cannot start");
                DriverReport { driver: name, error: Some(error), ..DriverReport::default() }
            }
        }
    }

    /// Waits for the stream to exist, and for the consumer.
    async fn puller(&self, driver: &Driver, stop: &StopHandle) -> Result<Puller> {
        let mut patience = Patience::for_server();
        loop {
            let options = driver.options().clone();
            let error = match Puller::start(self.stream.clone(), options, stop.clone()).await {
                Ok(puller) => return Ok(puller),
                Err(error) => error,
            };
            let may_come = error.code().retryable() || error.code() == ErrorCode::NotFound;
            if !may_come {
                return Err(error);
            }
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Error::new(
                    ErrorCode::Unavailable,
                    "the event stream was not there in time",
                )
                .with_source(error));
            }
            if patience.speaks() {
                tracing::warn!(
                    driver = driver.options().name, %error,
                    "waiting for the event stream; is the Conveyor server running?"
                );
            }
            patience.wait().await;
        }
    }

    fn life(
        &self,
        driver: Driver,
        stop: StopHandle,
        queue: RunQueue,
        room: Room,
        puller: &Puller,
    ) -> (Arc<Life>, LogSender) {
        let options = driver.options();
        let (stream, generation) = (self.stream.clone(), puller.generation());
        let name: Arc<str> = options.name.as_str().into();
        let logs =
            Arc::new(LogQueue::new(stream.clone(), options.log_buffer_bytes, self.may_block));
        let sender = LogSender::new(stream.clone(), logs.clone(), name.clone(), options.log_window);
        let ack_wait = Duration::from_millis(options.ack_wait_ms);
        let leases = Arc::new(Leases::new(ack_wait, generation.clone()));
        self.in_flight.add(leases.clone());
        let life = Life {
            stream,
            name,
            logs,
            leases,
            finished: Finished::default(),
            acks: Acks::default(),
            room,
            generation,
            has_limits: options.run_timeout_ms.or(options.progress_timeout_ms).is_some(),
            queue,
            #[cfg(feature = "client")]
            client: self.client.clone(),
            runs: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            end: stop.end_of_one(),
            stop,
            stop_all: self.stop.clone(),
            driver,
        };
        (Arc::new(life), sender)
    }
}
