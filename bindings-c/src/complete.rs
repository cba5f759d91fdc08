//! How a run ends.

use std::borrow::Cow;
use std::ffi::c_int;
use std::mem::MaybeUninit;

use conveyor_driver::host::Outcome;
use conveyor_driver::{DriverResult, Failure, Result};
use serde_json::Value;

use crate::error::{conveyor_code, conveyor_error};
use crate::guard::{Out, guarded};
use crate::handle;
use crate::run::{OpenRun, conveyor_run};
use crate::time::milliseconds;
use crate::view::conveyor_str;

/// Completes a run with a good result: the pipeline goes on. `message` is one line for people. `data` is JSON that
/// later steps may need, or null; keep it small.
///
/// `CONVEYOR_E_ARGUMENT_INVALID` for an argument, and the run is as it was. `CONVEYOR_E_CLOSED` when the run was
/// completed before. From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_succeed(
    run: conveyor_run,
    message: conveyor_str,
    data: conveyor_str,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    end(run, true, message, data, error)
}

/// Completes a run with a failed result: the pipeline stops here. Otherwise as `conveyor_run_succeed`.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_fail(
    run: conveyor_run,
    message: conveyor_str,
    data: conveyor_str,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    end(run, false, message, data, error)
}

fn end(
    run: conveyor_run,
    success: bool,
    message: conveyor_str,
    data: conveyor_str,
    error: Out<'_, conveyor_error>,
) -> conveyor_code {
    guarded(error, || OpenRun::complete(run, ended(success, message, data)?))
}

/// Completes a run with an error that the program caught: a failed result whose message is the first line of
/// `message`, and whose data has the whole under `error`, with `type` and `traceback`. `type` is the error's type
/// in the program's language, `Failed` where it is null; `traceback` and `data` may be null, too. What is not UTF-8 of
/// the three texts becomes U+FFFD, so that no error is lost for its letters. Otherwise as `conveyor_run_succeed`.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_raise(
    run: conveyor_run,
    type_: conveyor_str,
    message: conveyor_str,
    traceback: conveyor_str,
    data: conveyor_str,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || OpenRun::complete(run, raised(type_, message, traceback, data)?))
}

/// Completes a run that should be tried again: its event comes back after `after_ms` milliseconds, or when
/// that is negative, after the delay of the options, which grows with each attempt. After `max_attempts` it is
/// answered with a failed result of this message, of which what is not UTF-8 becomes U+FFFD. Otherwise as
/// `conveyor_run_succeed`.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_retry(
    run: conveyor_run,
    message: conveyor_str,
    after_ms: i64,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || OpenRun::complete(run, retried(message, after_ms)?))
}

/// Gives a run's event back: nobody here will say what came of it, and it is tried again as after a retry.
/// Otherwise as `conveyor_run_succeed`.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_give_back(
    run: conveyor_run,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || OpenRun::complete(run, Outcome::Dropped))
}

pub(crate) fn ended(success: bool, message: conveyor_str, data: conveyor_str) -> Result<Outcome> {
    let message = message.optional("message")?.unwrap_or_default().to_owned();
    let data = data.json("data")?;
    Ok(Outcome::Ended(Ok(DriverResult { success, message, data })))
}

pub(crate) fn raised(
    type_: conveyor_str,
    message: conveyor_str,
    traceback: conveyor_str,
    data: conveyor_str,
) -> Result<Outcome> {
    let kind = type_.repaired("type")?.unwrap_or("Failed".into());
    let message = message.repaired("message")?.unwrap_or_default();
    let traceback = traceback.repaired("traceback")?.map(Cow::into_owned);
    let data = data.json("data")?;
    let mut failure = Failure::of_type(kind, message, traceback);
    if data != Value::Null {
        failure = failure.data(data);
    }
    Ok(Outcome::Ended(Err(failure)))
}

pub(crate) fn retried(message: conveyor_str, after_ms: i64) -> Result<Outcome> {
    let mut failure = Failure::retry(message.repaired("message")?.unwrap_or_default());
    if after_ms >= 0 {
        failure = failure.after(milliseconds(after_ms));
    }
    Ok(Outcome::Ended(Err(failure)))
}

/// Completes a run with what a blocking function returned, unless it did so itself.
pub(crate) fn returned(run: conveyor_run, number: c_int) {
    if handle::get::<OpenRun>(run).is_err() {
        return;
    }
    let ended = if number == 0 {
        Ok(DriverResult::success(""))
    } else {
        Err(Failure::failed(format!("reconcile returned {number}")))
    };
    // Refused when another thread completes it at this moment, which is as good.
    let _completed = OpenRun::complete(run, Outcome::Ended(ended));
}
