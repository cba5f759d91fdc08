//! Completing many runs with one call.

use std::mem::{MaybeUninit, size_of};
use std::sync::Arc;

use conveyor_driver::host::Outcome;
use conveyor_driver::{Error, Result};

use crate::complete::{ended, raised, retried};
use crate::driver::check_size;
use crate::error::{CONVEYOR_OK, conveyor_code, conveyor_error};
use crate::guard::guarded;
use crate::handle::invalid;
use crate::run::{OpenRun, conveyor_run};
use crate::view::conveyor_str;

/// How a run ends: `CONVEYOR_SUCCEED` to `CONVEYOR_GIVE_BACK`.
pub type conveyor_ending = i32;

/// As by `conveyor_run_succeed`, with `message` and `data`.
pub const CONVEYOR_SUCCEED: conveyor_ending = 1;
/// As by `conveyor_run_fail`, with `message` and `data`.
pub const CONVEYOR_FAIL: conveyor_ending = 2;
/// As by `conveyor_run_raise`, with `error_type`, `message`, `traceback` and `data`.
pub const CONVEYOR_RAISE: conveyor_ending = 3;
/// As by `conveyor_run_retry`, with `message` and `after_ms`.
pub const CONVEYOR_RETRY: conveyor_ending = 4;
/// As by `conveyor_run_give_back`.
pub const CONVEYOR_GIVE_BACK: conveyor_ending = 5;

/// What completes a run; see `conveyor_runs_complete`. Set all of it to zero, then what is wanted.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct conveyor_answer {
    /// The run.
    pub run: conveyor_run,
    /// How it ends.
    pub ending: conveyor_ending,
    /// What came of it, which the library writes: 0, or why this run could not be completed.
    pub code: conveyor_code,
    /// See `conveyor_run_succeed`, `_raise` and `_retry`.
    pub message: conveyor_str,
    /// See `conveyor_run_succeed`.
    pub data: conveyor_str,
    /// See `conveyor_run_raise`.
    pub error_type: conveyor_str,
    /// See `conveyor_run_raise`.
    pub traceback: conveyor_str,
    /// See `conveyor_run_retry`.
    pub after_ms: i64,
}

impl conveyor_answer {
    fn outcome(&self) -> Result<Outcome> {
        match self.ending {
            CONVEYOR_SUCCEED => ended(true, self.message, self.data),
            CONVEYOR_FAIL => ended(false, self.message, self.data),
            CONVEYOR_RAISE => raised(self.error_type, self.message, self.traceback, self.data),
            CONVEYOR_RETRY => retried(self.message, self.after_ms),
            CONVEYOR_GIVE_BACK => Ok(Outcome::Dropped),
            other => Err(invalid("ending", format!("is {other}: endings go from 1 to 5"))),
        }
    }

    fn close(&self) -> Result<(Arc<OpenRun>, Outcome)> {
        let outcome = self.outcome()?;
        Ok((OpenRun::close(self.run)?, outcome))
    }
}

/// Completes many runs at once, which costs less than one by one. `answer_size` is `sizeof(conveyor_answer)`.
///
/// Each answer's `code` says what came of it; one that fails holds up no other. The call fails with the first code
/// that is not 0. From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_runs_complete(
    answers: *mut conveyor_answer,
    answer_size: usize,
    count: usize,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        check_size("answers", answer_size, size_of::<conveyor_answer>())?;
        if count > isize::MAX as usize / size_of::<conveyor_answer>() {
            return Err(invalid("count", format!("is {count}: there cannot be so many answers")));
        }
        if count == 0 {
            return Ok(());
        }
        if answers.is_null() {
            return Err(invalid("answers", "is null"));
        }
        // SAFETY: the caller says that so many are there.
        complete(unsafe { std::slice::from_raw_parts_mut(answers, count) })
    })
}

fn complete(answers: &mut [conveyor_answer]) -> Result<()> {
    let mut first: Option<Error> = None;
    let mut closed = Vec::with_capacity(answers.len());
    for answer in answers {
        answer.code = CONVEYOR_OK;
        match answer.close() {
            Ok(run) => closed.push(run),
            Err(error) => {
                answer.code = error.code() as conveyor_code;
                first.get_or_insert(error);
            }
        }
    }
    let mut closed = closed.into_iter().peekable();
    while let Some((run, outcome)) = closed.next() {
        let queue = run.queue.clone();
        let same =
            std::iter::from_fn(|| closed.next_if(|(run, _)| Arc::ptr_eq(&run.queue, &queue)));
        let all = std::iter::once((run, outcome)).chain(same);
        queue.core().complete_all(all.map(|(run, outcome)| (run.key, outcome)));
    }
    first.map_or(Ok(()), Err)
}
