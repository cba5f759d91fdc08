//! Who the server takes us for: permissions, and what time it thinks it is.

use std::io;
use std::time::Duration;

use conveyor_driver::stream::{EventStream, Message, request};
use conveyor_driver::{ErrorCode, subject};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;

use super::finding::{Finding, Report};

const USER_INFO: &str = "$SYS.REQ.USER.INFO";
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);
/// Log lines of several machines are sorted by their clocks.
const CLOCKS_DIFFER_BY: SignedDuration = SignedDuration::from_secs(2);

/// Without these no driver does its work.
const NEEDED: [(Side, &str); 12] = [
    (Side::Publish, "$JS.API.INFO"),
    (Side::Publish, "$JS.API.STREAM.INFO.messages"),
    (Side::Publish, "$JS.API.CONSUMER.INFO.messages.driver"),
    (Side::Publish, "$JS.API.CONSUMER.CREATE.messages.driver"),
    (Side::Publish, "$JS.API.CONSUMER.MSG.NEXT.messages.driver"),
    (Side::Publish, "$JS.ACK.messages.driver.1.1.1.1.1"),
    (Side::Publish, "logs.run"),
    (Side::Publish, "live.logs.run.driver"),
    (Side::Publish, subject::DRIVER_RESULT),
    (Side::Publish, "dead-letters.driver"),
    (Side::Subscribe, "_INBOX.any"),
    (Side::Subscribe, "control.driver.>"),
];
/// What a driver needs now and then: for messages that cannot be read or stored, and to be asked what it does.
const WANTED: [(Side, &str); 8] = [
    (Side::Publish, "$JS.API.STREAM.MSG.GET.messages"),
    (Side::Publish, "$JS.API.STREAM.INFO.dead-letters"),
    (Side::Publish, "$JS.API.STREAM.CREATE.dead-letters"),
    (Side::Publish, "$JS.API.STREAM.NAMES"),
    (Side::Publish, "_INBOX.any"),
    (Side::Subscribe, "$SRV.*"),
    (Side::Subscribe, "$SRV.*.driver"),
    (Side::Subscribe, "$SRV.*.driver.instance"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Publish,
    Subscribe,
}

impl Side {
    const fn word(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
        }
    }
}

pub(super) async fn look(stream: &dyn EventStream, report: &mut Report) -> io::Result<()> {
    let asked = Instant::now();
    let answer = request(stream, Message::new(USER_INFO, ""), ANSWERS_WITHIN).await;
    let round_trip = asked.elapsed();
    let answer: Value = match answer {
        Ok(answer) => serde_json::from_slice(&answer.payload).unwrap_or_default(),
        Err(error) if error.code() == ErrorCode::Unavailable => {
            return report.add(Finding::of_error("permissions", &error));
        }
        Err(_not_allowed) => {
            return report.add(Finding::warning(
                "permissions",
                "the server does not say what this client may do, nor its time",
                format!("allow publishing to {USER_INFO} to have doctor look"),
            ));
        }
    };
    for finding in permissions(&answer["data"]["permissions"]) {
        report.add(finding)?;
    }
    if let Some(clock) = clock(&answer["server"]["time"], round_trip) {
        report.add(clock)?;
    }
    Ok(())
}

fn permissions(permissions: &Value) -> Vec<Finding> {
    const CURE: &str =
        "have them allowed for these credentials (driver, run, instance, any: any name)";
    let lacks = |subjects: &[(Side, &str)]| {
        let denied = subjects.iter().filter(|(side, subject)| !may(permissions, *side, subject));
        let denied = denied.map(|(side, subject)| format!("{} {subject}", side.word()));
        denied.collect::<Vec<_>>().join(", ")
    };
    let mut findings = Vec::new();
    let (needed, wanted) = (lacks(&NEEDED), lacks(&WANTED));
    if !needed.is_empty() {
        findings.push(Finding::broken("permissions", format!("a driver may not {needed}"), CURE));
    }
    if !wanted.is_empty() {
        findings.push(Finding::warning(
            "permissions",
            format!(
                "a driver may not {wanted}: it cannot keep what it cannot read, or nobody can ask what it does"
            ),
            CURE,
        ));
    }
    if findings.is_empty() {
        let text = "this client may do all that a driver does";
        findings.push(Finding::good("permissions", text));
    }
    findings
}

