//! The stack of the threads that call the user's functions.

use std::mem::MaybeUninit;
use std::thread::Builder;

const MEGABYTE: u64 = 1 << 20;
/// Where the main thread has no limit.
const USUAL: u64 = 8 * MEGABYTE;
/// What the library needs itself.
const LEAST: u64 = 2 * MEGABYTE;

/// A thread of this name with as much stack as the main thread has: code moves there from a `main`.
pub(crate) fn thread(name: String) -> Builder {
    let bytes = limit().map_or(USUAL, |bytes| bytes.max(LEAST));
    Builder::new().name(name).stack_size(usize::try_from(bytes).unwrap_or(USUAL as usize))
}

fn limit() -> Option<u64> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the call fills the limits when it succeeds, and then alone they are read.
    let limit = unsafe {
        if libc::getrlimit(libc::RLIMIT_STACK, limit.as_mut_ptr()) != 0 {
            return None;
        }
        limit.assume_init()
    };
    (limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}
