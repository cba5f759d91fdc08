//! What a log stream gives.

use serde::Serialize;

use crate::message::LogEntry;

/// What comes of a log stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum LogEvent {
    /// A line.
    Line {
        /// The line itself.
        entry: LogEntry,
    },
    /// Lines may be missing here. Those that are stored can be queried.
    Gap {
        /// Why.
        reason: GapReason,
    },
}

/// Why lines may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum GapReason {
    /// The connection was lost and made again. The server has sent again what it had stored by then.
    Reconnected,
    /// Something came that is no log line, such as one with line breaks between its members.
    Unreadable,
}
