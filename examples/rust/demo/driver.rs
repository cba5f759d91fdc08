//! Drivers: each a process of its own, or where there is no server, part of this one.

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

    /// Returns once the driver takes events.
    pub(crate) async fn ready(&mut self, stream: &dyn EventStream) -> Fallible<()> {
        match self {
            Self::Process(process) => process.ready(stream).await,
            Self::InProcess(_) => Ok(()),
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

/// The program of a driver.
#[derive(Clone, Debug)]
pub(crate) struct DriverProgram {
    /// The driver's name.
    pub(crate) name: &'static str,
    file: PathBuf,
    /// What runs the file, unless it runs by itself.
    interpreter: Option<PathBuf>,
    /// What makes it.
    cure: &'static str,
}

impl DriverProgram {
    /// `git_build`, in Rust: the program beside this one.
    pub(crate) fn git_build() -> Fallible<Self> {
        let file = std::env::current_exe()?.with_file_name("git_build");
        let cure = "cargo build --package conveyor-driver-examples";
        Ok(Self { name: git_build::NAME, file, interpreter: None, cure })
    }

    /// `build_note`, in Python; nothing where the Python package is not set up.
    pub(crate) async fn build_note() -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
        let python = root.join(".venv/bin/python");
        let mut probe = Command::new(&python);
        probe.args(["-c", "import conveyor_driver"]).stdin(Stdio::null()).stderr(Stdio::null());
        if !probe.status().await.is_ok_and(|status| status.success()) {
            return None;
        }
        let file = root.join("examples/python/build_note.py");
        Some(Self {
            name: "build-note",
            file,
            interpreter: Some(python),
            cure: "scripts/python.sh",
        })
    }

    /// `build_badge`, in TypeScript; nothing where the Node package is not set up.
    pub(crate) async fn build_badge() -> Option<Self> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/build/build_badge.mjs");
        let mut probe = Command::new("node");
        // Imported, and not run: that is what it does as the first argument.
        probe.args(["--input-type=module", "--eval", "await import(process.argv[2])", "probe"]);
        probe.arg(&file).stdout(Stdio::null());
        probe.stdin(Stdio::null()).stderr(Stdio::null());
        if !probe.status().await.is_ok_and(|status| status.success()) {
            return None;
        }
        Some(Self {
            name: "build-badge",
            file,
            interpreter: Some(PathBuf::from("node")),
            cure: "scripts/node.sh",
        })
    }

    /// `build_stamp`, in C; else what is missing.
    pub(crate) fn build_stamp() -> Result<Self, String> {
        Self::built("build-stamp", "c/examples/build_stamp", "scripts/c.sh")
    }

    /// `buildreport`, in Go; else what is missing.
    pub(crate) fn build_report() -> Result<Self, String> {
        Self::built("build-report", "c/go/buildreport", "scripts/go.sh")
    }

    /// A program that a script has put into the folder of what is built.
    fn built(name: &'static str, file: &str, cure: &'static str) -> Result<Self, String> {
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        let file = this.ancestors().nth(2).unwrap_or(Path::new("")).join(file);
        if !file.exists() {
            return Err(format!("{} is not there: without {name} ({cure})", file.display()));
        }
        Ok(Self { name, file, interpreter: None, cure })
    }

    fn command(&self) -> Command {
        match &self.interpreter {
            Some(interpreter) => {
                let mut command = Command::new(interpreter);
                command.arg(&self.file);
                command
            }
            None => Command::new(&self.file),
        }
    }
}

/// A driver in its own process group: Ctrl-C in the terminal does not reach it, and the demo decides
/// when it ends.
#[derive(Debug)]
pub(crate) struct DriverProcess {
    child: Child,
    program: DriverProgram,
    log: PathBuf,
}

impl DriverProcess {
    /// Starts the program, its temporary files in `folder`.
    pub(crate) fn start(program: DriverProgram, url: &str, folder: &Path) -> Fallible<Self> {
        let log = folder.join(format!("{}.log", program.name));
        let mut command = program.command();
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
                let (file, cure) = (program.file.display(), program.cure);
                format!("cannot start {file}: {error}; `{cure}` makes it")
            })?;
        Ok(Self { child, program, log })
    }

    /// Returns once the driver has its consumer: what is posted from then on reaches it.
    async fn ready(&mut self, stream: &dyn EventStream) -> Fallible<()> {
        let deadline = Instant::now() + READY_WITHIN;
        while stream.consumer(MESSAGES_STREAM, self.program.name).await?.is_none() {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.ended_early(status).into());
            }
            if Instant::now() >= deadline {
                let name = self.program.name;
                return Err(format!("{name} was not ready in time:\n{}", self.said()).into());
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    fn ended_early(&self, status: std::process::ExitStatus) -> String {
        format!("{} ended early, {status}:\n{}", self.program.name, self.said())
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
            Ok(Ok(status)) => format!("{} ({status})", self.program.name),
            // It is killed when it is dropped.
            Ok(Err(_)) | Err(_) => format!("{} (killed)", self.program.name),
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
        let (name, log) = (self.program.name, self.log.display());
        write!(f, "{name} ({}), ", self.program.file.display())?;
        if let Some(id) = self.child.id() {
            write!(f, "process {id}, ")?;
        }
        write!(f, "log in {log}")
    }
}
