//! The server's process: in its own process group, gone when its owner is.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::time::Instant;

use super::options::Launch;

const LAST_LINES: usize = 20;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    // Dropped after the child was killed and reaped.
    _watchdog: Watchdog,
}

impl Process {
    pub(super) fn spawn(program: &Path, launch: &Launch) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg("--config")
            .arg(&launch.config)
            .arg("--ports_file_dir")
            .arg(&launch.ports)
            .stdin(Stdio::null())
            .stdout(launch.log_file.try_clone()?)
            .stderr(launch.log_file.try_clone()?)
            .process_group(0)
            .spawn()?;
        match Watchdog::over(&child) {
            Ok(watchdog) => Ok(Self { child, _watchdog: watchdog }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether it has ended by itself; it is left to be reaped.
    pub(super) fn has_ended(&self) -> bool {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // It fails for one that was reaped.
        pid.is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), look), Ok(None)))
    }

    /// Sends a signal. Looks first: the id of a process that ended may be a stranger's by now.
    pub(super) fn signal(&mut self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw)
            && self.is_running()
        {
            // It fails when the process ends meanwhile, which is no news to the caller.
            let _ended = kill_process(pid, signal);
        }
    }

    /// Stops the process and waits until all its threads have stopped.
    pub(super) fn pause(&mut self) {
        self.signal(Signal::STOP);
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            // Only looks, so that the exit status is still there for `try_wait`.
            let stopped = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            let _gone = waitid(WaitId::Pid(pid), stopped);
        }
    }

    /// Whether the process ended by itself in that time.
    pub(super) async fn ended_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.is_running() {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // Both fail only when the process is gone already.
    let _gone = child.kill();
    let _status = child.wait();
}

/// Kills the server when its owner ends without dropping it, by a signal or by `exit`: the kernel
/// then closes the pipe that the watchdog reads.
#[derive(Debug)]
struct Watchdog(Child);

impl Watchdog {
    fn over(server: &Child) -> io::Result<Self> {
        Command::new("/bin/sh")
            .args(["-c", "read -r _; kill -9 \"$0\""])
            .arg(server.id().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map(Self)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // Killed before its pipe is closed: by now the id it knows may be another process's.
        end(&mut self.0);
    }
}

/// The end of a log, as far as it can be read.
pub(super) fn last_lines(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut lines: Vec<&str> = text.lines().rev().take(LAST_LINES).collect();
    lines.reverse();
    lines.join("\n")
}
