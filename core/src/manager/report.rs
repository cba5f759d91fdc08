//! What became of the events, as a manager says when it has stopped.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, Result};

/// What a manager did from its start to its end.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct DrainReport {
    /// One report for each driver, in the order they were added.
    pub drivers: Vec<DriverReport>,
}

/// What one driver did. Each event that was taken is counted under exactly one number, for each
/// time that it was taken; only `abandoned`, `late_results` and `log_lines_unsent` are counted
/// beside that.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct DriverReport {
    /// The driver's name.
    pub driver: String,
    /// Answered with a good result.
    pub succeeded: u64,
    /// Answered with a failed result.
    pub failed: u64,
    /// Answered with a failed result because somebody had the run cancelled.
    pub cancelled: u64,
    /// Answered with a failed result because the run took too long or made no progress.
    pub timed_out: u64,
    /// Given back to be tried again later.
    pub retried: u64,
    /// Not wanted by the driver's `events`.
    pub ignored: u64,
    /// Answered before; acknowledged again.
    pub answered_before: u64,
    /// Could not be read; kept in the stream `dead-letters`.
    pub dead_lettered: u64,
    /// Delivered more than `max_deliveries` times without an answer: answered with a failed result and
    /// kept in the stream `dead-letters`.
    pub poisoned: u64,
    /// Given back, to be run by another instance or later: because of the shutdown, because the host
    /// gave the run up, because only a newer instance handles the resource type, or because an
    /// abandoned run of the same resource still works.
    pub given_back: u64,
    /// Left to another instance because the server could not be told in time that the run goes on.
    pub lease_lost: u64,
    /// How often reconcile was called.
    pub runs: u64,
    /// Of those cancelled for any reason: runs that did not end within `cancel_grace_ms`.
    pub abandoned: u64,
    /// Of those abandoned: runs that came to an end later. What they said was ignored.
    pub late_results: u64,
    /// Log lines that could not be stored before the end.
    pub log_lines_unsent: u64,
    /// Why the driver stopped by itself.
    pub error: Option<Error>,
}

impl DrainReport {
    /// The drivers' error when all of them had to stop by themselves.
    pub(super) fn into_result(mut self) -> Result<Self> {
        let all_failed = self.drivers.iter().all(|driver| driver.error.is_some());
        match self.drivers.first_mut().and_then(|first| first.error.take()) {
            Some(error) if all_failed => Err(error),
            error => {
                if let Some(first) = self.drivers.first_mut() {
                    first.error = error;
                }
                Ok(self)
            }
        }
    }
}

impl fmt::Display for DrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, driver) in self.drivers.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            driver.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for DriverReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} succeeded, {} failed", self.driver, self.succeeded, self.failed)?;
        for (count, what) in [
            (self.cancelled, "cancelled"),
            (self.timed_out, "timed out"),
            (self.retried, "to be tried again"),
            (self.ignored, "ignored"),
            (self.answered_before, "answered before"),
            (self.dead_lettered, "to dead-letters"),
            (self.poisoned, "given up"),
            (self.given_back, "given back"),
            (self.lease_lost, "left to another instance"),
            (self.abandoned, "abandoned"),
            (self.late_results, "ended too late"),
            (self.log_lines_unsent, "log lines not stored"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        if let Some(error) = &self.error {
            write!(f, ", stopped by {error}")?;
        }
        Ok(())
    }
}

/// How the handling of one delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Succeeded,
    Failed,
    Cancelled { abandoned: bool },
    TimedOut { abandoned: bool },
    Retried,
    Ignored,
    AnsweredBefore,
    DeadLettered,
    Poisoned,
    GivenBack { abandoned: bool },
    LeaseLost { abandoned: bool },
}

impl End {
    /// Whether the event has its answer, so that a redelivery needs none.
    pub(super) const fn is_answered(self) -> bool {
        match self {
            Self::Succeeded
            | Self::Failed
            | Self::Cancelled { .. }
            | Self::TimedOut { .. }
            | Self::Poisoned => true,
            Self::Retried
            | Self::Ignored
            | Self::AnsweredBefore
            | Self::DeadLettered
            | Self::GivenBack { .. }
            | Self::LeaseLost { .. } => false,
        }
    }

    /// Whether the event was answered with a failed result.
    pub(super) const fn is_failed_answer(self) -> bool {
        self.is_answered() && !matches!(self, Self::Succeeded)
    }

    pub(super) const fn abandoned(self) -> bool {
        match self {
            Self::Cancelled { abandoned }
            | Self::TimedOut { abandoned }
            | Self::GivenBack { abandoned }
            | Self::LeaseLost { abandoned } => abandoned,
            Self::Succeeded
            | Self::Failed
            | Self::Retried
            | Self::Ignored
            | Self::AnsweredBefore
            | Self::DeadLettered
            | Self::Poisoned => false,
        }
    }
}

impl DriverReport {
    pub(super) fn count(&mut self, end: End) {
        let number = match end {
            End::Succeeded => &mut self.succeeded,
            End::Failed => &mut self.failed,
            End::Cancelled { .. } => &mut self.cancelled,
            End::TimedOut { .. } => &mut self.timed_out,
            End::Retried => &mut self.retried,
            End::Ignored => &mut self.ignored,
            End::AnsweredBefore => &mut self.answered_before,
            End::DeadLettered => &mut self.dead_lettered,
            End::Poisoned => &mut self.poisoned,
            End::GivenBack { .. } => &mut self.given_back,
            End::LeaseLost { .. } => &mut self.lease_lost,
        };
        *number += 1;
        self.abandoned += u64::from(end.abandoned());
    }
}
