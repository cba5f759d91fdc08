//! `run`: the drivers of a file.

pub(crate) mod drivers;
mod file;

use std::path::PathBuf;

use clap::Args;

use crate::connection::ConnectionArguments;
use crate::fault::Fault;

/// Run the script drivers of a TOML file, on one connection.
///
/// Each driver has the settings of `conveyor-driver exec` and every option of a driver, by its name:
///
///   shutdown_grace_ms = 60000          # all drivers: how long runs may go on after Ctrl-C
///
///   [connection]                       # where NATS is; the environment fills what is not given
///   url = "nats://nats.example:4222"
///
///   [[drivers]]
///   name = "lint"
///   resources = ["repository"]
///   command = ["./lint.sh", "--strict"]
///   concurrency = 4
///   run_timeout_ms = 600000
///   env = { CI = "true" }
///   working_directory = "scripts"
///
/// Paths start at the folder of the file, which is also where commands run unless told. Every fault of
/// the file is reported at once, with its path, such as drivers[0].concurrency.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The TOML file.
    file: PathBuf,

    /// Only look for faults in the file.
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    connection: ConnectionArguments,
}

impl Arguments {
    pub(crate) async fn run(self) -> Result<u8, Fault> {
        let mut drivers = file::read(&self.file)?;
        drivers.manager.connection = self.connection.over(drivers.manager.connection);
        if self.check {
            return Ok(crate::exit_code::SUCCESS);
        }
        drivers.run().await
    }
}
