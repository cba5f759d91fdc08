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

/// Where a driver publishes.
const PUBLISHES: [&str; 9] = [
    "$JS.API.STREAM.INFO.messages",
    "$JS.API.CONSUMER.INFO.messages.driver",
    "$JS.API.CONSUMER.CREATE.messages.driver",
    "$JS.API.CONSUMER.MSG.NEXT.messages.driver",
    "$JS.ACK.messages.driver.1.1.1.1.1",
    "logs.run",
    "live.logs.run.driver",
    subject::DRIVER_RESULT,
    "dead-letters.driver",
];
/// Where a driver listens.
const LISTENS: [&str; 2] = ["_INBOX.any", "control.driver.run"];

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
    report.add(permissions(&answer["data"]["permissions"]))?;
    if let Some(clock) = clock(&answer["server"]["time"], round_trip) {
        report.add(clock)?;
    }
    Ok(())
}

fn permissions(permissions: &Value) -> Finding {
    let lacks = |side: &str, needed: &[&'static str]| -> Vec<String> {
        let denied = needed.iter().filter(|subject| !is_allowed(&permissions[side], subject));
        denied.map(|subject| format!("{side} {subject}")).collect()
    };
    let mut lacking = lacks("publish", &PUBLISHES);
    lacking.extend(lacks("subscribe", &LISTENS));
    if lacking.is_empty() {
        return Finding::good("permissions", "this client may do all that a driver does");
    }
    Finding::broken(
        "permissions",
        format!("a driver may not {}", lacking.join(", ")),
        "have them allowed for these credentials (driver, run: any name)",
    )
}

fn is_allowed(rules: &Value, subject: &str) -> bool {
    let matches = |list: &str| {
        let filters = rules[list].as_array().into_iter().flatten().filter_map(Value::as_str);
        filters.into_iter().any(|filter| subject::matches(filter, subject))
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
