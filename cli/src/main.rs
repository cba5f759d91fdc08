//! The command `conveyor-driver`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(conveyor_driver_cli::command_line(std::env::args_os()))
}
