//! The driver manager: the life of every event, from the stream to its answer.
//!
//! 1. [`puller`](self) asks the durable consumer for as many events as there is `room` for.
//! 2. `worker` reads each one, puts it in the lane of its resource and starts it.
//! 3. `life` hands it to the driver's [host](crate::host) through its queue, while `lease` tells the
//!    server that the work goes on.
//! 4. `life` flushes the run's log, `answer` publishes the result and waits until it is stored, and
//!    only then is the event acknowledged.
//! 5. What cannot be read becomes a dead letter; what fails is answered; what is cut short is given
//!    back.
//!
//! All of it runs on a thread of its own that no reconcile can block. Nothing here names a backend.

mod acks;
mod answer;
mod attempt;
mod blocked;
mod consumer;
mod control;
mod core_thread;
mod dead_letter;
mod event;
mod finished;
mod generation;
mod hosted;
mod lanes;
mod lease;
mod life;
mod message_id;
mod opening;
mod parts;
mod progress;
mod puller;
mod pulse;
mod report;
mod room;
mod running;
mod serve;
mod service;
mod settle;
mod signals;
mod stop;
mod worker;

pub use hosted::HostManager;
pub use report::{DrainReport, DriverReport};
pub use running::RunningManager;
pub use signals::StopSignals;
pub use stop::StopHandle;

use std::collections::HashMap;
use std::sync::Arc;

use self::control::InFlight;
use self::serve::{Serve, Source};
use crate::driver::Driver;
use crate::error::{Error, ErrorCode, Result};
use crate::options::{Faults, ManagerOptions};
use crate::stream::SharedStream;

/// Runs drivers: any number, on one connection.
///
/// ```no_run
/// use conveyor_driver::{Driver, DriverManager, DriverResult};
///
/// #[tokio::main]
/// async fn main() -> conveyor_driver::Result<()> {
///     let driver = Driver::new("greeter")
///         .resources(["greeting"])
///         .reconcile(async |_run| Ok(DriverResult::success("done")));
///     let report = DriverManager::default().driver(driver).run().await?;
///     println!("{report}");
///     Ok(())
/// }
/// ```
#[derive(Debug, Default)]
pub struct DriverManager {
    options: ManagerOptions,
    drivers: Vec<Driver>,
    stream: Option<SharedStream>,
    stop: StopHandle,
    in_place: bool,
}

impl DriverManager {
    /// A manager with these options. What they do not give is filled from the environment when it
    /// starts.
    #[must_use]
    pub fn new(options: ManagerOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Adds a driver.
    #[must_use]
    pub fn driver(mut self, driver: Driver) -> Self {
        self.drivers.push(driver);
        self
    }

    /// Uses this event stream and does not connect to any other. The stream stays open afterwards.
    ///
    /// A connection lives on the runtime that it was made on: a reconcile that blocks all threads of
    /// that runtime holds up its own lease. A manager that connects by its options has no such worry.
    #[must_use]
    pub fn stream(mut self, stream: SharedStream) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Runs on the caller's runtime instead of a thread of its own, so that paused time holds for it
    /// too. A reconcile that blocks its thread then holds up everything.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn in_place(mut self) -> Self {
        self.in_place = true;
        self
    }

    /// What stops this manager, before or after it has started.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Runs until it is stopped: by a signal, or through its [`StopHandle`].
    ///
    /// Once it has listened for SIGINT, SIGTERM and [SIGHUP](crate::StopSignals), none ends the process by
    /// itself any more, also when it has ended. A program that lives on sets `signals` to false and listens itself.
    ///
    /// # Errors
    /// As [`start`](Self::start), and the drivers' error when all of them had to stop by
    /// themselves.
    pub async fn run(self) -> Result<DrainReport> {
        let stop = self.stop.clone();
        match self.start().await {
            Ok(running) => running.wait().await,
            // Asked to stop before it was ready, it has stopped as it was asked to.
            Err(error) if error.code() == ErrorCode::Closed && stop.is_draining() => {
                Ok(DrainReport::default())
            }
            Err(error) => Err(error),
        }
    }

    /// Starts, and returns once every driver is ready to receive events. A resource posted from then
    /// on reaches its driver.
    ///
    /// # Errors
    /// `OptionsInvalid` with every fault found. `Unavailable` when the server or its stream
    /// `messages` is not there within `connect_timeout_ms`. `Unauthenticated`, `PermissionDenied`,
    /// `TlsFailed`, `Unsupported`. `Conflict` when a consumer of a driver's name must not be
    /// changed. `Closed` when it was stopped before it was ready.
    ///
    /// One driver that cannot start does not stop the others: its error is logged and reported at
    /// the end. It is returned here when no driver could start.
    pub async fn start(self) -> Result<RunningManager> {
        let in_place = self.in_place;
        RunningManager::start(self.prepare(Arc::default())?, in_place).await
    }

    /// Checks the options and gathers what is needed to run.
    fn prepare(mut self, in_flight: Arc<InFlight>) -> Result<Serve> {
        self.options = self.options.with_environment();
        self.check()?;
        let host = match tokio::runtime::Handle::try_current() {
            Ok(runtime) => Some(runtime),
            Err(error) if self.drivers.iter().any(Driver::needs_runtime) => {
                return Err(Error::new(
                    ErrorCode::Internal,
                    "drivers that are closures start on a tokio runtime only",
                )
                .with_source(error));
            }
            Err(_) => None,
        };
        let name = self.drivers.first().map(|driver| driver.options().name.clone());
        let source = match self.stream {
            Some(stream) => Source::Given(stream),
            None => Source::Connect { default_name: name.unwrap_or_default() },
        };
        Ok(Serve {
            source,
            options: self.options,
            drivers: self.drivers,
            host,
            stop: self.stop,
            in_flight,
        })
    }

    fn check(&self) -> Result<()> {
        let mut faults = Faults::default();
        self.options.check(&mut faults);
        if self.drivers.is_empty() {
            faults.add("drivers", "must hold at least one driver");
        }
        let mut names = HashMap::new();
        for (i, driver) in self.drivers.iter().enumerate() {
            let options = driver.options();
            options.check(&format!("drivers[{i}]"), &mut faults);
            if let Some(first) = names.insert(&options.name, i) {
                faults.add(
                    format!("drivers[{i}].name"),
                    format_args!("is the same as drivers[{first}].name"),
                );
            }
        }
        faults.into_result()
    }
}
