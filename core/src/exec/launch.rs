//! Starting a command, and saying what is at fault when it cannot be started.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command as Process};

use super::{Command, Spawning};
use crate::error::{Error, ErrorCode, Result};

/// Starts the command as the leader of its own process group, with pipes for its output and, when
/// it is given input, for that.
///
/// # Errors
/// `ExecFailed` with the context `program`, `working_directory` when one was given, and `fault`:
/// which of the two it is (`program`, `working_directory`), or `interpreter` when the program is a
/// script whose interpreter does not exist. Without `fault` it is something else, which the source
/// tells, such as too many processes.
pub(super) fn launch(command: &Command, spawning: Spawning<'_>) -> Result<Child> {
    let mut process = Process::new(&command.program);
    process
        .args(&command.args)
        .process_group(0)
        .stdin(if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if command.clear_env {
        process.env_clear();
    }
    for (name, value) in &command.env {
        match value {
            Some(value) => process.env(name, value),
            None => process.env_remove(name),
        };
    }
    if let Some(directory) = &command.working_directory {
        process.current_dir(directory);
    }
    let mut spawned = None;
    spawning(&mut process, &mut |process| spawned = Some(process.spawn()));
    let spawned = spawned.unwrap_or_else(|| process.spawn());
    spawned.map_err(|error| start_error(command, error))
}

fn start_error(command: &Command, source: io::Error) -> Error {
    let (message, fault) = match fault(command, &source) {
        Some(Fault::WorkingDirectory) => {
            ("cannot enter the command's working directory", Some("working_directory"))
        }
        Some(Fault::Interpreter) => {
            ("the interpreter in the first line of the script does not exist", Some("interpreter"))
        }
        Some(Fault::ProgramMissing) => ("the program does not exist", Some("program")),
        Some(Fault::ProgramUnfit) => ("the program is not executable", Some("program")),
        None => ("cannot start the command", None),
    };
    let error = failed(command, message, source);
    match fault {
        Some(fault) => error.with_context("fault", fault),
        None => error,
    }
}

/// An `ExecFailed` that names the command.
pub(super) fn failed(command: &Command, message: &str, source: io::Error) -> Error {
    let error = Error::new(ErrorCode::ExecFailed, message)
        .with_context("program", &command.program)
        .with_source(source);
    match &command.working_directory {
        Some(directory) => error.with_context("working_directory", directory.display()),
        None => error,
    }
}

enum Fault {
    WorkingDirectory,
    ProgramMissing,
    ProgramUnfit,
    Interpreter,
}

/// The system tells neither apart: looks which of the two it can be.
fn fault(command: &Command, error: &io::Error) -> Option<Fault> {
    const NOT_A_PROGRAM: i32 = rustix::io::Errno::NOEXEC.raw_os_error();
    let directory = command.working_directory.as_deref();
    // The dot makes it fail when the directory cannot be entered.
    if directory.is_some_and(|directory| directory.join(".").metadata().is_err()) {
        return Some(Fault::WorkingDirectory);
    }
    match error.kind() {
        io::ErrorKind::NotFound => {
            let path = directory.unwrap_or(Path::new("")).join(&command.program);
            let exists = command.program.contains('/') && path.exists();
            Some(if exists { Fault::Interpreter } else { Fault::ProgramMissing })
        }
        io::ErrorKind::NotADirectory => Some(Fault::ProgramMissing),
        io::ErrorKind::PermissionDenied => Some(Fault::ProgramUnfit),
        _ if error.raw_os_error() == Some(NOT_A_PROGRAM) => Some(Fault::ProgramUnfit),
        _ => None,
    }
}
