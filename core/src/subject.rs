//! Subjects, streams and names on the wire. The only place that builds one.

use crate::error::Result;
use crate::run_id::RunId;

/// The stream that holds events for drivers. Made by the control plane.
pub const MESSAGES_STREAM: &str = "messages";
/// The stream that holds driver results. Made by the control plane.
pub const PIPELINES_STREAM: &str = "pipeline-engine";
/// The stream that holds log lines. Made by the control plane.
pub const LOGS_STREAM: &str = "logs-engine";
/// The stream that keeps messages no driver could answer. Made by the runtime.
pub const DEAD_LETTERS_STREAM: &str = "dead-letters";

/// Where every driver result is published.
pub const DRIVER_RESULT: &str = "pipelines.driver.result";
/// Where the control plane starts a pipeline.
pub const PIPELINE_INIT: &str = "pipelines.pipeline.init";

/// What [`MESSAGES_STREAM`] holds.
pub const MESSAGES: [&str; 3] = ["resources.>", "events.>", "drivers.>"];
/// What [`PIPELINES_STREAM`] holds.
pub const PIPELINES: &str = "pipelines.>";
/// What [`LOGS_STREAM`] holds.
pub const LOGS: &str = "logs.>";
/// The live copy of every log line. No stream holds it.
pub const LIVE_LOGS: &str = "live.logs.>";

/// Every dead letter of every driver.
pub const DEAD_LETTERS: &str = "dead-letters.>";

/// Header of a dead letter: why the message could not be answered.
pub const REASON_HEADER: &str = "Conveyor-Reason";
/// Header of a dead letter: how often it was delivered; 0 when it could not be, for its headers.
pub const ATTEMPTS_HEADER: &str = "Conveyor-Attempts";
/// Header of a dead letter: the subject it was published to.
pub const SUBJECT_HEADER: &str = "Conveyor-Subject";
/// Header of a dead letter: the stream it was in, and its number there.
pub const ORIGIN_HEADER: &str = "Conveyor-Origin";
/// Header of a dead letter: `1/2` and `2/2` when the message and its headers are above the payload
/// limit together, or its headers above what JetStream takes. The bytes are shared out between the
/// parts; the headers too where they take more than half of their limit.
pub const PART_HEADER: &str = "Conveyor-Part";

/// What stands before the name of a dead letter's header that cannot be sent again as it was, such as
/// `Nats-Msg-Id`.
pub const ORIGINAL_HEADER_PREFIX: &str = "Conveyor-Original-";
/// Header of a dead letter: headers that were malformed, in base64. Long ones stand in several headers
/// of this name, each encoded by itself, to be put together in their order.
pub const RAW_HEADERS_HEADER: &str = "Conveyor-Raw-Headers";

/// Where a resource without a pipeline is broadcast.
#[must_use]
pub fn resource(resource_type: &str) -> String {
    format!("resources.{resource_type}")
}

/// Where one driver is addressed by the pipeline engine.
#[must_use]
pub fn driver(driver: &str, resource_type: &str) -> String {
    format!("drivers.{driver}.resources.{resource_type}")
}

/// Both subject forms of each resource: what a driver's consumer filters on.
#[must_use]
pub fn filters(driver_name: &str, resources: &[String]) -> Vec<String> {
    resources.iter().flat_map(|name| [resource(name), driver(driver_name, name)]).collect()
}

/// Whether the message was addressed to one driver, so that its pipeline waits for an answer.
#[must_use]
pub fn is_addressed(subject: &str) -> bool {
    subject.starts_with("drivers.")
}

/// Where the stored copy of a log line goes.
///
/// # Errors
/// `MessageInvalid` when the run id cannot be part of a subject.
pub fn logs(run: &RunId) -> Result<String> {
    Ok(format!("logs.{}", run.subject_part()?))
}

/// Where the live copy of a log line goes.
///
/// # Errors
/// `MessageInvalid` when the run id cannot be part of a subject.
pub fn live_logs(run: &RunId, driver: &str) -> Result<String> {
    Ok(format!("live.logs.{}.{driver}", run.subject_part()?))
}

/// Where a driver listens for requests about its runs.
#[must_use]
pub fn control(driver: &str) -> String {
    format!("control.{driver}.>")
}

