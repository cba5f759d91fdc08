//! Drivers, each a process of its own.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use conveyor_driver::stream::EventStream;
use conveyor_driver::subject::MESSAGES_STREAM;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use crate::Fallible;
use crate::program::DriverProgram;

const READY_WITHIN: Duration = Duration::from_secs(20);
const STOP_WITHIN: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

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
        // Git hooks have these set, to a repository that is not to be touched.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(name);
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

    /// The driver's name.
    pub(crate) fn name(&self) -> &'static str {
        self.program.name
    }

    /// Returns once the driver has its consumer: what is posted from then on reaches it.
    pub(crate) async fn ready(&mut self, stream: &dyn EventStream) -> Fallible<()> {
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

    /// Returns only when the driver has ended by itself, with what it said.
    pub(crate) async fn ended(&mut self) -> Box<dyn Error + Send + Sync> {
        match self.child.wait().await {
            Ok(status) => self.ended_early(status).into(),
            Err(error) => error.into(),
        }
    }

    fn ended_early(&self, status: ExitStatus) -> String {
        format!("{} ended early, {status}:\n{}", self.program.name, self.said())
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks the driver to end, in a hurry without letting its run finish.
    pub(crate) fn tell_to_stop(&self, in_a_hurry: bool) {
        self.signal(Signal::TERM);
        if in_a_hurry {
            // The second signal ends runs at once. Another one, since two of a kind may become one.
            self.signal(Signal::INT);
        }
    }

    /// Waits for the end that it was told to come to, and says who that was.
    pub(crate) async fn stopped(mut self) -> String {
        match timeout(STOP_WITHIN, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => self.program.name.to_owned(),
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
        let DriverProgram { name, language, file, .. } = &self.program;
        let file = file.file_name().unwrap_or_default().to_string_lossy();
        write!(f, "{name:<8} {language:<11} {file}")?;
        match self.child.id() {
            Some(id) => write!(f, ", process {id}"),
            None => Ok(()),
        }
    }
}
