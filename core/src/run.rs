//! What a reconcile is given: one driver run.

use std::fmt;
use std::future::pending;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cancellation::{CancelReason, Cancellation};
#[cfg(feature = "client")]
use crate::client::{Client, SharedClient};
use crate::error::{Error, ErrorCode, Result};
use crate::exec::{self, Command, ExecOutput, LineSink, OutputStream, Spawning};
use crate::logger::{Level, LogLine, RunLog};
use crate::message::{DriverMessage, Resource};
use crate::run_id::RunId;

/// One driver run. Clones are the same run.
#[derive(Clone)]
pub struct Run(Arc<Inner>);

struct Inner {
    message: Arc<DriverMessage>,
    driver: Arc<str>,
    attempt: u32,
    log: RunLog,
    cancellation: Cancellation,
    limits: Limits,
    resource: OnceLock<Resource>,
    #[cfg(feature = "client")]
    client: SharedClient,
}

/// How long a run may take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// How long it may go on once it is cancelled.
    pub(crate) cancel_grace: Duration,
    /// When it is cancelled at the latest.
    pub(crate) deadline: Option<Instant>,
}

impl Run {
    pub(crate) fn new(
        message: Arc<DriverMessage>,
        driver: Arc<str>,
        attempt: u32,
        log: RunLog,
        cancellation: Cancellation,
        limits: Limits,
        #[cfg(feature = "client")] client: SharedClient,
    ) -> Self {
        let resource = OnceLock::new();
        Self(Arc::new(Inner {
            message,
            driver,
            attempt,
            log,
            cancellation,
            limits,
            resource,
            #[cfg(feature = "client")]
            client,
        }))
    }

    /// The run id, as the control plane sent it: the same for all steps of a pipeline.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.0.message.run_id
    }

    /// What happened: `create` for a new resource or a pipeline's first step, `process` for later
    /// steps, or any other name the sender chose.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.0.message.event
    }

    /// The resource as JSON text, exactly as it was sent.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.0.message.payload
    }

    /// The resource, parsed when first asked for.
    ///
    /// # Errors
    /// `MessageInvalid` when it is nested deeper than 128; [`payload`](Self::payload) still has it.
    pub fn resource(&self) -> Result<&Resource> {
        if let Some(resource) = self.0.resource.get() {
            return Ok(resource);
        }
        let resource = Resource::decode(self.payload().as_bytes())?;
        Ok(self.0.resource.get_or_init(|| resource))
    }

    /// Which try this is, counted from 1 over all instances and restarts.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// How long the run may still last before `run_timeout_ms` has it cancelled; nothing when it has no
    /// such limit.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.0.limits.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// The name of the driver that runs.
    #[must_use]
    pub fn driver(&self) -> &str {
        &self.0.driver
    }

    /// Writes a line to the run's log: text for level info, or a [`LogLine`]. Returns once the line
    /// has its place; waits only while the log's buffer is full.
    pub async fn log(&self, line: impl Into<LogLine>) {
        self.0.log.write(line).await;
    }

    /// The run's log, with a method for each level.
    #[must_use]
    pub fn logger(&self) -> &RunLog {
        &self.0.log
    }

    /// Fires when this run should end early; [`cancel_reason`](Self::cancel_reason) says why. After
    /// `cancel_grace_ms` the run is abandoned and whatever it still says is ignored.
    #[must_use]
    pub fn cancellation(&self) -> &CancellationToken {
        self.0.cancellation.token()
    }

    /// Why this run should end early, once it should.
    #[must_use]
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.0.cancellation.reason().cloned()
    }

    pub(crate) fn cancel_grace(&self) -> Duration {
        self.0.limits.cancel_grace
    }

    pub(crate) fn cancel(&self) -> &Cancellation {
        &self.0.cancellation
    }

    /// The client of the Conveyor API: the same for all runs of a manager, made when the first of them
    /// asks for it, from the manager's options `client`.
    ///
    /// # Errors
    /// `OptionsInvalid` when no address was given, `TlsFailed` or `Unsupported` when a certificate or key
    /// cannot be used.
    #[cfg(feature = "client")]
    pub fn client(&self) -> Result<Client> {
        self.0.client.get()
    }

    /// Reports progress, for `progress_timeout_ms`. A log line does so, too.
    pub fn progress(&self) {
        self.0.log.touch();
    }

    /// Whether this run should end early.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancellation.reason().is_some()
    }

    /// Nothing, unless this run should end early.
    ///
    /// # Errors
    /// `Cancelled`: let it end the reconcile, with `?`.
    pub fn check_cancelled(&self) -> Result<()> {
        match self.cancel_reason() {
            None => Ok(()),
            Some(reason) => Err(Error::new(ErrorCode::Cancelled, "the run was cancelled")
                .with_context("run_id", self.id())
                .with_context("reason", reason)),
        }
    }

    /// Runs a command as part of this run: each line of its output goes to the run's log as it
    /// comes, with the label `stream`. When the run is cancelled the command and all that it started
    /// get SIGTERM and, after the command's grace (`cancel_grace_ms` unless it has its own),
    /// SIGKILL. The exit status is data, not an error: a command that fails comes back as `Ok`.
    ///
    /// Commands live in real time; see [`exec`](crate::exec).
    ///
    /// # Errors
    /// `ExecFailed` when it cannot be started, `Cancelled` when the run was cancelled before,
    /// `OptionsInvalid` with each field that no process can be given, such as a variable without a name.
    pub async fn exec(&self, command: &Command) -> Result<ExecOutput> {
        let grace = self.0.limits.cancel_grace;
        exec::execute(command, grace, self, self.cancellation(), exec::PLAINLY).await
    }

    /// The same for a thread of the host's, which it holds until the command has ended. `stop` ends the
    /// command as a cancellation of the run does. When the run is abandoned the command is killed.
    ///
    /// # Errors
    /// As [`exec`](Self::exec). `Cancelled` also when the run was abandoned meanwhile.
    pub fn exec_blocking(&self, command: &Command, stop: &CancellationToken) -> Result<ExecOutput> {
        self.exec_spawning(command, stop, exec::PLAINLY)
    }

    /// The same for a host that has something to do around the start of the process.
    ///
    /// # Errors
    /// As [`exec_blocking`](Self::exec_blocking).
    pub fn exec_spawning(
        &self,
        command: &Command,
        stop: &CancellationToken,
        spawning: Spawning<'_>,
    ) -> Result<ExecOutput> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Error::new(ErrorCode::Internal, "the system gives no runtime").with_source(error)
        })?;
        runtime.block_on(async {
            let cancel = self.cancellation().child_token();
            let stopped = async {
                stop.cancelled().await;
                cancel.cancel();
                pending().await
            };
            tokio::select! {
                biased;
                output = exec::execute(command, self.0.limits.cancel_grace, self, &cancel, spawning) => output,
                () = self.0.cancellation.abandoned_token().cancelled() => {
                    Err(Error::new(ErrorCode::Cancelled, "the run was abandoned during the command")
                        .with_context("program", &command.program))
                }
                output = stopped => output,
            }
        })
    }
}

impl LineSink for Run {
    fn line(&self, source: OutputStream, line: String) -> BoxFuture<'_, ()> {
        let label = match source {
            OutputStream::Stdout => "stdout",
            OutputStream::Stderr => "stderr",
        };
        self.log(LogLine::new(Level::Info, line).label("stream", label)).boxed()
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("id", self.id())
            .field("driver", &self.driver())
            .field("event", &self.event())
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}
