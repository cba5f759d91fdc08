//! The life of a command from start to end.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::exit::LeaderExit;
use super::group::Group;
use super::launch::{failed, launch};
use super::pump::Pump;
use super::{Command, ExecOutput, LineSink, OutputStream, Spawning};
use crate::error::{Error, ErrorCode, Result};

/// Runs a command to its end and leaves nothing of it running.
///
/// Returns when the command and what it left behind have ended and the sink has taken all lines;
/// `cancel` ends the processes even while the sink waits. Dropped before that, it kills them.
///
/// # Errors
/// `OptionsInvalid` when it is no command that a process can be given, `Cancelled` when cancelled before
/// the start: nothing was started. `ExecFailed` when the command cannot be started or its output or end
/// not be observed; then it was killed.
pub(crate) async fn execute(
    command: &Command,
    default_grace: Duration,
    sink: &dyn LineSink,
    cancel: &CancellationToken,
    spawning: Spawning<'_>,
) -> Result<ExecOutput> {
    command.check()?;
    if cancel.is_cancelled() {
        return Err(Error::new(ErrorCode::Cancelled, "the run was cancelled before the command")
            .with_context("program", &command.program));
    }
    let start = Instant::now();
    let grace = command.grace_ms.map_or(default_grace, Duration::from_millis);
    let mut child = launch(command, spawning)?;
    let input = child.stdin.take();
    let mut stdout = Pump::new(child.stdout.take(), OutputStream::Stdout, sink);
    let mut stderr = Pump::new(child.stderr.take(), OutputStream::Stderr, sink);
    let lost = |error: io::Error| {
        let reaped = error.raw_os_error() == Some(rustix::io::Errno::CHILD.raw_os_error());
        let message = if reaped {
            "cannot observe the command: another part of this program reaps its children, or it ignores SIGCHLD"
        } else {
            "cannot observe the command"
        };
        failed(command, message, error)
    };
    let mut group = Group::of(child).map_err(lost)?;
    let mut exit = LeaderExit::watch(group.leader()).map_err(lost)?;
    let progress = Progress::default();

    let life = async {
        let end = supervise(&mut group, &mut exit, grace, cancel, &progress).await;
        if end.is_err() {
            group.kill();
        }
        progress.leader_gone.cancel();
        progress.group_gone.cancel();
        let (status, ended, cancelled) = end?;
        Ok(ExecOutput::new(status, ended.duration_since(start), cancelled))
    };
    let output = async {
        let drained =
            tokio::join!(stdout.read(&progress.leader_gone), stderr.read(&progress.leader_gone));
        progress.drained.cancel();
        let read =
            tokio::join!(stdout.read(&progress.group_gone), stderr.read(&progress.group_gone));
        tokio::join!(stdout.close(), stderr.close());
        drained.0.and(drained.1).and(read.0).and(read.1)
    };
    let input = feed(input, command.stdin.as_deref().unwrap_or_default(), &progress.leader_gone);
    let (life, output, ()) = tokio::join!(life, output, input);
    let ended: ExecOutput = life.map_err(lost)?;
    output.map_err(|error| failed(command, "cannot read the command's output", error))?;
    Ok(ended)
}

/// How far a command has come, for those who read and write its pipes.
#[derive(Default)]
struct Progress {
    leader_gone: CancellationToken,
    drained: CancellationToken,
    group_gone: CancellationToken,
}

/// Sees the leader to its end, then the rest of its group. Tells the leader's status, when it
/// ended, and whether a cancellation came before.
async fn supervise(
    group: &mut Group,
    exit: &mut LeaderExit,
    grace: Duration,
    cancel: &CancellationToken,
    progress: &Progress,
) -> io::Result<(std::process::ExitStatus, Instant, bool)> {
    let cancelled = tokio::select! {
        biased;
        exited = exit.wait() => exited.map(|()| false)?,
        () = cancel.cancelled() => true,
    };
    if cancelled {
        group.terminate();
        match timeout(grace, exit.wait()).await {
            Ok(exited) => exited?,
            Err(_elapsed) => {
                group.kill();
                exit.wait().await?;
            }
        }
    }
    let ended = Instant::now();
    progress.leader_gone.cancel();
    tokio::select! {
        () = progress.drained.cancelled() => {}
        () = cancel.cancelled() => {}
    }
    Ok((group.end(grace).await?, ended, cancelled))
}

/// Writes the input and closes it. A command that ends or does not want it all is no error.
async fn feed(
    pipe: Option<impl AsyncWrite + Unpin>,
    input: &[u8],
    leader_gone: &CancellationToken,
) {
    let Some(mut pipe) = pipe else { return };
    tokio::select! {
        _written = pipe.write_all(input) => {}
        // Someone it left behind may hold the other end and never read.
        () = leader_gone.cancelled() => {}
    }
}
