//! A command that does the work of a driver: one start of it for each run.

use std::time::Duration;

use serde_json::{Value, json};

use super::run_files::RunFiles;
use super::{Command, ExecOutput};
use crate::cancellation::CancelReason;
use crate::failure::Failure;
use crate::logger::{Level, LogLine};
use crate::message::DriverResult;
use crate::options::SECRET_VARIABLES;
use crate::run::Run;

/// The exit code that asks for another attempt: `EX_TEMPFAIL` of `sysexits.h`.
pub const RETRY_EXIT_CODE: i32 = 75;

/// How much earlier than the run is abandoned a command is killed, so that its end is seen.
const END_IS_SEEN_WITHIN: Duration = Duration::from_secs(2);

/// Has a command do the work of a run.
///
/// The command is started as [`Run::exec`] does, with the resource's text on its standard input and
/// these variables in its environment:
///
/// | variable | holds |
/// | --- | --- |
/// | `CONVEYOR_RUN_ID` | the run id |
/// | `CONVEYOR_EVENT` | what happened, such as `create` |
/// | `CONVEYOR_ATTEMPT` | which try this is, from 1 |
/// | `CONVEYOR_RESOURCE_FILE` | the path of a file with the resource's text |
/// | `CONVEYOR_RESULT_FILE` | the path where the command may leave a [result file](#the-result-file) |
///
/// The runtime's own token, password and nkey seed are not passed on: scripts print their environment.
///
/// | how it ends | what becomes of the run |
/// | --- | --- |
/// | exit code 0 | a good result |
/// | exit code 75 | another attempt, after `retry_after_ms` of the result file or a growing delay |
/// | another exit code, a signal | a failed result |
///
/// # The result file
///
/// A JSON object with any of `message` (text), `data` (any JSON) and `retry_after_ms` (a number; used with
/// exit code 75). Without `message`, or with a blank one, the result says how the command ended; without
/// `data` they are the [`ExecOutput`]. A result has one line of message: the first that is not blank. What
/// follows it goes to the run's log. A result file that cannot be read makes a good result a failed one, and is said in
/// the run's log in any case. It may have up to 1 MiB.
///
/// # Errors
/// A retry for exit code 75. A failure when the command cannot be started, when it was cancelled, and
/// when the system gives no temporary folder.
pub async fn reconcile(run: &Run, command: &Command) -> Result<DriverResult, Failure> {
    let files = RunFiles::make(run.payload().to_owned()).await?;
    let mut command = command.clone();
    for name in SECRET_VARIABLES {
        command.env.entry((*name).to_owned()).or_insert(None);
    }
    let command = command
        .env("CONVEYOR_RUN_ID", run.id().as_str())
        .env("CONVEYOR_EVENT", run.event())
        .env("CONVEYOR_ATTEMPT", run.attempt().to_string())
        .env("CONVEYOR_RESOURCE_FILE", files.resource())
        .env("CONVEYOR_RESULT_FILE", files.result())
        .stdin(run.payload().to_owned());
    let command = match command.grace_ms {
        Some(_) => command,
        None => command.grace(grace(run.cancel_grace())),
    };
    let output = run.exec(&command).await?;
    if output.cancelled {
        return Err(Failure::of_type(
            "Cancelled",
            run.cancel_reason().as_ref().map_or_else(String::new, CancelReason::to_string),
            None,
        ));
    }
    let (answer, fault) = match files.answer().await {
        Ok(answer) => (answer, None),
        Err(fault) => (super::run_files::Answer::default(), Some(fault)),
    };
    if let Some(fault) = &fault {
        run.log(LogLine::new(Level::Error, fault.clone())).await;
    }
    let said = answer.message.filter(|message| !message.trim().is_empty());
    let ended = said.unwrap_or_else(|| format!("{}: {output}", command.program));
    if output.code == Some(RETRY_EXIT_CODE) {
        let retry = Failure::retry(ended);
        return Err(match answer.retry_after_ms {
            Some(delay) => retry.after(Duration::from_millis(delay)),
            None => retry,
        });
    }
    let (message, rest) = head_and_rest(&ended);
    for line in rest {
        run.log(LogLine::new(Level::Info, line)).await;
    }
    let data = answer.data.unwrap_or_else(|| ended_with(&output));
    match fault {
        Some(fault) if output.success() => Ok(DriverResult::failure(fault).data(data)),
        _ => Ok(DriverResult { success: output.success(), message: message.to_owned(), data }),
    }
}

fn ended_with(output: &ExecOutput) -> Value {
    json!(output)
}

/// The first line that is not blank, and what follows it.
fn head_and_rest(message: &str) -> (&str, std::str::Lines<'_>) {
    let mut lines = message.trim_end().lines();
    let head = lines.find(|line| !line.trim().is_empty());
    (head.unwrap_or_default(), lines)
}

fn grace(of_run: Duration) -> Duration {
    of_run.saturating_sub(END_IS_SEEN_WITHIN).max(of_run / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_begins_with_its_first_line_that_is_not_blank() {
        for (message, head, rest) in [
            ("one", "one", &[][..]),
            ("one\n", "one", &[]),
            ("\n \none\r\n\ntwo\n\n", "one", &["", "two"]),
            ("", "", &[]),
        ] {
            let (found, lines) = head_and_rest(message);
            assert_eq!((found, &lines.collect::<Vec<_>>()[..]), (head, rest), "{message:?}");
        }
    }

    #[test]
    fn a_command_is_killed_before_its_run_is_abandoned() {
        assert_eq!(grace(Duration::from_secs(10)), Duration::from_secs(8));
        assert_eq!(grace(Duration::from_secs(1)), Duration::from_millis(500));
        assert_eq!(grace(Duration::ZERO), Duration::ZERO);
    }
}
