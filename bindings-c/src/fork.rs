//! Noticing that this process is a fork of the one that the library was used in.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Once, OnceLock};

use conveyor_driver::Result;
use conveyor_driver::host::HomeProcess;

static EPOCH: AtomicU8 = AtomicU8::new(0);
static HOME: OnceLock<HomeProcess> = OnceLock::new();

/// How many forks lie between this process and the first that used the library, in four bits.
pub(crate) fn epoch() -> u64 {
    u64::from(EPOCH.load(Ordering::Relaxed)) & 0xf
}

/// Has the next fork noticed.
pub(crate) fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        HOME.get_or_init(HomeProcess::here);
        // SAFETY: the handler does what is allowed in the child of a process with threads: it stores to
        // atomics and sets what is done at a signal.
        unsafe {
            libc::pthread_atfork(None, None, Some(in_child));
        }
    });
}

/// `Forked`, for what was made before the fork.
pub(crate) fn check() -> Result<()> {
    HOME.get().map_or(Ok(()), |home| home.check())
}

extern "C" fn in_child() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
    crate::handle::leave_to_parent();
    crate::interrupt::leave_to_parent();
    crate::library_log::leave_to_parent();
}
