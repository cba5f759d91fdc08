//! A run's log.

use conveyor_driver::{Level, LogLine, Result};
use serde_json::{Map, Value};
use std::mem::MaybeUninit;

use crate::error::{conveyor_code, conveyor_error};
use crate::guard::{guarded, put};
use crate::handle::{self, invalid};
use crate::run::{OpenRun, conveyor_run};
use crate::view::conveyor_str;

/// How much a line matters: `CONVEYOR_DEBUG`, `CONVEYOR_INFO`, `CONVEYOR_WARNING` or `CONVEYOR_ERROR`.
pub type conveyor_level = i32;

/// For finding faults.
pub const CONVEYOR_DEBUG: conveyor_level = 1;
/// What happened.
pub const CONVEYOR_INFO: conveyor_level = 2;
/// What may need a look.
pub const CONVEYOR_WARNING: conveyor_level = 3;
/// What went wrong.
pub const CONVEYOR_ERROR: conveyor_level = 4;

/// The level of a number.
pub(crate) fn level(number: conveyor_level) -> Result<Level> {
    match number {
        CONVEYOR_DEBUG => Ok(Level::Debug),
        CONVEYOR_INFO => Ok(Level::Info),
        CONVEYOR_WARNING => Ok(Level::Warning),
        CONVEYOR_ERROR => Ok(Level::Error),
        _ => Err(invalid("level", format!("is {number}: levels go from 1 to 4"))),
    }
}

/// The number of a level.
pub(crate) const fn number(level: Level) -> conveyor_level {
    match level {
        Level::Debug => CONVEYOR_DEBUG,
        Level::Info => CONVEYOR_INFO,
        Level::Warning => CONVEYOR_WARNING,
        Level::Error => CONVEYOR_ERROR,
    }
}

/// Writes a line to a run's log. `labels` is a JSON object of what stands beside it, or null.
///
/// Lines keep their order and are stored before the run's result. Returns once the line has its place; blocks
/// only while the log's buffer is full of lines that the server has not stored yet.
///
/// `CONVEYOR_E_ARGUMENT_INVALID` for an argument; nothing was written. From any thread.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_log(
    run: conveyor_run,
    level: conveyor_level,
    message: conveyor_str,
    labels: conveyor_str,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let open = handle::get::<OpenRun>(run)?;
        open.run.logger().write_blocking(line(level, message, labels)?);
        Ok(())
    })
}

/// The same without ever blocking, for runs of a queue. Where the buffer has no room for the line yet, it takes
/// its place all the same, and `*ticket` is a number that `conveyor_queue_take_accepted` gives back once there is
/// room: hold the run up until then. Else `*ticket` is 0.
///
/// `CONVEYOR_E_LOG_FULL` when too many lines wait for room; write this one again after some were accepted.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_log_later(
    run: conveyor_run,
    level: conveyor_level,
    message: conveyor_str,
    labels: conveyor_str,
    ticket: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let open = handle::get::<OpenRun>(run)?;
        let line = line(level, message, labels)?;
        let given = open.queue.core().log(&open.run, [line])?;
        put(ticket, given.map_or(0, |ticket| ticket.to_u64()));
        Ok(())
    })
}

fn line(number: conveyor_level, message: conveyor_str, labels: conveyor_str) -> Result<LogLine> {
    let level = level(number)?;
    let message = message.text("message")?.to_owned();
    let labels = match labels.json("labels")? {
        Value::Null => Map::new(),
        Value::Object(labels) => labels,
        _ => return Err(invalid("labels", "is no JSON object")),
    };
    Ok(LogLine { message, level, labels })
}
