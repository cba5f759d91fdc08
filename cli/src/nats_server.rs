//! A `nats-server` of our own: found, started on a free loopback port, stopped with its owner.

use std::path::{Path, PathBuf};
use std::time::Duration;

use conveyor_driver::{Error, ErrorCode, Result};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

mod options;
mod process;
mod program;
mod readiness;

pub use options::NatsServerOptions;
pub use program::NatsProgram;

use process::Process;

/// How long an orderly stop may take before the process is killed.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait before the port that was ours is tried again.
const PORT_RETRY: Duration = Duration::from_millis(100);

/// A running `nats-server` that listens on the loopback address only.
///
/// The process has its own process group, so that Ctrl-C in the terminal reaches the owner alone,
/// and the owner decides when the server stops. It is killed when this value is dropped and when
/// the owner dies without dropping it.
///
/// Waiting for the server uses tokio's clock: do not use it in a test with paused time.
#[derive(Debug)]
pub struct NatsServer {
    // Dropped first: the process must be gone before its store is removed.
    process: Option<Process>,
    program: NatsProgram,
    options: NatsServerOptions,
    port: u16,
    store: Store,
}

#[derive(Debug)]
enum Store {
    Temporary(TempDir),
    Given(PathBuf),
}

impl Store {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Given(folder) => folder,
        }
    }
}

impl NatsServer {
    /// Starts a server with JetStream, its store in a temporary folder, and waits until it is
    /// ready.
    ///
    /// # Errors
    /// As [`start_with`](Self::start_with).
    pub async fn start() -> Result<Self> {
        Self::start_with(NatsServerOptions::default()).await
    }

    /// Starts a server as the options say and waits until it is ready.
    ///
    /// # Errors
    /// `Unavailable` when there is no `nats-server`, or it ends or does not become ready in time;
    /// the context holds the last lines of its log. `Unsupported` when all that was found is older
    /// than 2.10.
    pub async fn start_with(options: NatsServerOptions) -> Result<Self> {
        let program = match &options.program {
            Some(path) => NatsProgram::at(path).await?,
            None => NatsProgram::find().await?,
        };
        let store = match &options.store {
            Some(folder) => {
                std::fs::create_dir_all(folder).map_err(|error| folder_fault(folder, error))?;
                Store::Given(folder.clone())
            }
            None => Store::Temporary(
                tempfile::Builder::new()
                    .prefix("nats-server-")
                    .tempdir()
                    .map_err(|error| folder_fault(&std::env::temp_dir(), error))?,
            ),
        };
        let mut server = Self { process: None, program, port: 0, options, store };
        let deadline = Instant::now() + server.options.start_timeout;
        server.launch(server.options.port, deadline).await?;
        Ok(server)
    }

    /// The address for clients: `nats://127.0.0.1:<port>`. The same after a restart.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port for clients. The same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The program that runs.
    #[must_use]
    pub fn program(&self) -> &NatsProgram {
        &self.program
    }

    /// The folder that holds streams and log. A temporary one is removed with this value.
    #[must_use]
    pub fn store(&self) -> &Path {
        self.store.path()
    }

    /// The server's log, in the store folder; it goes on over restarts.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.options.log_in(self.store())
    }

    /// The process id, while the server was not stopped by its owner.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Whether the process is there; a paused one is.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// Waits until the process has ended without its owner's doing.
    ///
    /// # Errors
    /// `Internal` when the system does not tell of ends.
    pub async fn ended(&self) -> Result<()> {
        let mut ends = signal(SignalKind::child()).map_err(|error| {
            Error::new(ErrorCode::Internal, "cannot listen for SIGCHLD").with_source(error)
        })?;
        while !self.process.as_ref().is_none_or(Process::has_ended) {
            ends.recv().await;
        }
        Ok(())
    }

    /// The last lines of its log.
    #[must_use]
    pub fn last_log_lines(&self) -> String {
        process::last_lines(&self.log())
    }

    /// Asks the server to end and waits for it, then kills it. Streams survive. Nothing happens
    /// when it does not run.
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::TERM);
            // A paused process would see the request only once it goes on.
            process.signal(Signal::CONT);
            process.ended_within(STOP_WITHIN).await;
        }
    }

    /// Kills the server at once, as a crash would. Nothing happens when it does not run.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops the process in its tracks: connections stay open and nothing is answered.
    pub fn pause(&mut self) {
        if let Some(process) = &mut self.process {
            process.pause();
        }
    }

    /// Lets a paused process go on.
    pub fn resume(&mut self) {
        if let Some(process) = &mut self.process {
            process.signal(Signal::CONT);
        }
    }

    /// Starts the server anew on the same port and store, after an orderly stop if it still runs.
    ///
    /// # Errors
    /// `Unavailable` when it does not become ready in time, with the last lines of its log.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await;
        let deadline = Instant::now() + self.options.start_timeout;
        loop {
            // Between the two lives any process may have been given the port, a client that was
            // trying to reconnect to it among them; such a use is short.
            match self.launch(Some(self.port), deadline).await {
                Err(_) if Instant::now() + PORT_RETRY < deadline => {
                    tokio::time::sleep(PORT_RETRY).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn launch(&mut self, port: Option<u16>, deadline: Instant) -> Result<()> {
        let folder = self.store.path();
        let launch =
            self.options.write_files(folder, port).map_err(|error| folder_fault(folder, error))?;
        let log = launch.log.clone();
        let mut process = Process::spawn(self.program.path(), &launch).map_err(|error| {
            Error::new(ErrorCode::Unavailable, "cannot start nats-server")
                .with_context("program", self.program.path().display())
                .with_source(error)
        })?;
        let waits_for_tls = self.options.config.contains("handshake_first");
        self.port = readiness::wait(&mut process, &launch.ports, waits_for_tls, deadline)
            .await
            .map_err(|reason| {
                Error::new(ErrorCode::Unavailable, reason)
                    .with_context("program", self.program.path().display())
                    .with_context("log", process::last_lines(&log))
            })?;
        self.process = Some(process);
        Ok(())
    }
}

fn folder_fault(folder: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorCode::Unavailable, "cannot use the folder for nats-server's files")
        .with_context("folder", folder.display())
        .with_context("cure", "give a folder that can be written, with room left")
        .with_source(error)
}
