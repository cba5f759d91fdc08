//! The driver `git_build`: a process of its own, or where there is no server, part of this one.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use conveyor_driver::RunningManager;
use conveyor_driver::stream::EventStream;
use conveyor_driver::subject::MESSAGES_STREAM;
use conveyor_driver_examples::git_build;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::Fallible;

const READY_WITHIN: Duration = Duration::from_secs(20);
const STOP_WITHIN: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A driver that takes events.
#[derive(Debug)]
pub(crate) enum RunningDriver {
    Process(Box<DriverProcess>),
    InProcess(RunningManager),
}

impl RunningDriver {
    /// Returns only when the driver has ended by itself, with what it said.
    pub(crate) async fn ended(&mut self) -> Box<dyn Error + Send + Sync> {
        match self {
            Self::Process(process) => match process.child.wait().await {
                Ok(status) => process.ended_early(status).into(),
                Err(error) => error.into(),
            },
            Self::InProcess(_) => pending().await,
        }
    }

    /// Ends the driver, in a hurry without letting its run finish, and says who that was.
    pub(crate) async fn stop(self, in_a_hurry: bool) -> String {
        match self {
            Self::Process(process) => process.stop(in_a_hurry).await,
            Self::InProcess(manager) => {
                let stop = manager.stop_handle();
                if in_a_hurry {
                    stop.end_now()
                } else {
                    stop.drain()
                }
                match manager.wait().await {
                    Ok(report) => report.to_string(),
                    Err(error) => error.to_string(),
                }
            }
        }
    }
}

/// The program `git_build`, in its own process group: Ctrl-C in the terminal does not reach it, and
/// the demo decides when it ends.
#[derive(Debug)]
pub(crate) struct DriverProcess {
    child: Child,
    program: PathBuf,
    log: PathBuf,
}

impl DriverProcess {
    /// Starts the program beside this one, its temporary files in `folder`.
    pub(crate) fn start(url: &str, folder: &Path) -> Fallible<Self> {
        let program = std::env::current_exe()?.with_file_name("git_build");
        let log = folder.join("git_build.log");
        let mut command = Command::new(&program);
        // What connects other drivers of this user elsewhere is not for this one.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CONVEYOR_") {
                command.env_remove(name);
            }
        }
        let child = command
            .env("CONVEYOR_NATS_URL", url)
            .env("TMPDIR", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                let cure = "cargo build --package conveyor-driver-examples";
                format!("cannot start {}: {error}; `{cure}` makes it", program.display())
            })?;
        Ok(Self { child, program, log })
    }

    /// Returns once the driver has its consumer: what is posted from then on reaches it.
    pub(crate) async fn ready(&mut self, stream: &dyn EventStream) -> Fallible<()> {
        let deadline = Instant::now() + READY_WITHIN;
        while stream.consumer(MESSAGES_STREAM, git_build::NAME).await?.is_none() {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.ended_early(status).into());
            }
            if Instant::now() >= deadline {
                return Err(format!("git_build was not ready in time:\n{}", self.said()).into());
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    fn ended_early(&self, status: std::process::ExitStatus) -> String {
        format!("git_build ended early, {status}:\n{}", self.said())
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    async fn stop(mut self, in_a_hurry: bool) -> String {
        self.signal(Signal::TERM);
        if in_a_hurry {
            // The second signal ends runs at once. Another one, since two of a kind may become one.
            self.signal(Signal::INT);
        }
        match timeout(STOP_WITHIN, self.child.wait()).await {
            Ok(Ok(status)) => format!("git_build ({status})"),
            // It is killed when it is dropped.
            Ok(Err(_)) | Err(_) => "git_build (killed)".to_owned(),
        }
    }

    fn signal(&self, signal: Signal) {
        // There is no id once the child was waited for, so no stranger is hit.
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It fails when the process ends meanwhile, which is what is wanted.
            let _ended = kill_process(pid, signal);
        }
    }
}

impl fmt::Display for DriverProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, program, log) = (git_build::NAME, self.program.display(), self.log.display());
        write!(f, "{name} ({program}), ")?;
        if let Some(id) = self.child.id() {
            write!(f, "process {id}, ")?;
        }
        write!(f, "log in {log}")
    }
}
