//! Commands as they are run, with real processes.

mod ending;
mod input;
mod output;
mod start;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustix::process::{Pid, test_kill_process, test_kill_process_group};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::error::Result;

/// Longer than anything here takes unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps lines; while shut, it keeps one of each output and waits.
#[derive(Default)]
pub(super) struct Recorder {
    lines: Mutex<Vec<(OutputStream, String)>>,
    shut: AtomicBool,
    changed: Notify,
}

impl Recorder {
    fn shut() -> Self {
        Self { shut: AtomicBool::new(true), ..Self::default() }
    }

    fn open(&self) {
        self.shut.store(false, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    fn of(&self, wanted: OutputStream) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter(|(source, _)| *source == wanted).map(|(_, line)| line.clone()).collect()
    }

    pub(super) fn stdout(&self) -> Vec<String> {
        self.of(OutputStream::Stdout)
    }

    pub(super) fn stderr(&self) -> Vec<String> {
        self.of(OutputStream::Stderr)
    }

    /// Waits until a condition on what was recorded holds.
    async fn until<T>(&self, condition: impl Fn(&Self) -> Option<T>) -> T {
        let found = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(found) = condition(self) {
                    return found;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("the condition never held")
    }

    /// The process that said its pid on the n-th line of stdout.
    async fn pid(&self, n: usize) -> Pid {
        let line = self.until(|sink| sink.stdout().get(n).cloned()).await;
        Pid::from_raw(line.trim().parse().unwrap()).unwrap()
    }
}

impl LineSink for Recorder {
    fn line(&self, source: OutputStream, line: String) -> BoxFuture<'_, ()> {
        async move {
            self.lines.lock().unwrap().push((source, line));
            self.changed.notify_waiters();
            self.until(|sink| (!sink.shut.load(Ordering::SeqCst)).then_some(())).await;
        }
        .boxed()
    }
}

fn shell(script: &str) -> Command {
    Command::new("sh").args(["-c", script])
}

async fn run_with(
    command: &Command,
    sink: &dyn LineSink,
    cancel: &CancellationToken,
) -> Result<ExecOutput> {
    let run = execute(command, PATIENCE, sink, cancel, PLAINLY);
    tokio::time::timeout(PATIENCE, run).await.expect("the command hangs")
}

async fn run(command: &Command) -> (ExecOutput, Recorder) {
    let sink = Recorder::default();
    let output = run_with(command, &sink, &CancellationToken::new()).await.unwrap();
    (output, sink)
}

/// Runs a command that is cancelled once it said a line `ready`.
async fn cancel_when_ready(command: &Command, sink: &Recorder) -> ExecOutput {
    let cancel = CancellationToken::new();
    let ready = async {
        sink.until(|sink| sink.stdout().iter().any(|line| line == "ready").then_some(())).await;
        cancel.cancel();
    };
    tokio::join!(run_with(command, sink, &cancel), ready).0.unwrap()
}

/// Nobody runs in the group; zombies may be left, which the init process has yet to reap.
fn group_is_gone(leader: Pid) -> bool {
    test_kill_process_group(leader) == Err(rustix::io::Errno::SRCH) || !members::listed(leader)
}

fn process_is_gone(pid: Pid) -> bool {
    test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
}

/// Waits for something nobody tells about.
async fn eventually(condition: impl Fn() -> bool) {
    let held = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, held).await.expect("the condition never held");
}
