//! Signals are the program's: no thread of the library takes one, and no write of the library raises one.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// While it lives, this thread takes no signals, and threads that it makes never will.
pub(crate) struct Masked(libc::sigset_t);

impl Masked {
    /// Takes none but those that a fault of its own raises.
    pub(crate) fn all() -> Self {
        let mut set = full();
        for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP] {
            // SAFETY: the set is initialised and the number is a signal's.
            unsafe { libc::sigdelset(&raw mut set, fault) };
        }
        Self::masking(&set)
    }
}

impl Masked {
    /// Whether some were masked before.
    pub(crate) fn were_some(&self) -> bool {
        // SAFETY: the set was filled by the system.
        numbers().any(|signal| unsafe { libc::sigismember(&raw const self.0, signal) } == 1)
    }

    /// Does this as if nothing were masked.
    pub(crate) fn lifted(&self, work: impl FnOnce()) {
        let again = Self::setting(&self.0);
        work();
        drop(again);
    }

    fn setting(set: &libc::sigset_t) -> Self {
        Self::change(libc::SIG_SETMASK, set)
    }

    fn masking(set: &libc::sigset_t) -> Self {
        Self::change(libc::SIG_BLOCK, set)
    }

    fn change(how: libc::c_int, set: &libc::sigset_t) -> Self {
        let mut before = MaybeUninit::uninit();
        // SAFETY: both point to sets, and the call fills the second one. It fails for a wrong first argument
        // alone.
        unsafe {
            libc::pthread_sigmask(how, set, before.as_mut_ptr());
            Self(before.assume_init())
        }
    }
}

impl Drop for Masked {
    fn drop(&mut self) {
        // SAFETY: the set was filled by the system.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
    }
}

/// Does work on a thread of the caller's that may write to a pipe whose reader is gone: that is an error of
/// the write, not the end of the program. What is done with the mask lifted goes on as before.
pub(crate) fn without_sigpipe<T>(work: impl FnOnce(&Masked) -> T) -> T {
    let pipe = only(libc::SIGPIPE);
    let was_pending = is_pending();
    let masked = Masked::masking(&pipe);
    let done = work(&masked);
    if !was_pending && is_pending() {
        // One of ours may wait for the end of the mask.
        take(&pipe);
    }
    drop(masked);
    done
}

#[cfg(not(target_os = "macos"))]
fn take(signals: &libc::sigset_t) {
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: all point to what they should, and nothing is told of the signal.
    unsafe { libc::sigtimedwait(signals, ptr::null_mut(), &raw const at_once) };
}

#[cfg(target_os = "macos")]
fn take(signals: &libc::sigset_t) {
    let mut signal = 0;
    // SAFETY: both point to what they should.
    unsafe { libc::sigwait(signals, &raw mut signal) };
}

fn is_pending() -> bool {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: the call fills the set, which is then read.
    unsafe {
        libc::sigpending(pending.as_mut_ptr());
        libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1
    }
}

/// In a child before it becomes another program: has the signals done at which this program does something itself
/// done as by default, and none blocked.
pub(crate) fn as_in_a_new_process() -> io::Result<()> {
    for signal in numbers() {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: the first call fills what is read when it succeeds, and the other sets what is always allowed.
        unsafe {
            if libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) == 0
                && !matches!(action.assume_init_ref().sa_sigaction, libc::SIG_DFL | libc::SIG_IGN)
            {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
    }
    std::mem::forget(Masked::setting(&empty()));
    Ok(())
}

/// Those that there may be.
fn numbers() -> impl Iterator<Item = libc::c_int> {
    1..=64
}

fn empty() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the call initialises the set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn full() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the call initialises the set.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn only(signal: libc::c_int) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the first call initialises the set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        set.assume_init()
    }
}
