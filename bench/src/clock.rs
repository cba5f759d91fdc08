//! The clock that all processes of a machine share.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// `CLOCK_MONOTONIC` in microseconds.
#[must_use]
pub fn monotonic_us() -> i64 {
    micros(clock_gettime(ClockId::Monotonic))
}

/// What makes a time of the wall clock, such as the server's, one of [`monotonic_us`].
#[must_use]
pub(crate) fn wall_to_monotonic_us() -> i64 {
    monotonic_us() - micros(clock_gettime(ClockId::Realtime))
}

/// The CPU that all threads of this process have had, in microseconds.
#[must_use]
pub(crate) fn process_cpu_us() -> i64 {
    micros(clock_gettime(ClockId::ProcessCPUTime))
}

fn micros(time: Timespec) -> i64 {
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}
