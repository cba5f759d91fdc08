//! Points at which a test may stop or kill this process. Without the feature `fault-points` nothing
//! of it is compiled in.

/// Announces that the process is at a named point in the life of an event.
///
/// When the environment says `CONVEYOR_FAULT_POINT=<name>:<n>`, the n-th time that this point is reached
/// the line `at <name>` is written to standard output, and the thread waits for a byte on standard
/// input before it goes on.
#[cfg(feature = "fault-points")]
#[allow(clippy::print_stdout)]
pub(crate) fn reached(name: &str) {
    use std::io::{Read, Write};
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let wanted = std::env::var("CONVEYOR_FAULT_POINT").ok()?;
        let (name, nth) = wanted.split_once(':')?;
        Some((name.to_owned(), nth.parse().ok()?))
    });
    static TIMES: AtomicU64 = AtomicU64::new(0);

    if let Some((wanted, nth)) = &*WANTED
        && wanted == name
        && TIMES.fetch_add(1, Ordering::AcqRel) + 1 == *nth
    {
        println!("at {name}");
        let _flushed = std::io::stdout().flush();
        let _byte = std::io::stdin().read(&mut [0]);
    }
}

#[cfg(not(feature = "fault-points"))]
#[inline(always)]
pub(crate) fn reached(_name: &str) {}

/// Moves the wall clock of this process, as the runtime reads it, by so many nanoseconds.
#[cfg(feature = "fault-points")]
pub fn jump_clock(nanos: i64) {
    JUMPED.fetch_add(nanos, std::sync::atomic::Ordering::AcqRel);
}

#[cfg(feature = "fault-points")]
static JUMPED: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);

/// The wall clock after all jumps.
#[cfg(feature = "fault-points")]
pub(crate) fn jumped(unix_nanos: u64) -> u64 {
    unix_nanos.saturating_add_signed(JUMPED.load(std::sync::atomic::Ordering::Acquire))
}

#[cfg(not(feature = "fault-points"))]
#[inline(always)]
pub(crate) fn jumped(unix_nanos: u64) -> u64 {
    unix_nanos
}
