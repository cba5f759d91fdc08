//! Why a run should end early, and how it learns of it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// Why a run should end early. As a document: `{"kind": "requested", "reason": "…"}`, and
/// `{"kind": "timed_out"}` for a kind without a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "reason", rename_all = "snake_case")]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum CancelReason {
    /// Somebody asked for it, for this reason. The event is answered with a failed result.
    Requested(
        /// Why, for people; may be empty.
        String,
    ),
    /// It lasted longer than `run_timeout_ms`. The event is answered with a failed result.
    TimedOut,
    /// It wrote no line and reported no progress for `progress_timeout_ms`. The event is answered
    /// with a failed result.
    NoProgress,
    /// The process shuts down. The event is given back.
    Shutdown,
    /// The server could not be told in time that the run goes on: the event may already be with
    /// another instance, and is left to it.
    LeaseLost,
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested(reason) if reason.is_empty() => f.write_str("cancelled on request"),
            Self::Requested(reason) => write!(f, "cancelled on request: {reason}"),
            Self::TimedOut => f.write_str("the run took longer than it may"),
            Self::NoProgress => f.write_str("the run made no progress for longer than it may"),
            Self::Shutdown => f.write_str("the driver shuts down"),
            Self::LeaseLost => f.write_str("the lease could not be renewed in time"),
        }
    }
}

/// One run's cancellation. The first reason stands.
#[derive(Clone, Debug)]
pub(crate) struct Cancellation {
    token: CancellationToken,
    reason: Arc<OnceLock<CancelReason>>,
}

impl Cancellation {
    /// Also fires, as a shutdown, when `all` does.
    pub(crate) fn below(all: &CancellationToken) -> Self {
        Self { token: all.child_token(), reason: Arc::default() }
    }

    /// False when it had fired before.
    pub(crate) fn cancel(&self, reason: CancelReason) -> bool {
        let first = !self.token.is_cancelled() && self.reason.set(reason).is_ok();
        self.token.cancel();
        first
    }

    pub(crate) const fn token(&self) -> &CancellationToken {
        &self.token
    }

    pub(crate) fn reason(&self) -> Option<CancelReason> {
        self.token
            .is_cancelled()
            .then(|| self.reason.get().cloned().unwrap_or(CancelReason::Shutdown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stands() {
        let all = CancellationToken::new();
        let run = Cancellation::below(&all);
        assert_eq!(run.reason(), None);
        assert!(run.cancel(CancelReason::TimedOut));
        assert!(!run.cancel(CancelReason::LeaseLost));
        all.cancel();
        assert_eq!(run.reason(), Some(CancelReason::TimedOut));
    }

    #[test]
    fn what_cancels_all_is_a_shutdown() {
        let all = CancellationToken::new();
        let run = Cancellation::below(&all);
        all.cancel();
        assert_eq!(run.reason(), Some(CancelReason::Shutdown));
        assert!(!run.cancel(CancelReason::TimedOut));
        assert_eq!(run.reason(), Some(CancelReason::Shutdown));
    }
}
