//! Commands run as part of a driver run: their output line by line, their whole process group ended
//! with the run.
//!
//! - **No shell.** The program is started directly and each argument reaches it as it is. For a
//!   shell, name one: `Command::new("sh").args(["-c", script])`.
//! - **Output** comes line by line while the command runs, stdout and stderr each in order. Bytes
//!   that are not UTF-8 become `U+FFFD`, `\r\n` counts as one line end, empty lines and a last line
//!   without a line end are kept, and a line of more than 256 KiB goes on as the next line. When the
//!   log is full the pipes fill and the command waits; nothing is dropped.
//! - **Cancellation** sends SIGTERM to the command and all it started (its process group), and
//!   SIGKILL after the grace.
//! - **When the command has ended**, processes it left behind have their output read as long as it
//!   keeps coming, for a few seconds at most; then they are ended the same way. What should outlive
//!   its command must leave the group (`setsid`) and close the inherited output.
//! - **When the run is abandoned** in the middle, the group is killed at once.
//! - **Signals** that the thread blocks which starts the command are blocked in it, unless the host has it
//!   otherwise. SIGPIPE ends it.
//! - **Input** is empty unless given. A command that does not read it all is no error.
//! - **As a driver**: [`reconcile`] has a command do the whole work of a run.
//!
//! Commands live in real time. Under tokio's paused clock a timer fires as soon as the runtime is
//! idle, which it is while a command runs: graces and run timeouts then end at once.

mod command;
mod exit;
mod group;
mod launch;
mod lines;
mod members;
mod output;
mod pump;
mod reconcile;
mod run_files;
mod supervise;
#[cfg(test)]
mod tests;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::process::Command as Process;

pub use command::Command;
pub use output::ExecOutput;
pub use reconcile::{RETRY_EXIT_CODE, reconcile};
pub(crate) use supervise::execute;

/// What a host has around the call that starts a process. It is given the process, and that call: a process
/// inherits from its thread, such as which signals are blocked, unless the host has it otherwise.
pub type Spawning<'a> = &'a (dyn Fn(&mut Process, &mut dyn FnMut(&mut Process)) + Sync);

/// Nothing around it.
pub(crate) const PLAINLY: Spawning<'static> = &|process, spawn| spawn(process);

/// Which of a command's outputs a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Takes the lines of a command.
///
/// No more of that output is read until the future is done, so a sink that waits makes the command
/// wait. Lines of the two outputs may be handed over at the same time.
pub(crate) trait LineSink: Send + Sync {
    fn line(&self, source: OutputStream, line: String) -> BoxFuture<'_, ()>;
}
