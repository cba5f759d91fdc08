//! Why a run should end early, and how it learns of it.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
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

/// One run's cancellation, in two steps: it is asked to end, and abandoned when it does not. The
/// first reason stands.
///
/// The core and the host each watch it in one place at a time, so that a run costs no list of those
/// who wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancellation(Arc<State>);

#[derive(Debug, Default)]
struct State {
    reason: OnceLock<CancelReason>,
    abandoned: AtomicBool,
    /// Made for the first who asks for it, and so is that of the second step.
    token: OnceLock<CancellationToken>,
    abandoned_token: OnceLock<CancellationToken>,
    core: AtomicWaker,
    host: AtomicWaker,
}

impl Cancellation {
    /// Asks the run to end. False when it was asked before.
    pub(crate) fn cancel(&self, reason: CancelReason) -> bool {
        let first = self.0.reason.set(reason).is_ok();
        if first {
            if let Some(token) = self.0.token.get() {
                token.cancel();
            }
            self.0.core.wake();
        }
        first
    }

    pub(crate) fn reason(&self) -> Option<&CancelReason> {
        self.0.reason.get()
    }

    pub(crate) fn token(&self) -> &CancellationToken {
        let token = self.0.token.get_or_init(CancellationToken::new);
        // It may have been asked to end while nobody had the token.
        if self.reason().is_some() {
            token.cancel();
        }
        token
    }

    /// What the run still says is ignored from now on.
    pub(crate) fn abandon(&self) {
        self.0.abandoned.store(true, Ordering::SeqCst);
        if let Some(token) = self.0.abandoned_token.get() {
            token.cancel();
        }
        self.0.host.wake();
    }

    /// Fires when the run is abandoned; for any number of tasks and threads.
    pub(crate) fn abandoned_token(&self) -> &CancellationToken {
        let token = self.0.abandoned_token.get_or_init(CancellationToken::new);
        if self.0.abandoned.load(Ordering::SeqCst) {
            token.cancel();
        }
        token
    }

    /// Has the core look again.
    pub(crate) fn wake_core(&self) {
        self.0.core.wake();
    }

    /// Whoever watches for the core is woken by whatever happens next.
    pub(crate) fn watch_from_core(&self, cx: &Context<'_>) {
        self.0.core.register(cx.waker());
    }

    /// Waits until the run is abandoned; for the one task that it runs in.
    pub(crate) async fn abandoned(&self) {
        poll_fn(|cx| {
            self.0.host.register(cx.waker());
            if self.0.abandoned.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stands() {
        let run = Cancellation::default();
        assert_eq!(run.reason(), None);
        assert!(run.cancel(CancelReason::TimedOut));
        assert!(!run.cancel(CancelReason::LeaseLost));
        assert_eq!(run.reason(), Some(&CancelReason::TimedOut));
    }

    #[test]
    fn the_second_step_fires_whenever_it_is_asked_for() {
        let run = Cancellation::default();
        let early = run.abandoned_token().clone();
        assert!(!early.is_cancelled());
        run.abandon();
        assert!(early.is_cancelled());
        let other = Cancellation::default();
        other.abandon();
        assert!(other.abandoned_token().is_cancelled());
    }

    #[test]
    fn a_token_fires_whenever_it_is_asked_for() {
        let run = Cancellation::default();
        let early = run.token().clone();
        assert!(!early.is_cancelled());
        run.cancel(CancelReason::Shutdown);
        assert!(early.is_cancelled());
        let other = Cancellation::default();
        other.cancel(CancelReason::Shutdown);
        assert!(other.token().is_cancelled());
    }
}
