//! Times as they cross: milliseconds, negative for ever.

use std::time::Duration;

/// So long that it never comes.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);

pub(crate) fn milliseconds(ms: i64) -> Duration {
    u64::try_from(ms).map_or(FOR_EVER, Duration::from_millis).min(FOR_EVER)
}

/// Whole milliseconds, as many as there is room for.
pub(crate) fn to_milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
