//! Processes that a test starts, and what those start in turn.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::sleep;

/// How long processes may take to end.
const DEADLINE: Duration = Duration::from_secs(60);

/// A folder that processes carry the path of, as `TMPDIR`. Those that are left are killed when it is dropped, so
/// that no failed test leaves any behind.
#[derive(Debug)]
pub struct Household {
    folder: TempDir,
}

impl Household {
    /// Without any process yet.
    #[must_use]
    pub fn in_new_folder() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Has what the command starts belong to it.
    pub fn takes_in(&self, command: &mut Command) {
        command.env("TMPDIR", self.path());
    }

    /// The command lines of its processes.
    #[must_use]
    pub fn members(&self) -> Vec<String> {
        processes_of(self.path()).into_iter().map(|(_, line)| line).collect()
    }

    /// Returns once it has no process.
    ///
    /// # Panics
    /// When one does not end in time.
    pub async fn empties(&self) {
        let begun = Instant::now();
        loop {
            let left = self.members();
            if left.is_empty() {
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "{left:?} are left");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Household {
    fn drop(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            let left = processes_of(self.path());
            if left.is_empty() {
                return;
            }
            for (pid, _) in left {
                // It may have ended by itself.
                let _ended = kill_process(pid, Signal::KILL);
            }
            // One that has just been started is seen the next time.
            std::thread::yield_now();
        }
    }
}

/// The processes that carry the path of this folder, and their command lines.
#[must_use]
pub fn processes_of(folder: &Path) -> Vec<(Pid, String)> {
    let path = folder.as_os_str().as_encoded_bytes();
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    processes
        .filter_map(|process| {
            let pid = process.file_name()?.to_str()?.parse().ok().and_then(Pid::from_raw)?;
            let environment = std::fs::read(process.join("environ")).ok()?;
            environment.windows(path.len()).find(|window| *window == path)?;
            let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
            Some((pid, String::from_utf8_lossy(&line).replace('\0', " ")))
        })
        .collect()
}
