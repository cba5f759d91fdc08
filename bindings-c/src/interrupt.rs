//! SIGINT and SIGTERM, which drain the managers that listen and at the second time end them.
//!
//! Once no manager listens any more, both do what they did before: a program that goes on can be ended by them.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::{PipeWriter, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use conveyor_driver::host::ManagerState;
use conveyor_driver::{Error, ErrorCode, HostManager, Result, StopHandle};

use crate::disposition;
use crate::fork;
use crate::signals::Masked;

const SIGNALS: [(c_int, &str); 2] = [(libc::SIGINT, "SIGINT"), (libc::SIGTERM, "SIGTERM")];

/// That of this process, once a manager has listened. It is never freed: the handler may be at it.
static WATCH: AtomicPtr<Watch> = AtomicPtr::new(ptr::null_mut());

struct Watch {
    /// Those that listen, or have. While there are some, the handler is ours.
    listeners: Mutex<Vec<Listener>>,
    listening: AtomicBool,
    came: [AtomicBool; 2],
    /// What was done at a signal before.
    before: [AtomicPtr<libc::sigaction>; 2],
    /// The thread that is at what was done before, which may come back here.
    there: [AtomicUsize; 2],
    wake: PipeWriter,
}

struct Listener {
    stop: StopHandle,
    manager: Weak<OnceLock<HostManager>>,
}

/// Has both signals stop this manager until its end.
pub(crate) fn listen(manager: &Arc<OnceLock<HostManager>>, stop: &StopHandle) -> Result<()> {
    fork::watch();
    let watch = watch()?;
    let mut listeners = watch.listeners();
    watch.listening.store(true, Ordering::Release);
    if listeners.is_empty() {
        SIGNALS
            .iter()
            .zip(&watch.before)
            .for_each(|((signal, _), before)| disposition::take(*signal, hear, before));
    }
    listeners.push(Listener { stop: stop.clone(), manager: Arc::downgrade(manager) });
    Ok(())
}

/// A manager may have ended.
pub(crate) fn release() {
    if let Some(watch) = here() {
        watch.release(&mut watch.listeners());
    }
}

/// In a fork, where nobody listens: what is there belongs to the parent.
pub(crate) fn leave_to_parent() {
    if let Some(watch) = here() {
        watch.put_back();
        WATCH.store(ptr::null_mut(), Ordering::Relaxed);
    }
}

fn here() -> Option<&'static Watch> {
    // SAFETY: what stands there was made by `Box::leak`.
    unsafe { WATCH.load(Ordering::Acquire).as_ref() }
}

fn watch() -> Result<&'static Watch> {
    static MAKING: Mutex<()> = Mutex::new(());
    let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(watch) = here() {
        return Ok(watch);
    }
    let failed = |error| {
        Error::new(ErrorCode::Internal, "cannot listen for SIGINT and SIGTERM").with_source(error)
    };
    let (read, wake) = std::io::pipe().map_err(failed)?;
    // SAFETY: the descriptor is there, and nobody else has it.
    unsafe { libc::fcntl(wake.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    let watch: &'static Watch = Box::leak(Box::new(Watch {
        listeners: Mutex::default(),
        listening: AtomicBool::new(false),
        came: Default::default(),
        before: Default::default(),
        there: Default::default(),
        wake,
    }));
    let _masked = Masked::all();
    let thread = std::thread::Builder::new().name("conveyor-signal".to_owned());
    let read = File::from(OwnedFd::from(read));
    thread.spawn(move || watch.tell(read)).map_err(failed)?;
    WATCH.store(ptr::from_ref(watch).cast_mut(), Ordering::Release);
    Ok(watch)
}

impl Watch {
    /// Has it told.
    fn note(&self, number: usize) {
        self.came[number].store(true, Ordering::Release);
        // SAFETY: errno is this thread's; a write is allowed in a handler, and one that finds no room finds a
        // reader that is awake.
        unsafe {
            let errno = errno();
            let kept = *errno;
            libc::write(self.wake.as_raw_fd(), ptr::from_ref(&1_u8).cast(), 1);
            *errno = kept;
        }
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets those that have ended. With the last the signals are the program's again.
    fn release(&self, listeners: &mut Vec<Listener>) {
        let some = !listeners.is_empty();
        listeners.retain(Listener::listens);
        if some && listeners.is_empty() {
            self.put_back();
            self.listening.store(false, Ordering::Release);
        }
    }

    /// Has done again what was done before.
    fn put_back(&self) {
        for ((signal, _), before) in SIGNALS.iter().zip(&self.before) {
            disposition::put_back(*signal, hear, before);
        }
    }

    /// Tells the managers of each signal.
    fn tell(&self, mut news: File) {
        let mut bytes = [0; 16];
        // The other end is never closed.
        while let Ok(1..) = news.read(&mut bytes) {
            for (number, (signal, name)) in SIGNALS.iter().enumerate() {
                if !self.came[number].swap(false, Ordering::AcqRel) {
                    continue;
                }
                let mut listeners = self.listeners();
                self.release(&mut listeners);
                listeners.iter().for_each(|listener| listener.stop.signalled(name));
                // Else a handler of the program's has heard of it.
                if listeners.is_empty() && disposition::is_default(*signal) {
                    // SAFETY: any signal may be sent to this process.
                    unsafe { libc::kill(libc::getpid(), *signal) };
                }
            }
        }
    }
}

impl Listener {
    fn listens(&self) -> bool {
        let Some(manager) = self.manager.upgrade() else { return false };
        let state = manager.get().map(HostManager::state);
        state.is_some_and(|state| state.is_ok_and(|state| state != ManagerState::Ended))
    }
}

/// Notes a signal, and does what was done at it before.
extern "C" fn hear(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let number = SIGNALS.iter().position(|(known, _)| *known == signal);
    let (Some(watch), Some(number)) = (here(), number) else { return };
    // SAFETY: asks for this thread's number.
    let this = unsafe { libc::pthread_self() } as usize;
    if watch.there[number].swap(this, Ordering::AcqRel) == this {
        return;
    }
    // Else a handler of the program's has passed it on.
    if watch.listening.load(Ordering::Acquire) || disposition::is_default(signal) {
        watch.note(number);
    }
    // SAFETY: what was there before is never freed, and was a handler of its kind.
    unsafe {
        if let Some(before) = watch.before[number].load(Ordering::Acquire).as_ref() {
            disposition::call(before, signal, info, context);
        }
    }
    watch.there[number].store(0, Ordering::Release);
}

#[cfg(target_os = "linux")]
unsafe fn errno() -> *mut c_int {
    // SAFETY: always there.
    unsafe { libc::__errno_location() }
}

#[cfg(not(target_os = "linux"))]
unsafe fn errno() -> *mut c_int {
    // SAFETY: always there.
    unsafe { libc::__error() }
}
