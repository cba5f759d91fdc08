//! The signals that ask a process to stop: the first drains, the second ends now.

use std::convert::Infallible;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::stop::StopHandle;
use crate::error::{Error, ErrorCode, Result};

/// Hears SIGINT, SIGTERM and, where a closed terminal or a lost connection should end the process, SIGHUP.
///
/// `nohup` and the like start a process with SIGHUP ignored, and so it stays. Where the system does not say
/// whether it is, as outside of Linux, SIGHUP is left as it is, too. It is told once: shell and system may
/// both send one when a terminal closes.
///
/// What listens for a signal in a Rust program does so for as long as the process lives: those that come
/// once this is dropped are lost.
#[derive(Debug)]
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl StopSignals {
    /// Listens from now on.
    ///
    /// # Errors
    /// `Internal` when the system does not let it.
    pub fn listen() -> Result<Self> {
        let listen = |kind, name| {
            signal(kind).map_err(|error| {
                Error::new(ErrorCode::Internal, format!("cannot listen for {name}"))
                    .with_source(error)
            })
        };
        let hangup = hangup_ends().then(|| listen(SignalKind::hangup(), "SIGHUP")).transpose()?;
        Ok(Self {
            interrupt: listen(SignalKind::interrupt(), "SIGINT")?,
            terminate: listen(SignalKind::terminate(), "SIGTERM")?,
            hangup,
        })
    }

    /// The name of the next one. May be dropped and called again.
    pub async fn next(&mut self) -> &'static str {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = hangup => {
                self.hangup = None;
                "SIGHUP"
            }
        }
    }
}

/// Turns signals into stops.
pub(super) async fn watch(stop: StopHandle) -> Result<Infallible> {
    let mut signals = StopSignals::listen()?;
    loop {
        stop.signalled(signals.next().await);
    }
}

/// Whether SIGHUP is known not to be ignored.
fn hangup_ends() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| !ignores_hangup(&status))
}

/// Reads the mask of ignored signals, whose first bit is the first signal's.
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_mask() {
        assert!(ignores_hangup("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"));
        assert!(!ignores_hangup("Name:\tx\nSigIgn:\t0000000000001000\nSigCgt:\t1\n"));
        assert!(ignores_hangup("Name:\tx\n"));
    }
}
