//! SIGINT and SIGTERM while a log line holds up the thread of the event loop: Node tells of signals by the loop, which
//! cannot hear them then.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::time::Duration;

use napi_derive::napi;

/// How often a thread that is held looks whether a signal came.
pub(crate) const LOOK_UP: Duration = Duration::from_millis(50);

static WATCHED: [Watched; 2] =
    [Watched::new(libc::SIGINT, "SIGINT"), Watched::new(libc::SIGTERM, "SIGTERM")];

thread_local! {
    /// Whether this thread's managers stop at signals. The main thread's, that is: no other has any.
    static HEEDED: Cell<bool> = const { Cell::new(false) };
}

struct Watched {
    signal: c_int,
    name: &'static str,
    /// How often it came, and JavaScript does not know.
    came: AtomicU32,
    /// What Node does at it.
    before: AtomicPtr<libc::sigaction>,
}

impl Watched {
    const fn new(signal: c_int, name: &'static str) -> Self {
        Self { signal, name, came: AtomicU32::new(0), before: AtomicPtr::new(ptr::null_mut()) }
    }
}

/// Says whether the managers of this thread stop at signals.
#[napi]
pub(crate) fn heed_signals(heed: bool) {
    HEEDED.set(heed);
}

/// The names of the signals that came while a line waited, each as often as it came. The event loop will tell
/// of them as well.
#[napi]
pub(crate) fn heard_signals() -> Vec<String> {
    let times = |watched: &Watched| watched.came.swap(0, Ordering::AcqRel) as usize;
    WATCHED
        .iter()
        .flat_map(|watched| std::iter::repeat_n(watched.name.to_owned(), times(watched)))
        .collect()
}

/// Hears the signals of this process until it is dropped, where they are heeded. Node does what it does all the
/// same.
pub(crate) struct Hearing {
    replaced: [Option<Box<libc::sigaction>>; 2],
}

impl Hearing {
    pub(crate) fn new() -> Self {
        let replaced = if HEEDED.get() { WATCHED.each_ref().map(replace) } else { [None, None] };
        Self { replaced }
    }

    /// # Errors
    /// When a signal came.
    pub(crate) fn look_up(&self) -> Result<(), Signalled> {
        let came = |(watched, replaced): (&Watched, &Option<_>)| {
            replaced.is_some() && watched.came.load(Ordering::Acquire) > 0
        };
        if WATCHED.iter().zip(&self.replaced).any(came) { Err(Signalled) } else { Ok(()) }
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        for (watched, before) in WATCHED.iter().zip(&self.replaced) {
            if let Some(before) = before {
                // SAFETY: what sigaction gave is given back to it.
                unsafe { libc::sigaction(watched.signal, &raw const **before, ptr::null_mut()) };
            }
        }
    }
}

/// A signal came.
#[derive(Debug)]
pub(crate) struct Signalled;

/// Puts our handler in the place of Node's, which is the only one that it finds: this thread is Node's main one.
fn replace(watched: &Watched) -> Option<Box<libc::sigaction>> {
    // SAFETY: a `sigaction` is plain data, for which zeros are valid.
    let mut before: Box<libc::sigaction> = unsafe { Box::new(std::mem::zeroed()) };
    // SAFETY: it only asks, and writes to what is ours.
    if unsafe { libc::sigaction(watched.signal, ptr::null(), &raw mut *before) } != 0 {
        return None;
    }
    if matches!(before.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN) {
        return None;
    }
    // A handler may still be at the one of the last time, so none is freed; there is hardly ever a second.
    let known = watched.before.load(Ordering::Acquire);
    // SAFETY: it is null, or was made below, and is never freed or changed.
    let known = unsafe { known.as_ref() };
    let same = |known: &libc::sigaction| {
        known.sa_sigaction == before.sa_sigaction && known.sa_flags == before.sa_flags
    };
    if !known.is_some_and(same) {
        watched.before.store(Box::into_raw(before.clone()), Ordering::Release);
    }
    let mut ours = *before;
    ours.sa_flags |= libc::SA_SIGINFO;
    ours.sa_sigaction = hear as *const () as libc::sighandler_t;
    // SAFETY: the handler does only what a handler may do, and has the form that SA_SIGINFO asks for.
    let set = unsafe { libc::sigaction(watched.signal, &raw const ours, ptr::null_mut()) };
    (set == 0).then_some(before)
}

/// On any thread: counts, and goes on to Node.
extern "C" fn hear(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(watched) = WATCHED.iter().find(|watched| watched.signal == signal) else { return };
    watched.came.fetch_add(1, Ordering::AcqRel);
    let before = watched.before.load(Ordering::Acquire);
    if before.is_null() {
        return;
    }
    // SAFETY: it is set before this handler is, and never freed.
    let before = unsafe { &*before };
    if before.sa_flags & libc::SA_SIGINFO == 0 {
        // SAFETY: a handler without SA_SIGINFO has this form; it is no constant, see `replace`.
        let call: extern "C" fn(c_int) = unsafe { std::mem::transmute(before.sa_sigaction) };
        call(signal);
    } else {
        // SAFETY: with SA_SIGINFO it has this form.
        let call: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
            unsafe { std::mem::transmute(before.sa_sigaction) };
        call(signal, info, context);
    }
}
