//! How far a manager is.

use serde::Serialize;

/// How far a hosted manager is. Only ever moves on, and may pass over states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[repr(u8)]
#[non_exhaustive]
pub enum ManagerState {
    /// Not started.
    New,
    /// It connects, and waits for its streams and consumers.
    Starting,
    /// Its drivers receive events.
    Running,
    /// It was asked to stop, and takes no more events.
    Draining,
    /// All is over: it has its report, or the error that it ended with.
    Ended,
}

impl ManagerState {
    /// The state's name: `new`, `starting`, `running`, `draining` or `ended`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Ended => "ended",
        }
    }
}
