//! What is done at a signal.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A function of ours that is called at a signal.
pub(crate) type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

/// Does what this says, unless it is the system that does it.
pub(crate) unsafe fn call(
    action: &libc::sigaction,
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    match action.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {}
        function if action.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: the flag says that it is such a function.
            let function: Handler = unsafe { std::mem::transmute(function) };
            function(signal, info, context);
        }
        function => {
            // SAFETY: it is such a function without the flag.
            let function: extern "C" fn(c_int) = unsafe { std::mem::transmute(function) };
            function(signal);
        }
    }
}

/// Makes the handler ours, and remembers what was there.
pub(crate) fn take(signal: c_int, ours: Handler, before: &AtomicPtr<libc::sigaction>) {
    let now = action(signal);
    if is(ours, &now) {
        return;
    }
    // SAFETY: what stands there was made by `Box::leak`.
    let known = unsafe { before.load(Ordering::Acquire).as_ref() };
    let same = known.is_some_and(|known| {
        (known.sa_sigaction, known.sa_flags) == (now.sa_sigaction, now.sa_flags)
    });
    if !same {
        // Never freed: the handler may be at the one before.
        before.store(Box::leak(Box::new(now)), Ordering::Release);
    }
    let mut new = now;
    new.sa_sigaction = ours as usize;
    new.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    // SAFETY: the mask is one; the handler does what is allowed in one.
    unsafe {
        libc::sigemptyset(&raw mut new.sa_mask);
        libc::sigaction(signal, &raw const new, ptr::null_mut());
    }
}

/// Has that done again which was done before, unless the program has set something else.
pub(crate) fn put_back(signal: c_int, ours: Handler, before: &AtomicPtr<libc::sigaction>) {
    let before = before.load(Ordering::Acquire);
    if !before.is_null() && is(ours, &action(signal)) {
        // SAFETY: what stands there was made by `Box::leak`, of what the system gave.
        unsafe { libc::sigaction(signal, before, ptr::null_mut()) };
    }
}

/// Whether it is the system that does something at a signal.
pub(crate) fn is_default(signal: c_int) -> bool {
    action(signal).sa_sigaction == libc::SIG_DFL
}

fn action(signal: c_int) -> libc::sigaction {
    let mut now = MaybeUninit::zeroed();
    // SAFETY: the call fills it; where it could fail, zero is the default.
    unsafe {
        libc::sigaction(signal, ptr::null(), now.as_mut_ptr());
        now.assume_init()
    }
}

fn is(ours: Handler, action: &libc::sigaction) -> bool {
    action.sa_sigaction == ours as usize
}
