//! What a scripted driver can be told to do: the vocabulary that every language interprets.

use conveyor_driver::exec::Command;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One step of a script, as a document an object with this one member.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Writes a line of level info.
    Log(String),
    /// Writes a line.
    Line(Line),
    /// Writes a line that holds a fact of the run.
    Tell(Fact),
    /// Reports progress.
    Progress(Empty),
    /// Waits so long, whether the run is cancelled or not.
    SleepMs(u64),
    /// Holds the thread for so long, so that nothing can interrupt it.
    BlockMs(u64),
    /// Waits until the harness releases this name, whether the run is cancelled or not.
    Hold(String),
    /// Waits until the run is cancelled, then goes on.
    WaitForCancel(Empty),
    /// Runs a command; the fact `exit` holds how it ended.
    Exec(Command),
    /// Goes on with the steps for this attempt; the last of the lists is for all further ones.
    ByAttempt(Vec<Vec<Self>>),
    /// Ends with a good result.
    Succeed(Answer),
    /// Ends with a failed result.
    Fail(Answer),
    /// Asks for another attempt.
    Retry(Retry),
    /// Ends with an error of the language.
    Raise(Raised),
    /// Ends in the worst way that leaves the process alive.
    Panic(Raised),
}

impl Step {
    /// The name of every step.
    pub const NAMES: [&'static str; 15] = [
        "log",
        "line",
        "tell",
        "progress",
        "sleep_ms",
        "block_ms",
        "hold",
        "wait_for_cancel",
        "exec",
        "by_attempt",
        "succeed",
        "fail",
        "retry",
        "raise",
        "panic",
    ];

    /// Whether this step, or one within it, is of that kind.
    pub(super) fn any(&self, kind: &dyn Fn(&Self) -> bool) -> bool {
        let within = match self {
            Self::ByAttempt(lists) => lists.iter().flatten().any(|step| step.any(kind)),
            _ => false,
        };
        within || kind(self)
    }
}

/// Nothing: `{}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// A line with all that it can have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its text.
    pub message: String,
    /// `debug`, `info`, `warning` or `error`.
    #[serde(default = "info")]
    pub level: String,
    /// What stands beside it.
    #[serde(default)]
    pub labels: Map<String, Value>,
    /// The text is this often repeated in the one line.
    #[serde(default = "once")]
    pub repeat: usize,
    /// So many lines, each with its number from 1 behind the text.
    pub times: Option<usize>,
}

/// What can be told of a run.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The run id.
    RunId,
    /// The event's name.
    Event,
    /// The payload's text.
    Payload,
    /// The driver's name.
    Driver,
    /// The number of the attempt.
    Attempt,
    /// The name of the resource.
    ResourceName,
    /// `Requested`, `TimedOut`, `NoProgress`, `Shutdown`, `LeaseLost`; empty when not cancelled.
    CancelReason,
    /// The document of how the last command ended.
    Exit,
}

/// A result.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Its line for people.
    #[serde(default)]
    pub message: String,
    /// Its data.
    #[serde(default)]
    pub data: Value,
    /// The data is text, this often repeated.
    #[serde(default = "once")]
    pub repeat: usize,
}

/// Another attempt.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Why.
    pub message: String,
    /// The delay, when not the growing one.
    pub after_ms: Option<u64>,
}

/// An error.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raised {
    /// Its text.
    pub message: String,
}

fn info() -> String {
    "info".to_owned()
}

const fn once() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// serde names the variants it knows in its error.
    #[test]
    fn the_names_are_those_of_the_steps() {
        let error = serde_json::from_value::<Step>(json!({"dance": {}})).unwrap_err().to_string();
        let named: Vec<_> = error.split('`').skip(3).step_by(2).collect();
        assert_eq!(named, Step::NAMES);
    }

    #[test]
    fn the_readme_explains_every_step() {
        let readme = include_str!("../../scenarios/README.md");
        for name in Step::NAMES {
            assert!(readme.contains(&format!("\n| `{name}` |")), "{name} is not in the table");
        }
    }

    #[test]
    fn a_step_or_a_member_that_nobody_knows_is_refused() {
        for step in [
            json!({"dance": {}}),
            json!({"log": "a", "level": "info"}),
            json!({"retry": {"message": "a", "after": 3}}),
            json!({"progress": {"much": true}}),
            json!({"by_attempt": [[{"log": "a"}], [{"dance": {}}]]}),
            json!("log"),
        ] {
            assert!(serde_json::from_value::<Step>(step.clone()).is_err(), "{step}");
        }
    }
}
