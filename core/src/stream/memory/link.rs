//! The state of one connection.

/// Whether a connection reaches the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Up,
    Cut,
    Closed,
}
