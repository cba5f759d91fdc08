//! A driver's process, to be held, killed and told.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::actor::{Book, SETTINGS, Settings};
use super::history::Deed;

/// How long a process may take to get to a point, or to end.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running driver.
#[derive(Debug)]
pub struct DriverProcess {
    child: Child,
    pid: u32,
    said: Lines<BufReader<ChildStdout>>,
    book: Arc<Book>,
    killed: bool,
    told: bool,
}

impl DriverProcess {
    /// Starts one that is held at a point of the core when one is given, as `<name>:<n>`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(
        program: &Path,
        url: &str,
        settings: &Settings,
        point: Option<&str>,
        log: &Path,
        book: Arc<Book>,
    ) -> Self {
        let log = File::options().create(true).append(true).open(log).expect("a log");
        let mut command = Command::new(program);
        command
            .arg("driver")
            .env("CONVEYOR_NATS_URL", url)
            .env(SETTINGS, serde_json::to_string(settings).unwrap())
            .env_remove("CONVEYOR_FAULT_POINT")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        if let Some(point) = point {
            command.env("CONVEYOR_FAULT_POINT", point);
        }
        let mut child = command.spawn().expect("a driver process");
        let pid = child.id().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, pid, said, book, killed: false, told: false }
    }

    /// Its process id.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until it is held at its point. False when it never was.
    pub async fn at_point(&mut self) -> bool {
        let said = timeout(DEADLINE, self.said.next_line()).await;
        let at = matches!(said, Ok(Ok(Some(line))) if line.starts_with("at "));
        if at {
            self.book.note(self.pid, Deed::Frozen);
        }
        at
    }

    /// Lets it go on from its point.
    pub async fn go_on(&mut self) {
        if let Some(input) = &mut self.child.stdin {
            let _gone = input.write_all(b"\n").await;
        }
        self.book.note(self.pid, Deed::Thawed);
    }

    /// Kills it.
    pub async fn kill(&mut self) {
        self.book.note(self.pid, Deed::Killed);
        self.killed = true;
        let _gone = self.child.kill().await;
    }

    /// Whether it was killed by the harness.
    #[must_use]
    pub const fn was_killed(&self) -> bool {
        self.killed
    }

    /// Stops it in its tracks.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        self.book.note(self.pid, Deed::Frozen);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.book.note(self.pid, Deed::Thawed);
        self.signal(Signal::CONT);
    }

    /// Tells it to drain. Once: a second time would end it at once.
    pub fn tell(&mut self) {
        if !self.told {
            self.told = true;
            self.book.note(self.pid, Deed::Told);
            self.signal(Signal::TERM);
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Notes that it killed itself.
    pub fn note_death(&self) {
        self.book.note(self.pid, Deed::Killed);
    }

    /// Waits for its end. One that has `begun` no run may have been told before it listened, and
    /// then the signal ends it.
    ///
    /// # Errors
    /// When it does not end, or ends otherwise than in order.
    pub async fn ended(&mut self, begun: bool) -> Result<(), String> {
        let early = |status: ExitStatus| !begun && status.signal() == Some(Signal::TERM.as_raw());
        match timeout(DEADLINE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() || early(status) => Ok(()),
            Ok(status) => Err(format!("driver {} ended with {status:?}", self.pid)),
            Err(_) => Err(format!("driver {} did not end in {DEADLINE:?}", self.pid)),
        }
    }

    fn signal(&self, signal: Signal) {
        if self.child.id().is_some()
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            let _gone = kill_process(pid, signal);
        }
    }
}