/// Where a request about one run of a driver goes.
///
/// # Errors
/// `MessageInvalid` when the run id cannot be part of a subject.
pub fn control_run(driver: &str, run: &RunId) -> Result<String> {
    Ok(format!("control.{driver}.{}", run.subject_part()?))
}

/// The run that a request to this driver is about.
#[must_use]
pub fn controlled_run<'a>(driver: &str, subject: &'a str) -> Option<&'a str> {
    subject.strip_prefix("control.")?.strip_prefix(driver)?.strip_prefix('.')
}

/// Where NATS micro asks an instance of a driver: with all services, by the driver's name, and alone.
#[must_use]
pub(crate) fn service(driver: &str, instance: &str) -> [String; 3] {
    ["$SRV.*".to_owned(), format!("$SRV.*.{driver}"), format!("$SRV.*.{driver}.{instance}")]
}

/// What a question to services asks for: `PING`, `INFO` or `STATS`.
pub(crate) fn service_verb(subject: &str) -> Option<&str> {
    subject.strip_prefix("$SRV.")?.split('.').next()
}

/// Where all services are asked what they do.
pub const ALL_SERVICES_STATS: &str = "$SRV.STATS";

/// Where a driver's dead letters go.
#[must_use]
pub fn dead_letters(driver: &str) -> String {
    format!("dead-letters.{driver}")
}

const NAME_MOST_BYTES: usize = 128;

/// Why a name cannot be a subject token, a consumer name and a log key part, or `None` when it can.
#[must_use]
pub fn name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > NAME_MOST_BYTES {
        Some("is longer than 128 bytes")
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        Some("may hold only letters, digits, '-' and '_'")
    } else {
        None
    }
}

/// The regular expression of the names in which [`name_fault`] finds no fault.
#[cfg(feature = "contract")]
pub(crate) fn name_pattern() -> String {
    format!("^[A-Za-z0-9_-]{{1,{NAME_MOST_BYTES}}}$")
}

/// Whether a subject matches a filter with the wildcards `*` (one token) and `>` (the rest).
#[must_use]
pub fn matches(filter: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for want in filter.split('.') {
        match (want, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (want, Some(have)) if want == have => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

/// Whether some subject matches both filters.
#[must_use]
pub fn overlap(one: &str, other: &str) -> bool {
    let (mut left, mut right) = (one.split('.'), other.split('.'));
    loop {
        match (left.next(), right.next()) {
            (Some(">"), Some(_)) | (Some(_), Some(">")) | (None, None) => return true,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_listens_to_both_forms_of_each_resource() {
        assert_eq!(
            filters("git", &["repo".to_owned(), "mirror".to_owned()]),
            [
                "resources.repo",
                "drivers.git.resources.repo",
                "resources.mirror",
                "drivers.git.resources.mirror"
            ]
        );
        assert!(is_addressed("drivers.git.resources.repo"));
        assert!(!is_addressed("resources.drivers"));
    }

    #[test]
    fn names_are_one_ascii_token() {
        for bad in ["", "a.b", "a b", "a*", ">", "a/b", "a|b", "\u{e4}", &"x".repeat(129)] {
            assert!(name_fault(bad).is_some(), "{bad:?}");
        }
        assert_eq!(name_fault("Git_build-2"), None);
    }

    #[test]
    fn wildcards_match_whole_tokens() {
        assert!(matches("logs.>", "logs.a.b"));
        assert!(!matches("logs.>", "logs"));
        assert!(matches("live.logs.*.git", "live.logs.r1.git"));
        assert!(!matches("live.logs.*", "live.logs.r1.git"));
        assert!(!matches("a.b", "a"));
        assert!(matches("a", "a"));
    }

    #[test]
    fn filters_overlap_when_one_subject_could_match_both() {
        assert!(overlap("a.b", "a.b"));
        assert!(overlap("a.*", "*.b"));
        assert!(overlap("a.>", "a.b.c"));
        assert!(overlap(">", "a"));
        assert!(!overlap("a.>", "a"));
        assert!(!overlap("a.*", "a.b.c"));
        assert!(!overlap("a.b", "a.c"));
    }
}
