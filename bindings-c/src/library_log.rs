//! What the library itself says.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::mem::size_of;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use conveyor_driver::host::{LibraryLog, LibraryLogs, RunQueue};
use conveyor_driver::{Error, ErrorCode, Result};

use crate::callbacks::{UserData, conveyor_free_fn};
use crate::error::{conveyor_code, conveyor_error};
use crate::fork;
use crate::guard::{LOGS, calling, guarded, may_wait_for};
use crate::handle::invalid;
use crate::run_log::{conveyor_level, level, number};
use crate::stack;
use crate::text::{conveyor_text, document, give, give_none};
use crate::time::{FOR_EVER, milliseconds};
use crate::view::conveyor_str;

/// A record of what the library itself says. All of it lives for the length of the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct conveyor_log_record {
    /// The size of the structure in the library that is loaded. Later ones may have more behind what is here.
    pub struct_size: usize,
    /// When, in nanoseconds since 1970.
    pub unix_nanos: u64,
    /// How much it matters.
    pub level: conveyor_level,
    /// The part of the library that says it.
    pub target: conveyor_str,
    /// The text.
    pub message: conveyor_str,
    /// Names and values beside it, a JSON object.
    pub fields: conveyor_str,
}

/// Hears what the library itself says; see `conveyor_log_listen`.
pub type conveyor_log_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, record: *const conveyor_log_record)>;

const ROOM: usize = 4_096;
const AT_ONCE: usize = 256;

/// The records of this process, and who hears them.
struct Records {
    logs: LibraryLogs,
    queue: RunQueue,
    listener: Mutex<Option<Listener>>,
}

/// Who hears them.
struct Listener {
    /// The thread's own, to wake it for its end.
    queue: RunQueue,
    thread: JoinHandle<()>,
}

/// Never freed.
static RECORDS: AtomicPtr<Records> = AtomicPtr::new(ptr::null_mut());

/// In a fork, which has not the parent's threads.
pub(crate) fn leave_to_parent() {
    RECORDS.store(ptr::null_mut(), Ordering::Relaxed);
}

/// Those that are kept.
fn kept() -> Option<&'static Records> {
    // SAFETY: what stands there was made by `Box::into_raw` and is never freed.
    unsafe { RECORDS.load(Ordering::Acquire).as_ref() }
}

/// Keeps records of this level and above from now on, in the whole process and its forks.
fn records(least: conveyor_level) -> Result<&'static Records> {
    static ALL: OnceLock<Result<LibraryLogs>> = OnceLock::new();
    fork::watch();
    let least = level(least)?;
    if let Some(kept) = kept() {
        return Ok(kept);
    }
    let logs = ALL.get_or_init(|| {
        let logs = LibraryLogs::new(ROOM);
        logs.install(least).map(|()| logs)
    });
    let logs = logs.clone()?;
    let queue = RunQueue::new();
    queue.attach_library_logs(&logs)?;
    let made = Box::into_raw(Box::new(Records { logs, queue, listener: Mutex::default() }));
    match RECORDS.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: as in `kept`.
        Ok(_) => Ok(unsafe { &*made }),
        Err(other) => {
            // SAFETY: it was made above and nobody else has seen it.
            drop(unsafe { Box::from_raw(made) });
            // SAFETY: as in `kept`.
            Ok(unsafe { &*other })
        }
    }
}

impl Records {
    fn listener(&self) -> MutexGuard<'_, Option<Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has a function hear what the library itself says, on a thread of the library's: that it waits for a stream, that a
/// lease was lost. Records are kept from the first call of this or `conveyor_log_wait` in the process on, of that
/// call's level and above; of the libraries beneath it, warnings and errors alone. When nobody listens, they are
/// not printed anywhere.
///
/// The function may block: 4,096 records wait for it, and further ones are counted and dropped. It may call
/// everything but `conveyor_log_stop`. Its thread has the signal mask of the one that calls this, and as much stack as those of
/// a driver's functions. `free_user_data` (may be null) is called with `user_data` when it will not be called
/// any more; when this fails, the caller still owns `user_data`.
///
/// A fork keeps records of its own, and has no function that listens.
///
/// `CONVEYOR_E_CONFLICT` when a function listens already. From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_log_listen(
    level: conveyor_level,
    function: conveyor_log_fn,
    user_data: *mut c_void,
    free_user_data: conveyor_free_fn,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let function = function.ok_or_else(|| invalid("function", "is null"))?;
        let records = records(level)?;
        let mut listener = records.listener();
        if listener.is_some() {
            return Err(Error::new(ErrorCode::Conflict, "a function listens to the log already"));
        }
        let queue = RunQueue::new();
        queue.attach_library_logs(&records.logs)?;
        let (owned, ears) = (UserData::new(user_data, free_user_data, LOGS), queue.clone());
        let owned = Arc::new(owned);
        let given = owned.clone();
        let thread = stack::thread("conveyor-log".to_owned()).spawn(move || {
            listen(&ears, |record| {
                // SAFETY: the user gave the function to be called so.
                calling(LOGS, || unsafe { function(given.data, record) });
            });
        });
        let thread = thread.map_err(|error| {
            // The caller still owns its data.
            std::mem::forget(owned);
            Error::new(ErrorCode::Internal, "the system gives no thread").with_source(error)
        })?;
        *listener = Some(Listener { queue, thread });
        Ok(())
    })
}

fn listen(queue: &RunQueue, tell: impl Fn(*const conveyor_log_record)) {
    loop {
        let _something = queue.wait_for_notice(FOR_EVER);
        loop {
            let records = queue.take_library_logs(AT_ONCE);
            records.iter().for_each(|record| show(record, &tell));
            if records.len() < AT_ONCE {
                break;
            }
        }
        if queue.is_closed() {
            return;
        }
    }
}

fn show(record: &LibraryLog, tell: &impl Fn(*const conveyor_log_record)) {
    let fields = document(&record.fields);
    tell(&conveyor_log_record {
        struct_size: size_of::<conveyor_log_record>(),
        unix_nanos: record.unix_nanos,
        level: number(record.level),
        target: conveyor_str::of(&record.target),
        message: conveyor_str::of(&record.message),
        fields: conveyor_str::of(&fields),
    });
}

/// Has the function hear what was said so far, and no more of it. Blocks until it has returned for the last time. Nothing
/// happens when none listens.
///
/// `CONVEYOR_E_WOULD_DEADLOCK` in the function itself.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_log_stop(
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        may_wait_for(LOGS)?;
        let Some(stopped) = kept().and_then(|records| records.listener().take()) else {
            return Ok(());
        };
        stopped.queue.close();
        stopped
            .thread
            .join()
            .map_err(|_| Error::new(ErrorCode::Internal, "the thread of the log panicked"))
    })
}

/// The same by asking: blocks until the library has said something, for `timeout_ms` milliseconds at most (negative: for
/// ever). `*records` is a JSON array of up to 256 records (`host.schema.json`, `LibraryLog`), which the caller frees with
/// `conveyor_text_free`; 0 when there are none. With null it takes none: what was said stays for the next call. `level`
/// counts for the first call in the process. Where a function listens too, each record reaches one of the two.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_log_wait(
    level: conveyor_level,
    timeout_ms: i64,
    mut records: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        give_none(records.as_deref_mut());
        let queue = &self::records(level)?.queue;
        let _something = queue.wait_for_notice(milliseconds(timeout_ms));
        if records.is_some() {
            let taken = queue.take_library_logs(AT_ONCE);
            if !taken.is_empty() {
                give(records, || document(&taken));
            }
        }
        Ok(())
    })
}
