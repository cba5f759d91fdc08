//! The command `conveyor-driver`.

use std::process::ExitCode;

/// The runtime's threads free what others took, many times an event, which is dear in most allocators.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(conveyor_driver_cli::command_line(std::env::args_os()))
}