fn may(permissions: &Value, side: Side, subject: &str) -> bool {
    // Who may answer whoever asks needs no inbox by its name.
    let answers = side == Side::Publish && subject.starts_with("_INBOX.");
    (answers && !permissions["responses"].is_null())
        || is_allowed(&permissions[side.word()], subject)
}

/// Whether all of a subject, which may have wildcards, is allowed.
fn is_allowed(rules: &Value, subject: &str) -> bool {
    let matches = |list: &str| {
        let filters = rules[list].as_array().into_iter().flatten().filter_map(Value::as_str);
        filters.into_iter().any(|filter| {
            // All further tokens are more than one of them.
            let wide_enough = filter.ends_with('>') || !subject.ends_with('>');
            wide_enough && subject::matches(filter, subject)
        })
    };
    let limited = rules["allow"].as_array().is_some_and(|allowed| !allowed.is_empty());
    !matches("deny") && (!limited || matches("allow"))
}

fn clock(server: &Value, round_trip: Duration) -> Option<Finding> {
    let server: Timestamp = server.as_str()?.parse().ok()?;
    let here = Timestamp::now() - SignedDuration::try_from(round_trip / 2).ok()?;
    let ahead = here.duration_since(server);
    if ahead.abs() < CLOCKS_DIFFER_BY {
        return Some(Finding::good("clock", "as the server's"));
    }
    let (seconds, way) =
        (ahead.abs().as_secs(), if ahead.is_negative() { "behind" } else { "ahead" });
    Some(Finding::warning(
        "clock",
        format!(
            "this machine is {seconds} s {way} of the server: log lines are sorted wrongly, tokens refused"
        ),
        "keep both clocks right with NTP",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_are_read_as_the_server_does() {
        assert!(is_allowed(&Value::Null, "a.b"));
        assert!(is_allowed(&json!({"allow": ["a.>"]}), "a.b"));
        assert!(!is_allowed(&json!({"allow": ["c"]}), "a.b"));
        assert!(!is_allowed(&json!({"allow": ["a.>"], "deny": ["a.b"]}), "a.b"));
        assert!(is_allowed(&json!({"deny": ["c"]}), "a.b"));
        assert!(is_allowed(&json!({"allow": ["a.>"]}), "a.b.>"));
        assert!(!is_allowed(&json!({"allow": ["a.b.*"]}), "a.b.>"));
        assert!(!is_allowed(&json!({"allow": ["$SRV.PING"]}), "$SRV.*"));
    }

    #[test]
    fn what_is_needed_now_and_then_is_looked_at_too() {
        let text = |rules: Value| format!("{:?}", permissions(&rules));
        assert!(text(Value::Null).contains("Good"));
        for (side, subject) in WANTED {
            let told = text(json!({ side.word(): {"deny": [subject]} }));
            let names = told.contains(&format!("{} {subject}", side.word()));
            assert!(names && told.contains("Warning") && !told.contains("Good"), "{told}");
        }
        for (side, subject) in NEEDED {
            let told = text(json!({ side.word(): {"deny": [subject]} }));
            assert!(told.contains("Broken") && told.contains(subject), "{told}");
        }
        let answers = json!({"publish": {"allow": [">"], "deny": ["_INBOX.>"]}, "responses": {}});
        assert!(text(answers).contains("Good"));
    }

    #[test]
    fn a_clock_that_differs_is_noticed() {
        let at = |time: Timestamp| clock(&time.to_string().into(), Duration::ZERO);
        let text = |time| format!("{:?}", at(time));
        assert!(text(Timestamp::now()).contains("Good"));
        assert!(text(Timestamp::now() - SignedDuration::from_secs(60)).contains("ahead"));
        assert!(text(Timestamp::now() + SignedDuration::from_secs(60)).contains("behind"));
    }
}
