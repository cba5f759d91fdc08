//! Where runs wait for a program that takes them itself.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conveyor_driver::host::{ManagerState, RunKey, RunQueue};
use conveyor_driver::{Error, ErrorCode, Result};

use crate::error::{conveyor_code, conveyor_error};
use crate::guard::{Out, guarded, needed, put};
use crate::handle::{self, Spread, invalid, object};
use crate::run::{OpenRun, conveyor_run};
use crate::text;
use crate::time::milliseconds;

/// Where runs wait until the program takes them, for drivers that are added with it; see `conveyor_queue_new`.
pub type conveyor_queue = u64;

/// A queue, and the handles of its runs that are in the program's hands.
#[derive(Debug)]
pub(crate) struct Queue {
    core: RunQueue,
    runs: Mutex<Runs>,
}

type Runs = HashMap<RunKey, conveyor_run, BuildHasherDefault<Spread>>;

object!(Queue = 2);

impl Queue {
    pub(crate) fn new(core: RunQueue) -> Arc<Self> {
        Arc::new(Self { core, runs: Mutex::default() })
    }

    pub(crate) const fn core(&self) -> &RunQueue {
        &self.core
    }

    pub(crate) fn taken(&self, key: RunKey, run: conveyor_run) {
        self.runs().insert(key, run);
    }

    pub(crate) fn completed(&self, key: RunKey) {
        self.runs().remove(&key);
    }

    /// The handle of a run that was taken; nothing when it was completed meanwhile.
    pub(crate) fn run(&self, key: RunKey) -> Option<conveyor_run> {
        loop {
            let found = self.runs().get(&key).copied();
            if found.is_some() || !self.core.is_open(key) {
                return found;
            }
            // A thread is between taking it and giving it its handle, or between voiding that and completing it.
            std::thread::yield_now();
        }
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.core.close();
    }
}

/// How far a manager is: `CONVEYOR_STATE_NEW` to `CONVEYOR_STATE_ENDED`. It only ever moves on, and may pass over states.
pub type conveyor_state = i32;

/// Nothing is new.
pub const CONVEYOR_STATE_UNCHANGED: conveyor_state = 0;
/// Not started.
pub const CONVEYOR_STATE_NEW: conveyor_state = 1;
/// It connects, and waits for its streams and consumers.
pub const CONVEYOR_STATE_STARTING: conveyor_state = 2;
/// Its drivers receive events.
pub const CONVEYOR_STATE_RUNNING: conveyor_state = 3;
/// It was asked to stop, and takes no more events.
pub const CONVEYOR_STATE_DRAINING: conveyor_state = 4;
/// All is over: it has its report, or the error that it ended with.
pub const CONVEYOR_STATE_ENDED: conveyor_state = 5;

pub(crate) fn state_number(state: ManagerState) -> Result<conveyor_state> {
    Ok(match state {
        ManagerState::New => CONVEYOR_STATE_NEW,
        ManagerState::Starting => CONVEYOR_STATE_STARTING,
        ManagerState::Running => CONVEYOR_STATE_RUNNING,
        ManagerState::Draining => CONVEYOR_STATE_DRAINING,
        ManagerState::Ended => CONVEYOR_STATE_ENDED,
        _ => return Err(Error::new(ErrorCode::Internal, "the manager is in an unknown state")),
    })
}

