//! How a command ended.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use serde::{Serialize, Serializer};

/// How a command ended. Its output went to the run's log.
///
/// `Display` is one line: `exited with 3 after 1.2 s`, `ended by SIGKILL after 10.0 s, cancelled`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ExecOutput {
    /// The exit code, when the command exited by itself.
    pub code: Option<i32>,
    /// The number of the signal that ended the command, when one did.
    pub signal: Option<i32>,
    /// From the start of the command to its end. In a document `duration_ms`, in milliseconds.
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    #[cfg_attr(feature = "contract", schemars(with = "u64"))]
    pub duration: Duration,
    /// Whether the command was told to end because its run was cancelled. It may still have exited
    /// with a code of its own.
    pub cancelled: bool,
}

impl ExecOutput {
    pub(super) fn new(status: ExitStatus, duration: Duration, cancelled: bool) -> Self {
        Self { code: status.code(), signal: status.signal(), duration, cancelled }
    }

    /// Whether the command did its work: it exited with 0 and was not cancelled.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0) && !self.cancelled
    }
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl fmt::Display for ExecOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exited with {code}")?,
            (None, Some(signal)) => match signal_name(signal) {
                Some(name) => write!(f, "ended by {name}")?,
                None => write!(f, "ended by signal {signal}")?,
            },
            (None, None) => f.write_str("ended")?,
        }
        let (seconds, millis) = (self.duration.as_secs(), self.duration.subsec_millis());
        match seconds {
            0 => write!(f, " after {millis} ms")?,
            1..60 => write!(f, " after {seconds}.{} s", millis / 100)?,
            60..3600 => write!(f, " after {} min {} s", seconds / 60, seconds % 60)?,
            _ => write!(f, " after {} h {} min", seconds / 3600, seconds % 3600 / 60)?,
        }
        if self.cancelled { f.write_str(", cancelled") } else { Ok(()) }
    }
}

fn signal_name(number: i32) -> Option<&'static str> {
    const NAMES: [(Signal, &str); 19] = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::XFSZ, "SIGXFSZ"),
        (Signal::VTALARM, "SIGVTALRM"),
        (Signal::SYS, "SIGSYS"),
    ];
    NAMES.iter().find(|(signal, _)| signal.as_raw() == number).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn output(code: Option<i32>, signal: Option<i32>, millis: u64) -> ExecOutput {
        ExecOutput { code, signal, duration: Duration::from_millis(millis), cancelled: false }
    }

    #[test]
    fn it_reads_well() {
        let kill = Some(Signal::KILL.as_raw());
        assert_eq!(output(Some(3), None, 1_234).to_string(), "exited with 3 after 1.2 s");
        assert_eq!(output(None, kill, 125_000).to_string(), "ended by SIGKILL after 2 min 5 s");
        assert_eq!(
            output(None, Some(62), 4_000_000).to_string(),
            "ended by signal 62 after 1 h 6 min"
        );
        let cancelled = ExecOutput { cancelled: true, ..output(Some(0), None, 12) };
        assert_eq!(cancelled.to_string(), "exited with 0 after 12 ms, cancelled");
    }

    #[test]
    fn only_an_undisturbed_zero_is_success() {
        assert!(output(Some(0), None, 1).success());
        assert!(!output(Some(1), None, 1).success());
        assert!(!output(None, Some(9), 1).success());
        assert!(!ExecOutput { cancelled: true, ..output(Some(0), None, 1) }.success());
    }

    #[test]
    fn as_a_document_it_names_the_unit() {
        assert_eq!(
            serde_json::to_value(output(Some(3), None, 1_234)).unwrap(),
            json!({"code": 3, "signal": null, "duration_ms": 1234, "cancelled": false})
        );
    }
}
