//! The command line, in the process of Node.

use napi_derive::napi;

/// Runs the command line with these arguments, the first of which is its name, and gives the exit code.
/// Blocks the thread until then.
#[napi]
pub(crate) fn command_line(arguments: Vec<String>) -> u32 {
    conveyor_driver_cli::command_line(arguments.into_iter().map(Into::into)).into()
}
