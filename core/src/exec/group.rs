//! The process group of a command.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::Child;
use tokio::time::{Instant, sleep};

use super::members::anyone_runs;

/// How long a process may take to be gone after SIGKILL before nobody waits any more.
const KILL_WAIT: Duration = Duration::from_secs(1);

/// The longest time between two looks at a group that is ending.
const LOOK: Duration = Duration::from_millis(50);

/// A command's process group. Dropped before its end, it is killed.
///
/// A group's number is free for others once the leader is reaped and the members are gone, so the
/// leader is reaped as late as possible, and after that a signal follows a look at once.
pub(super) struct Group {
    leader: Pid,
    child: Option<Child>,
    hold: Hold,
    terminated: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq)]
enum Hold {
    /// The leader is not reaped: the number is this group's for sure.
    Leader,
    /// The leader is reaped, others may be left.
    Members,
    /// Nobody is left, or nobody who can be ended.
    Nobody,
}

impl Group {
    /// Takes a child that was started as the leader of its own group and not yet waited for.
    pub(super) fn of(child: Child) -> io::Result<Self> {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let leader = leader.ok_or_else(|| io::Error::other("the child was waited for"))?;
        Ok(Self { leader, child: Some(child), hold: Hold::Leader, terminated: None })
    }

    pub(super) fn leader(&self) -> Pid {
        self.leader
    }

    /// Asks all to end, once.
    pub(super) fn terminate(&mut self) {
        if self.terminated.is_none() {
            self.terminated = Some(Instant::now());
            self.signal(Signal::TERM);
            // A stopped process would not see it.
            self.signal(Signal::CONT);
        }
    }

    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Reaps the leader, which must have ended, and ends all who are left: SIGTERM unless it was
    /// sent before, SIGKILL after the grace.
    pub(super) async fn end(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        self.terminate();
        let status = self.reap()?;
        let left = |since: Option<Instant>| {
            grace.saturating_sub(since.map_or(Duration::MAX, |since| since.elapsed()))
        };
        if !vanished(self.leader, left(self.terminated)).await {
            self.kill();
            if !vanished(self.leader, KILL_WAIT).await {
                tracing::warn!(group = self.leader.as_raw_pid(), "processes outlive SIGKILL");
            }
        }
        self.hold = Hold::Nobody;
        Ok(status)
    }

    fn reap(&mut self) -> io::Result<ExitStatus> {
        let child = self.child.as_mut().ok_or_else(|| io::Error::other("no child"))?;
        let status = child.try_wait()?.ok_or_else(|| io::Error::other("the child still runs"))?;
        self.hold = Hold::Members;
        Ok(status)
    }

    fn signal(&self, signal: Signal) {
        if self.hold != Hold::Nobody {
            // Fails only when nobody is left.
            let _gone = kill_process_group(self.leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.hold == Hold::Nobody
            || (self.hold == Hold::Members && test_kill_process_group(self.leader).is_err())
        {
            return;
        }
        self.kill();
        let leader = self.leader;
        // Without a runtime the child is reaped when tokio next looks for orphans.
        if let (Some(mut child), Ok(runtime)) =
            (self.child.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(async move {
                let _status = child.wait().await;
                vanished(leader, KILL_WAIT).await
            });
        }
    }
}

/// Waits until nobody runs in a group whose leader is reaped; false when the time is over first.
async fn vanished(leader: Pid, limit: Duration) -> bool {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    // Most often there is nobody, which needs no list of processes.
    while test_kill_process_group(leader).is_ok() {
        // A list of processes takes too long for a thread that others share.
        let runs = tokio::task::spawn_blocking(move || anyone_runs(leader));
        if !runs.await.unwrap_or(true) {
            return true;
        }
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            return false;
        }
        sleep(pause.min(left)).await;
        pause = LOOK.min(pause * 2);
    }
    true
}