/// Makes a queue, for programs with threads or an event loop of their own. The caller frees it with
/// `conveyor_queue_free`.
///
/// The program is woken in one of two ways: a thread waits in `conveyor_queue_wait`, or with `with_descriptor` an event
/// loop waits until `conveyor_queue_wake_fd` is readable. Then it takes all there is:
///
///     conveyor_queue_take            runs, until it gives fewer than there is room for
///     conveyor_queue_take_cancelled  runs in its hands that should end early
///     conveyor_queue_take_accepted   tickets of conveyor_run_log_later, if it uses that
///     conveyor_queue_take_state      how far the manager is; ended, there will be no more runs. That the queue was
///                                    closed, too
///
/// and has each run done in its own way, and completed. Where several threads take runs, each of them waits in
/// `conveyor_queue_next` and one more in `conveyor_queue_wait_for_notice` for all the rest.
///
/// From any thread, as are all functions about queues; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_queue_new(
    with_descriptor: bool,
    queue: Option<&mut MaybeUninit<conveyor_queue>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let out = needed("queue", queue)?;
        out.write(0);
        let made = if with_descriptor { RunQueue::with_descriptor()? } else { RunQueue::new() };
        out.write(handle::open(Queue::new(made)));
        Ok(())
    })
}

/// The descriptor that is readable exactly while there is something to take. The library owns it: the caller
/// only waits for it, and never reads, writes or closes it. It is closed once the queue and the managers of its
/// drivers are freed, and the runs taken from it completed. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_queue_wake_fd(
    queue: conveyor_queue,
    fd: Option<&mut MaybeUninit<i32>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let out = needed("fd", fd)?;
        out.write(-1);
        let queue = handle::get::<Queue>(queue)?;
        let found = queue
            .core
            .wake_fd()
            .ok_or_else(|| invalid("queue", "has no descriptor: it was made without"))?;
        out.write(found.as_raw_fd());
        Ok(())
    })
}

/// Blocks until there is something to take, for `timeout_ms` milliseconds at most; negative: for ever. `*something`
/// (may be null) says whether there is.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_queue_wait(
    queue: conveyor_queue,
    timeout_ms: i64,
    something: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    wait(queue, timeout_ms, something, error, RunQueue::wait)
}

/// The same where other threads take the runs: blocks until there is anything but a run to take.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_queue_wait_for_notice(
    queue: conveyor_queue,
    timeout_ms: i64,
    something: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    wait(queue, timeout_ms, something, error, RunQueue::wait_for_notice)
}

fn wait(
    queue: conveyor_queue,
    timeout_ms: i64,
    something: Out<'_, bool>,
    error: Out<'_, conveyor_error>,
    wait: fn(&RunQueue, std::time::Duration) -> bool,
) -> conveyor_code {
    guarded(error, || {
        let mut something = something;
        put(something.as_deref_mut(), false);
        let core = handle::get::<Queue>(queue)?.core.clone();
        put(something, wait(&core, milliseconds(timeout_ms)));
        Ok(())
    })
}

/// Blocks until there is a run, for `timeout_ms` milliseconds at most (negative: for ever), and takes it. `*run` is 0
/// when none came, and when the queue is closed.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_queue_next(
    queue: conveyor_queue,
    timeout_ms: i64,
    run: Option<&mut MaybeUninit<conveyor_run>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let out = needed("run", run)?;
        out.write(0);
        let queue = handle::get::<Queue>(queue)?;
        if let Some(handed) = queue.core.next(milliseconds(timeout_ms)) {
            out.write(OpenRun::open(handed, &queue));
        }
        Ok(())
    })
}

/// Says that nobody will take runs any more. Those that wait are given back, and the drivers of the queue stop. Threads
/// in `conveyor_queue_next` return. Notices can still be taken, and this is one: it wakes once, and
/// `conveyor_queue_take_state` takes it. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_queue_close(
    queue: conveyor_queue,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        handle::get::<Queue>(queue)?.core.close();
        Ok(())
    })
}

/// Closes a queue and frees it. Runs that were taken from it can still be completed. 0 is allowed;
/// `CONVEYOR_E_CLOSED` for what was freed before. No thread may wait for its descriptor any more. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_queue_free(queue: conveyor_queue) -> conveyor_code {
    guarded(None, || {
        if queue != 0 {
            // Wakes those that wait, too.
            handle::get::<Queue>(queue)?.core.close();
        }
        text::free::<Queue>(queue)
    })
}
