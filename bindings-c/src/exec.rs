//! Commands as part of a run.

use std::mem::{MaybeUninit, size_of};
use std::sync::Arc;

use conveyor_driver::Result;
use conveyor_driver::exec::{Command, ExecOutput};
use tokio_util::sync::CancellationToken;

use crate::driver::check_size;
use crate::error::{conveyor_code, conveyor_error};
use crate::guard::{guarded, needed};
use crate::handle::{self, invalid, object};
use crate::run::{OpenRun, conveyor_run};
use crate::signals::{self, without_sigpipe};
use crate::text::{self, conveyor_text, give, give_none};
use crate::time::to_milliseconds;
use crate::view::conveyor_str;

/// Ends a command before its run does; see `conveyor_stop_new`. 0 is none.
pub type conveyor_stop = u64;

pub(crate) struct Stop(CancellationToken);

object!(Stop = 6);

/// How a command ended.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct conveyor_exit {
    /// `sizeof(conveyor_exit)`, which the caller sets.
    pub struct_size: usize,
    /// The exit code when the command exited by itself; else -1.
    pub code: i32,
    /// The number of the signal that ended it; else 0.
    pub signal: i32,
    /// From its start to its end, in milliseconds.
    pub duration_ms: i64,
    /// Whether it was told to end because its run was cancelled or its stop was set.
    pub cancelled: bool,
    /// Whether it did its work: it exited with 0 and was not cancelled.
    pub success: bool,
}

/// Runs a command as part of a run, and blocks until it has ended. `command` is its description as JSON, such as
/// `{"program": "git", "args": ["clone", "…"]}`; `options.schema.json` describes it (`Command`). No shell is involved.
///
/// Each line of its output goes to the run's log as it comes, with the label `stream`. When the run is cancelled, or
/// `stop` is set (0 for none), the command and all that it started get SIGTERM and, after its grace, SIGKILL. No signal is
/// blocked in it, whatever this thread blocks, and SIGPIPE ends it.
///
/// The program has to leave its children to those who started them: it does not ignore SIGCHLD, nor wait for any child at
/// all (`wait`, `waitpid` of -1). Else how the command ended is not to be known.
///
/// A command that fails is no error: `*exit` says how it ended, `*line` the same in one line for people, which the
/// caller frees with `conveyor_text_free`. Each may be null.
///
/// `CONVEYOR_E_EXEC_FAILED` when it cannot be started or its end not be observed; `CONVEYOR_E_CANCELLED` when the run was cancelled before, or
/// abandoned meanwhile; `CONVEYOR_E_OPTIONS_INVALID` names what is wrong with the description. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_exec(
    run: conveyor_run,
    command: conveyor_str,
    stop: conveyor_stop,
    exit: *mut conveyor_exit,
    line: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut line = line;
        give_none(line.as_deref_mut());
        let exit = place(exit)?;
        let open = handle::get::<OpenRun>(run)?;
        let command: Command = command.options("command")?;
        if command.program.is_empty() {
            return Err(invalid("command", "names no program"));
        }
        let stop = match stop {
            0 => CancellationToken::new(),
            stop => handle::get::<Stop>(stop)?.0.clone(),
        };
        let output = without_sigpipe(|masked| {
            open.run.exec_spawning(&command, &stop, &|process, spawn| {
                if masked.were_some() {
                    // SAFETY: it does what is allowed between fork and exec.
                    unsafe { process.pre_exec(signals::as_in_a_new_process) };
                }
                masked.lifted(|| spawn(process));
            })
        })?;
        if let Some(exit) = exit {
            exit.write(exit_of(&output));
        }
        give(line, || output.to_string());
        Ok(())
    })
}

fn place<'a>(exit: *mut conveyor_exit) -> Result<Option<&'a mut MaybeUninit<conveyor_exit>>> {
    if exit.is_null() {
        return Ok(None);
    }
    // SAFETY: every version of the structure begins with its size, which the caller has set.
    check_size("exit", unsafe { *exit.cast() }, size_of::<conveyor_exit>())?;
    // SAFETY: the caller says with the size that such a structure is there, of this very size.
    Ok(Some(unsafe { &mut *exit.cast() }))
}

fn exit_of(output: &ExecOutput) -> conveyor_exit {
    conveyor_exit {
        struct_size: size_of::<conveyor_exit>(),
        code: output.code.unwrap_or(-1),
        signal: output.signal.unwrap_or(0),
        duration_ms: to_milliseconds(output.duration),
        cancelled: output.cancelled,
        success: output.success(),
    }
}

/// Makes what ends a command before its run does. The caller frees it with `conveyor_stop_free`.
///
/// From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_stop_new(
    stop: Option<&mut MaybeUninit<conveyor_stop>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        needed("stop", stop)?.write(handle::open(Arc::new(Stop(CancellationToken::new()))));
        Ok(())
    })
}

/// Ends the commands that run with this stop, and those that are started with it later. From any thread; never
/// blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_stop_set(
    stop: conveyor_stop,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        handle::get::<Stop>(stop)?.0.cancel();
        Ok(())
    })
}

/// Frees a stop; commands that run with it go on. 0 is allowed. From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_stop_free(stop: conveyor_stop) -> conveyor_code {
    guarded(None, || text::free::<Stop>(stop))
}
