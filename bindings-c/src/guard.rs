//! What every function of the interface has around it, and every call of the user's functions.

use std::any::Any;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use conveyor_driver::{Error, ErrorCode, Result};

use crate::error::{self, CONVEYOR_OK, conveyor_code, conveyor_error};
use crate::handle::{Handle, invalid};

/// Where a function writes what it returns beside its code.
pub(crate) type Out<'a, T> = Option<&'a mut MaybeUninit<T>>;

/// Does the work of a function, and makes of its error a code and a detail object.
pub(crate) fn guarded(
    detail: Out<'_, conveyor_error>,
    work: impl FnOnce() -> Result<()>,
) -> conveyor_code {
    let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(&*panic)));
    match done {
        Ok(()) => {
            put(detail, 0);
            CONVEYOR_OK
        }
        Err(error) => {
            let code = error.code() as conveyor_code;
            if let Some(detail) = detail {
                detail.write(error::open(&error));
            }
            code
        }
    }
}

/// The same for what has no code: a panic comes to the fallback.
pub(crate) fn or<T>(fallback: T, work: impl FnOnce() -> Option<T>) -> T {
    catch_unwind(AssertUnwindSafe(work)).ok().flatten().unwrap_or(fallback)
}

/// Writes what the caller wants to know, if it does.
pub(crate) fn put<T>(out: Out<'_, T>, value: T) {
    if let Some(out) = out {
        out.write(value);
    }
}

/// Where to write what the caller has to take.
pub(crate) fn needed<'a, T>(name: &str, out: Out<'a, T>) -> Result<&'a mut MaybeUninit<T>> {
    out.ok_or_else(|| invalid(name, "is null"))
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Error::new(ErrorCode::Internal, "the library panicked")
        .with_context("panic", text.unwrap_or_default())
}

thread_local! {
    /// The manager that has a function of the user's called on this thread; `LOGS` for the library's logs.
    static CALLER: Cell<Handle> = const { Cell::new(NOBODY) };
}

const NOBODY: Handle = 0;

/// No manager's handle.
pub(crate) const LOGS: Handle = 1;

/// Calls a function of the user's for a manager.
pub(crate) fn calling<T>(caller: Handle, function: impl FnOnce() -> T) -> T {
    let before = CALLER.replace(caller);
    let returned = function();
    CALLER.set(before);
    returned
}

/// `WouldDeadlock` within a function that this manager calls. Nobody calls for a manager that is none.
pub(crate) fn may_wait_for(caller: Handle) -> Result<()> {
    if caller == NOBODY || CALLER.get() != caller {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::WouldDeadlock,
        "this call waits for the function that it is made from; make it from another thread",
    ))
}
