//! A manager at work: connects, has every driver run, and waits for the last to end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::control::InFlight;
use super::opening::Opening;
use super::report::{DrainReport, DriverReport};
use super::signals;
use super::stop::StopHandle;
#[cfg(feature = "client")]
use crate::client::SharedClient;
use crate::driver::Driver;
use crate::error::{Error, ErrorCode, Result};
use crate::options::ManagerOptions;
use crate::stream::{self, SharedStream};

/// Everything a manager needs to run.
#[derive(Debug)]
pub(super) struct Serve {
    pub(super) source: Source,
    pub(super) options: ManagerOptions,
    pub(super) drivers: Vec<Driver>,
    pub(super) host: Option<Handle>,
    pub(super) stop: StopHandle,
    pub(super) in_flight: Arc<InFlight>,
}

/// The names of the drivers that take events.
pub(super) type Started = Vec<String>;

/// Where the event stream comes from.
#[derive(Debug)]
pub(super) enum Source {
    Given(SharedStream),
    Connect { default_name: String },
}

impl Serve {
    /// Runs to the end. Says on `ready` when every driver that can start has started, and which have.
    pub(super) async fn run(self, ready: oneshot::Sender<Started>) -> Result<DrainReport> {
        let signals = self.options.signals.then(|| tokio::spawn(signals::watch(self.stop.clone())));
        let report = self.connect_and_run(ready).await;
        if let Some(signals) = signals {
            signals.abort();
        }
        report
    }

    async fn connect_and_run(self, ready: oneshot::Sender<Started>) -> Result<DrainReport> {
        let connection = &self.options.connection;
        let deadline =
            connection.connect_timeout_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
        let (stream, ours) = match &self.source {
            Source::Given(stream) => (stream.clone(), false),
            Source::Connect { default_name } => tokio::select! {
                stream = stream::connect(connection, default_name) => (stream?, true),
                () = self.stop.draining() => return Ok(DrainReport::default()),
            },
        };
        let opening = Opening {
            stream: stream.clone(),
            host: self.host,
            stop: self.stop,
            in_flight: self.in_flight,
            deadline,
            shutdown_grace: Duration::from_millis(self.options.shutdown_grace_ms),
            // A given connection may live on the very thread that would be blocked.
            may_block: ours,
            #[cfg(feature = "client")]
            client: SharedClient::new(self.options.client.clone()),
        };
        let report = run_drivers(&Arc::new(opening), self.drivers, ready).await;
        if ours {
            stream.close().await;
        }
        tracing::info!("stopped: {report}");
        report.into_result()
    }
}

async fn run_drivers(
    opening: &Arc<Opening>,
    drivers: Vec<Driver>,
    ready: oneshot::Sender<Started>,
) -> DrainReport {
    let (starts, runs): (Vec<_>, Vec<_>) = drivers
        .into_iter()
        .map(|driver| {
            let (started, start) = oneshot::channel();
            let name = driver.options().name.clone();
            let run = tokio::spawn(opening.clone().run(driver, started));
            // One that cannot start drops its end of the channel.
            let start = start.map({
                let name = name.clone();
                |started| started.ok().map(|()| name)
            });
            let report = run.map(|ended| ended.unwrap_or_else(|error| broken(name, error)));
            (start, report)
        })
        .unzip();
    let announce = async {
        let started: Started = join_all(starts).await.into_iter().flatten().collect();
        if !started.is_empty() {
            // Nobody may be waiting any more.
            let _heard = ready.send(started);
        }
    };
    let ((), drivers) = tokio::join!(announce, join_all(runs));
    DrainReport { drivers }
}

/// The report of a driver whose task ended with a panic of the runtime's own.
fn broken(driver: String, error: tokio::task::JoinError) -> DriverReport {
    let error =
        Error::new(ErrorCode::Internal, "the driver's worker ended early").with_source(error);
    tracing::error!(driver, %error, "a driver stops");
    DriverReport { driver, error: Some(error), ..DriverReport::default() }
}
