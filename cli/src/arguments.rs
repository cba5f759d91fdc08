//! What the command line takes, and what it does first.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::{ColorChoice, Parser};
use tracing_subscriber::EnvFilter;

use crate::commands::Command;
use crate::exit_code::{self, EXIT_CODES};
use crate::fault::Fault;

/// How long the tasks of a command that is over may take to end.
const LEFTOVERS_END_WITHIN: Duration = Duration::from_secs(2);

/// Run, watch and mend drivers of Conveyor CI.
///
/// A driver turns resources into work. Any executable can be one: `conveyor-driver exec` starts it for
/// each run and looks after delivery, leases, retries, logs and results. The other commands are a
/// control plane for the laptop and tools for who runs drivers.
#[derive(Debug, Parser)]
#[command(
    name = "conveyor-driver",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_long_help = EXIT_CODES
)]
pub(crate) struct Arguments {
    /// When to use colours: also `NO_COLOR` turns them off.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(crate) color: ColorChoice,

    /// Say more of what happens, on standard error; twice for all. `RUST_LOG` says it in detail.
    #[arg(long, short, global = true, display_order = 901, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Runs the command line with these arguments, the first of which is its name, and gives the exit code.
pub fn command_line(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(asked) => {
            // Nobody is left to tell when it cannot be written.
            let _written = asked.print();
            return if asked.use_stderr() { exit_code::USAGE } else { exit_code::SUCCESS };
        }
    };
    match arguments.color {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
    tell_what_happens(&arguments);
    match run(arguments.command) {
        Ok(code) => code,
        Err(fault) => {
            fault.tell();
            fault.exit_code()
        }
    }
}

fn run(command: Command) -> Result<u8, Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(command.run());
    // What tasks hold goes with them, a command that was abandoned above all. A thread that waits for a
    // terminal or a file must not keep the process.
    runtime.shutdown_timeout(LEFTOVERS_END_WITHIN);
    // What was written to a pipe that is closed by now is nobody's loss.
    let _flushed = std::io::stdout().flush();
    outcome
}

/// The runtime's own log, on standard error.
fn tell_what_happens(arguments: &Arguments) {
    let level = match arguments.verbose {
        0 if arguments.command.lasts() => "info",
        0 => "warn",
        1 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_unset| EnvFilter::new(format!("warn,conveyor_driver={level}")));
    let colours = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    // It fails when the process has a subscriber already, as a host of the library may.
    let _set = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(colours && std::io::stderr().is_terminal())
        .with_target(false)
        .with_env_filter(filter)
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_and_argument_is_explained() {
        fn look(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{path}");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path} {}", argument.get_id());
            }
            command.get_subcommands().for_each(|command| look(command, &path));
        }
        look(&Arguments::command(), "");
    }
}
