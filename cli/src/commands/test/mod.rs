//! `test`: one run of a command, without any server.

mod embedded;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use conveyor_driver::exec::Command;
use conveyor_driver::message::Resource;
use conveyor_driver::options::{DriverOptions, from_document};
use serde_json::json;

use super::exec::{Settings, milliseconds};
use super::run::drivers::ScriptDriver;
use crate::documents;
use crate::fault::Fault;
use embedded::{Embedded, Show};

/// Run a command once, as `exec` would, on an event stream inside this process.
///
/// The log goes to standard output as it is written, the verdict to standard error. The exit code is 0
/// for a good result, 1 for a failed one, and 75 when the command asks for another attempt.
///
/// The first Ctrl-C cancels the run, a second one ends it at once. Then, and when nobody reads its log any
/// more, the exit code is 130.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  conveyor-driver test -f greeting.json -- ./greet.sh --loud")]
pub(crate) struct Arguments {
    /// The resource, JSON or YAML; - reads standard input.
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,

    /// The event.
    #[arg(long, default_value = "create")]
    event: String,

    /// The driver's name, as the log has it.
    #[arg(long, default_value = "test")]
    name: String,

    /// How long the run may take, such as 90s. Without it, as long as it likes.
    #[arg(long, value_name = "TIME", value_parser = milliseconds)]
    timeout: Option<u64>,

    #[command(flatten)]
    settings: Settings,

    /// How the log and the result are shown: `json` has one object a line.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,

    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// How something is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs, one object a line.
    Json,
}

impl Arguments {
    pub(crate) async fn run(self) -> Result<u8, Fault> {
        let resource = self.resource()?;
        let mut command = self.command.into_iter();
        let command = Command::new(command.next().unwrap_or_default()).args(command);
        let mut document = json!({
            "name": self.name,
            "resources": [resource.resource],
            "run_timeout_ms": self.timeout,
        });
        self.settings.put_into(&mut document)?;
        if document["max_attempts"].is_null() {
            document["max_attempts"] = 1.into();
        }
        let options: DriverOptions = from_document(document)?;
        let driver = ScriptDriver { options, command };
        driver.check()?;
        let embedded = Embedded { driver, event: self.event, resource };
        embedded.run(&Show::new(self.output)).await
    }

    fn resource(&self) -> Result<Resource, Fault> {
        let mut found = documents::documents(&self.file)?.into_iter();
        let (Some(document), None) = (found.next(), found.next()) else {
            return Err(
                Fault::usage("the file must hold one resource").with("file", self.file.display())
            );
        };
        documents::resource(&document, &self.file, "")
    }
}
