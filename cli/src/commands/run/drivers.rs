//! Drivers that are commands, from their start to their drain.

use std::path::Path;

use conveyor_driver::exec::Command;
use conveyor_driver::options::{DriverOptions, ManagerOptions};
use conveyor_driver::{Driver, DriverManager, ErrorCode};

use crate::exit_code;
use crate::fault::Fault;

/// A driver and the command that does its work.
#[derive(Debug)]
pub(crate) struct ScriptDriver {
    pub(crate) options: DriverOptions,
    pub(crate) command: Command,
}

/// Drivers on one connection.
#[derive(Debug)]
pub(crate) struct ScriptDrivers {
    pub(crate) manager: ManagerOptions,
    pub(crate) drivers: Vec<ScriptDriver>,
}

impl ScriptDriver {
    pub(crate) fn into_driver(self) -> Driver {
        Driver::with_options(self.options).command(self.command)
    }

    /// A program that is not there would fail every run: said at once instead.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if finds_program(&self.command) {
            return Ok(());
        }
        Err(Fault::usage("there is no such program")
            .with("driver", &self.options.name)
            .with("program", &self.command.program)
            .hint("give a path with a slash, or a name that is on PATH, and make it executable"))
    }
}

impl ScriptDrivers {
    /// Runs until told to stop, and drains.
    pub(crate) async fn run(self) -> Result<u8, Fault> {
        self.drivers.iter().try_for_each(ScriptDriver::check)?;
        let manager = self
            .drivers
            .into_iter()
            .map(ScriptDriver::into_driver)
            .fold(DriverManager::new(self.manager), DriverManager::driver);
        let stop = manager.stop_handle();
        let running = match manager.start().await {
            Ok(running) => running,
            // Asked to stop before it was ready, it has stopped as it was asked to.
            Err(error) if error.code() == ErrorCode::Closed && stop.is_draining() => {
                return Ok(exit_code::SUCCESS);
            }
            Err(error) => return Err(error.into()),
        };
        let started = running.started();
        let verb = if started.len() == 1 { "takes" } else { "take" };
        tracing::info!("ready: {} {verb} events; Ctrl-C drains", started.join(", "));
        let report = running.wait().await?;
        match report.drivers.iter().any(|driver| driver.error.is_some()) {
            true => Ok(exit_code::FAILED),
            false => Ok(exit_code::SUCCESS),
        }
    }
}

/// Whether a program can be started, as far as can be seen from here. What cannot be seen, such as a PATH
/// of the command's own, passes.
fn finds_program(command: &Command) -> bool {
    let program = Path::new(&command.program);
    if command.program.contains('/') {
        let folder = command.working_directory.clone().unwrap_or_default();
        return is_executable(&folder.join(program));
    }
    if command.clear_env || command.env.contains_key("PATH") {
        return true;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| is_executable(&folder.join(program)))
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_for_as_the_system_does() {
        assert!(finds_program(&Command::new("sh")));
        assert!(finds_program(&Command::new("/bin/sh")));
        assert!(finds_program(&Command::new("./sh").current_dir("/bin")));
        assert!(!finds_program(&Command::new("no-such-program")));
        assert!(!finds_program(&Command::new("/etc/passwd")));
        assert!(!finds_program(&Command::new("/bin")));
    }
}
