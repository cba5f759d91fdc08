//! Noticing that a group's leader has ended, without reaping it.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
#[cfg(target_os = "linux")]
use rustix::process::{PidfdFlags, pidfd_open};
#[cfg(target_os = "linux")]
use tokio::io::{Interest, unix::AsyncFd};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for the end of a child that stays a zombie.
///
/// While it is one, its pid, which is also the group's, cannot be given to another process: the
/// group can be signalled without the danger of hitting a stranger.
pub(super) struct LeaderExit {
    leader: Pid,
    wake: Wake,
}

enum Wake {
    /// Readable when the process has ended. Unlike SIGCHLD it cannot be taken away by the program
    /// this library lives in: Node replaces the handler of that signal.
    #[cfg(target_os = "linux")]
    Pidfd(AsyncFd<OwnedFd>),
    /// Where there is no pidfd. Looks from time to time as well, in case the handler was replaced.
    Child(Signal),
}

impl LeaderExit {
    pub(super) fn watch(leader: Pid) -> io::Result<Self> {
        Ok(Self { leader, wake: Wake::on(leader)? })
    }

    /// Returns once the leader is a zombie. Safe to drop and call again.
    ///
    /// Fails when someone else reaped it, or if the runtime shuts down.
    pub(super) async fn wait(&mut self) -> io::Result<()> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(self.leader), options) {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => self.wake.next().await?,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Wake {
    fn on(leader: Pid) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Ok(fd) = pidfd_open(leader, PidfdFlags::empty()) {
            // Deprecated for what does not own its descriptor; an `OwnedFd` keeps it open and the
            // same, which is all that its unsafe successor asks for.
            #[allow(deprecated)]
            return AsyncFd::with_interest(fd, Interest::READABLE).map(Self::Pidfd);
        }
        #[cfg(not(target_os = "linux"))]
        let _unused = leader;
        signal(SignalKind::child()).map(Self::Child)
    }

    async fn next(&mut self) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Pidfd(fd) => fd.readable().await?.clear_ready(),
            Self::Child(signal) => {
                const LOOK: std::time::Duration = std::time::Duration::from_millis(100);
                let _either = tokio::time::timeout(LOOK, signal.recv()).await;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn without_a_pidfd_the_end_is_noticed_too() {
        let wake = Wake::Child(signal(SignalKind::child()).unwrap());
        let mut child = tokio::process::Command::new("true").spawn().unwrap();
        let leader = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
        let mut exit = LeaderExit { leader, wake };
        for _ in 0..2 {
            tokio::time::timeout(Duration::from_secs(30), exit.wait()).await.unwrap().unwrap();
        }
        assert!(child.try_wait().unwrap().unwrap().success());
        assert!(exit.wait().await.is_err());
    }
}
