//! One driver run.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use conveyor_driver::host::{CancelDescriptor, HandedRun, Outcome, RunKey};
use conveyor_driver::{Result, Run};

use crate::error::{conveyor_code, conveyor_error};
use crate::guard::{guarded, needed, or};
use crate::handle::{self, Handle, object};
use crate::queue::Queue;
use crate::resource::Parts;
use crate::text::{conveyor_text, document, give, give_none};
use crate::time::to_milliseconds;
use crate::view::conveyor_str;

/// A driver run that was not completed. Texts of it live until it is. The functions about a run may be
/// called from any thread and by several at once, until it is completed: then the handle is void, and each
/// of them says so.
pub type conveyor_run = u64;

/// A run in the program's hands.
#[derive(Debug)]
pub(crate) struct OpenRun {
    pub(crate) run: Run,
    pub(crate) key: RunKey,
    pub(crate) queue: Arc<Queue>,
    completed: AtomicBool,
    descriptor: OnceLock<CancelDescriptor>,
    pub(crate) parts: OnceLock<Parts>,
}

object!(OpenRun = 3);

impl OpenRun {
    /// Gives a run that was taken a handle.
    pub(crate) fn open(handed: HandedRun, queue: &Arc<Queue>) -> Handle {
        let run = handed.run().clone();
        let key = handed.release();
        let handle = handle::open(Arc::new(Self {
            run,
            key,
            queue: queue.clone(),
            completed: AtomicBool::new(false),
            descriptor: OnceLock::new(),
            parts: OnceLock::new(),
        }));
        queue.taken(key, handle);
        handle
    }

    /// Says what came of it. The handle is void from then on.
    pub(crate) fn complete(run: conveyor_run, outcome: Outcome) -> Result<()> {
        let open = Self::close(run)?;
        open.queue.core().complete(open.key, outcome)
    }

    /// Leaves it to the caller to say what came of it. The handle is void from then on.
    pub(crate) fn close(run: conveyor_run) -> Result<Arc<Self>> {
        let open = handle::close::<Self>(run)?;
        open.completed.store(true, Ordering::Relaxed);
        open.queue.completed(open.key);
        Ok(open)
    }
}

impl Drop for OpenRun {
    fn drop(&mut self) {
        if !self.completed.load(Ordering::Relaxed) {
            // Refused when the queue is gone, too: then nobody wants to know.
            let _completed = self.queue.core().complete(self.key, Outcome::Dropped);
        }
    }
}

fn view(run: conveyor_run, text: impl FnOnce(&Run) -> &str) -> conveyor_str {
    // The text outlives this reference: the table keeps the run until it is completed.
    or(conveyor_str::EMPTY, || {
        handle::get::<OpenRun>(run).ok().map(|open| conveyor_str::of(text(&open.run)))
    })
}

/// The run id, as the control plane sent it: the same for all steps of a pipeline. Empty when the handle is
/// void.
///
/// The text lives until the run is completed. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_id(run: conveyor_run) -> conveyor_str {
    view(run, |run| run.id().as_str())
}

/// What happened: `create` for a new resource or a pipeline's first step, `process` for later steps, or any
/// other name the sender chose. Empty when the handle is void.
///
/// The text lives until the run is completed. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_event(run: conveyor_run) -> conveyor_str {
    view(run, Run::event)
}

/// The resource as JSON text, exactly as it was sent; `conveyor_json_get` finds a value in it. Empty when the
/// handle is void.
///
/// The text lives until the run is completed. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_payload(run: conveyor_run) -> conveyor_str {
    view(run, Run::payload)
}

/// The name of the driver that runs. Empty when the handle is void.
///
/// The text lives until the run is completed. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_driver(run: conveyor_run) -> conveyor_str {
    view(run, Run::driver)
}

/// Which try this is, counted from 1 over all instances and restarts. 0 when the handle is void. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_attempt(run: conveyor_run) -> u32 {
    or(0, || handle::get::<OpenRun>(run).ok().map(|open| open.run.attempt()))
}

/// A value of the resource by its JSON pointer, such as `/name` or `/spec/repository`: text as it is, anything
/// else as JSON. The caller frees `*value` with `conveyor_text_free`.
///
/// `CONVEYOR_E_NOT_FOUND` when there is no such value, and 0 stands in `*value`. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_get(
    run: conveyor_run,
    pointer: conveyor_str,
    value: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut out = Some(needed("value", value)?);
        give_none(out.as_deref_mut());
        let open = handle::get::<OpenRun>(run)?;
        crate::json::give_found(conveyor_str::of(open.run.payload()), pointer, out)
    })
}

/// Whether the run should end early: somebody asked for it, a time limit has passed, the process shuts down or
/// the lease was lost. After `cancel_grace_ms` it is abandoned, and whatever it still says is ignored. True
/// also when the handle is void.
///
/// Costs next to nothing; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_is_cancelled(run: conveyor_run) -> bool {
    or(true, || handle::get::<OpenRun>(run).ok().map(|open| open.run.is_cancelled()))
}

/// Why the run should end early, as JSON: `{"kind": "requested", "reason": "…"}`, `{"kind": "timed_out"}`,
/// `no_progress`, `shutdown` or `lease_lost`. `*reason` is 0 when it should not; else the caller frees it with
/// `conveyor_text_free`. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_cancel_reason(
    run: conveyor_run,
    reason: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut out = Some(needed("reason", reason)?);
        give_none(out.as_deref_mut());
        let open = handle::get::<OpenRun>(run)?;
        if let Some(reason) = open.run.cancel_reason() {
            give(out, || document(&reason));
        }
        Ok(())
    })
}

/// A descriptor that becomes readable when the run should end early, for `poll` and its like. The library
/// owns it: the caller never reads, writes or closes it, and stops waiting for it before the run is completed,
/// which closes it.
///
/// `CONVEYOR_E_INTERNAL` when the system gives none. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_cancel_fd(
    run: conveyor_run,
    fd: Option<&mut MaybeUninit<i32>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let out = needed("fd", fd)?;
        out.write(-1);
        let open = handle::get::<OpenRun>(run)?;
        let descriptor = match open.descriptor.get() {
            Some(descriptor) => descriptor,
            None => {
                let made = CancelDescriptor::new(&open.run)?;
                open.descriptor.get_or_init(|| made)
            }
        };
        out.write(descriptor.as_fd().as_raw_fd());
        Ok(())
    })
}

/// How many milliseconds the run may still last before `run_timeout_ms` has it cancelled; -1 when it has no such
/// limit, 0 when the handle is void. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_time_left_ms(run: conveyor_run) -> i64 {
    or(0, || {
        let open = handle::get::<OpenRun>(run).ok()?;
        Some(open.run.time_left().map_or(-1, to_milliseconds))
    })
}

/// Reports progress, for `progress_timeout_ms`. A log line does so, too. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_progress(
    run: conveyor_run,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        handle::get::<OpenRun>(run)?.run.progress();
        Ok(())
    })
}
