//! A manager at work: connects, starts every driver, and waits for the last to end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::acks::Acks;
use super::control::InFlight;
use super::finished::Finished;
use super::lease::Leases;
use super::life::Life;
use super::puller::Puller;
use super::report::{DrainReport, DriverReport};
use super::signals;
use super::stop::StopHandle;
use super::worker::Worker;
use crate::driver::Driver;
use crate::error::{Error, ErrorCode, Result};
use crate::logger::{LogQueue, LogSender};
use crate::options::ManagerOptions;
use crate::patience::Patience;
use crate::stream::{self, SharedStream};

/// Everything a manager needs to run.
#[derive(Debug)]
pub(super) struct Serve {
    pub(super) source: Source,
    pub(super) options: ManagerOptions,
    pub(super) drivers: Vec<Driver>,
    pub(super) host: Handle,
    pub(super) stop: StopHandle,
    pub(super) may_block: bool,
    pub(super) in_flight: Arc<InFlight>,
}

/// Where the event stream comes from.
#[derive(Debug)]
pub(super) enum Source {
    Given(SharedStream),
    Connect { default_name: String },
}

impl Serve {
    /// Runs to the end. Says on `ready` when every driver that can start has started.
    pub(super) async fn run(self, ready: oneshot::Sender<()>) -> Result<DrainReport> {
        let signals = self.options.signals.then(|| tokio::spawn(signals::watch(self.stop.clone())));
        let report = self.run_drivers(ready).await;
        if let Some(signals) = signals {
            signals.abort();
        }
        report
    }

    async fn run_drivers(mut self, ready: oneshot::Sender<()>) -> Result<DrainReport> {
        let deadline = self
            .options
            .connection
            .connect_timeout_ms
            .map(|ms| Instant::now() + Duration::from_millis(ms));
        let (stream, ours) = match &self.source {
            Source::Given(stream) => (stream.clone(), false),
            Source::Connect { default_name } => tokio::select! {
                stream = stream::connect(&self.options.connection, default_name) => (stream?, true),
                () = self.stop.draining() => return Ok(DrainReport::default()),
            },
        };
        let drivers = std::mem::take(&mut self.drivers);
        let started =
            join_all(drivers.into_iter().map(|driver| self.start(&stream, driver, deadline))).await;
        let mut reports = Vec::new();
        let mut working = Vec::new();
        for (name, started) in started {
            match started {
                Ok(Some((life, puller, sender))) => {
                    let grace = Duration::from_millis(self.options.shutdown_grace_ms);
                    working.push(tokio::spawn(Worker::run(life, puller, sender, grace)));
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(driver = name, %error, "a driver cannot start");
                    let error = Some(error);
                    reports.push(DriverReport { driver: name, error, ..DriverReport::default() });
                }
            }
        }
        if !working.is_empty() {
            // Nobody may be waiting any more.
            let _heard = ready.send(());
        }
        let all_failed = working.is_empty();
        for ended in join_all(working).await {
            reports.push(ended.map_err(|error| {
                Error::new(ErrorCode::Internal, "a driver's worker ended early").with_source(error)
            })?);
        }
        if ours {
            stream.close().await;
        }
        if all_failed && let Some(error) = reports.iter_mut().find_map(|report| report.error.take())
        {
            return Err(error);
        }
        let report = DrainReport { drivers: reports };
        tracing::info!("stopped: {report}");
        Ok(report)
    }

    /// Readies one driver, waiting for the stream to exist. Nothing when stopped meanwhile.
    async fn start(
        &self,
        stream: &SharedStream,
        driver: Driver,
        deadline: Option<Instant>,
    ) -> (String, Result<Option<(Arc<Life>, Puller, LogSender)>>) {
        let name = driver.options().name.clone();
        let puller = tokio::select! {
            puller = self.puller(stream, &driver, deadline) => puller,
            () = self.stop.draining() => return (name, Ok(None)),
        };
        let started = puller.map(|puller| {
            let (life, sender) = self.life(stream, driver);
            Some((life, puller, sender))
        });
        (name, started)
    }

    async fn puller(
        &self,
        stream: &SharedStream,
        driver: &Driver,
        deadline: Option<Instant>,
    ) -> Result<Puller> {
        let mut patience = Patience::for_server();
        loop {
            let options = driver.options().clone();
            let error = match Puller::start(stream.clone(), options, self.stop.clone()).await {
                Ok(puller) => return Ok(puller),
                Err(error) => error,
            };
            let may_come = error.code().retryable() || error.code() == ErrorCode::NotFound;
            if !may_come {
                return Err(error);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
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

    fn life(&self, stream: &SharedStream, driver: Driver) -> (Arc<Life>, LogSender) {
        let options = driver.options();
        let name: Arc<str> = options.name.as_str().into();
        let logs =
            Arc::new(LogQueue::new(options.log_buffer_bytes, stream.max_payload(), self.may_block));
        let sender = LogSender::new(stream.clone(), logs.clone(), name.clone(), options.log_window);
        let leases = Arc::new(Leases::new(Duration::from_millis(options.ack_wait_ms)));
        self.in_flight.add(leases.clone());
        let life = Life {
            stream: stream.clone(),
            name,
            logs,
            leases,
            finished: Finished::default(),
            acks: Acks::default(),
            host: self.host.clone(),
            end: self.stop.end_of_one(),
            stop: self.stop.clone(),
            cancel_runs: CancellationToken::new(),
            late_results: Arc::default(),
            driver,
        };
        (Arc::new(life), sender)
    }
}
