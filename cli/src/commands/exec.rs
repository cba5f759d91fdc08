//! `exec`: a command is the driver.

use clap::Args;
use conveyor_driver::exec::Command;
use conveyor_driver::options::{DriverOptions, ManagerOptions, from_document};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::run::drivers::{ScriptDriver, ScriptDrivers};
use crate::connection::ConnectionArguments;
use crate::fault::Fault;

/// Run a command for each event: any executable is a driver.
///
/// The command is started once for each run, without a shell, with the resource (JSON) on its standard
/// input. Each line it writes is a line of the run's log as soon as it is written. It ends with
///
///   exit code 0    success
///   exit code 75   not now: another attempt follows, later
///   anything else  failure
///
/// It has in its environment
///
///   CONVEYOR_RUN_ID         the run id
///   CONVEYOR_EVENT          what happened, such as create
///   CONVEYOR_ATTEMPT        which try this is, from 1
///   CONVEYOR_RESOURCE_FILE  a file with the resource
///   CONVEYOR_RESULT_FILE    where it may leave a JSON object with any of
///                           "message" (text), "data" (any JSON), "retry_after_ms" (for 75);
///                           of the message the first line that is not blank is the
///                           result's, what follows it goes to the log
///
/// When the run is cancelled, takes too long or has to make way for a shutdown, the command and all it
/// started get SIGTERM and, when that does not end them, SIGKILL. What it leaves running at its end
/// is ended, too.
///
/// The first Ctrl-C, SIGTERM or SIGHUP drains: no new events, runs in flight finish. A second one ends
/// them and gives their events back. Under nohup, SIGHUP stays ignored.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:\n  conveyor-driver exec --name greeter --resource greeting -- ./greet.sh --loud"
)]
pub(crate) struct Arguments {
    /// The driver's name: letters, digits, - and _. Its instances share it.
    #[arg(long)]
    name: String,

    /// A type of resource it handles; may be given more than once.
    #[arg(long, required = true, value_name = "TYPE")]
    resource: Vec<String>,

    /// A broadcast event it wants; may be given more than once. Without it, all.
    #[arg(long)]
    event: Vec<String>,

    /// How many runs may be in flight at once here [default: 1]
    #[arg(long, value_name = "RUNS")]
    concurrency: Option<u32>,

    /// How long a run may take, such as 90s or 1h30m. Without it, as long as it likes.
    #[arg(long, value_name = "TIME", value_parser = milliseconds)]
    timeout: Option<u64>,

    #[command(flatten)]
    settings: Settings,

    #[command(flatten)]
    connection: ConnectionArguments,

    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// What is rarely told.
#[derive(Debug, Default, Args)]
pub(crate) struct Settings {
    /// Another option of the driver, such as max_attempts=3 or ack_wait_ms=60000; may be given more than
    /// once.
    #[arg(long = "set", value_name = "OPTION=VALUE", value_parser = setting)]
    settings: Vec<(String, Value)>,
}

impl Settings {
    /// Puts them into a document of driver options, beside what other arguments have put there.
    pub(crate) fn put_into(self, document: &mut Value) -> Result<(), Fault> {
        for (name, value) in self.settings {
            if !document[&name].is_null() {
                return Err(Fault::usage("an option is given twice").with("option", name).hint(
                    "give it once: by an argument of its own where there is one, else with --set",
                ));
            }
            document[name] = value;
        }
        Ok(())
    }
}

/// A time as milliseconds.
pub(crate) fn milliseconds(text: &str) -> Result<u64, String> {
    let time: SignedDuration = text
        .parse()
        .map_err(|error| format!("{error}; write a number and a unit, such as 90s or 5m"))?;
    u64::try_from(time.as_millis()).map_err(|_| "it must not be negative".to_owned())
}

/// `NAME=VALUE`, the value JSON where it can be read so and text where not.
fn setting(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write OPTION=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}

impl Arguments {
    pub(crate) async fn run(self) -> Result<u8, Fault> {
        self.drivers()?.run().await
    }

    fn drivers(self) -> Result<ScriptDrivers, Fault> {
        let mut document = json!({ "name": self.name, "resources": self.resource });
        if !self.event.is_empty() {
            document["events"] = json!(self.event);
        }
        if let Some(concurrency) = self.concurrency {
            document["concurrency"] = concurrency.into();
        }
        if let Some(timeout) = self.timeout {
            document["run_timeout_ms"] = timeout.into();
        }
        self.settings.put_into(&mut document)?;
        let options: DriverOptions = from_document(document)?;
        let mut command = self.command.into_iter();
        let command = Command::new(command.next().unwrap_or_default()).args(command);
        let mut manager = ManagerOptions::default();
        manager.connection = self.connection.over(manager.connection);
        Ok(ScriptDrivers { manager, drivers: vec![ScriptDriver { options, command }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(milliseconds("90s"), Ok(90_000));
        assert_eq!(milliseconds("1h30m"), Ok(5_400_000));
        assert_eq!(milliseconds("1500ms"), Ok(1_500));
        assert!(milliseconds("90").is_err() && milliseconds("-1s").is_err());
    }

    #[test]
    fn a_setting_is_json_or_text() {
        assert_eq!(setting("a=3"), Ok(("a".into(), json!(3))));
        assert_eq!(setting("serialize=none"), Ok(("serialize".into(), json!("none"))));
        assert!(setting("a").is_err());
    }
}
