//! The consumers of drivers: whether they are what a driver makes them, and whether anybody pulls.

use std::io;
use std::time::Duration;

use conveyor_driver::ErrorCode;
use conveyor_driver::stream::EventStream;
use conveyor_driver::subject::MESSAGES_STREAM;
use serde_json::Value;

use super::finding::{Finding, Report};
use crate::jetstream;
use crate::services;

const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const NANOS: u64 = 1_000_000_000;
/// A driver of this runtime asks for years.
const SHORT_SECONDS: u64 = 86_400;

pub(super) async fn look(stream: &dyn EventStream, report: &mut Report) -> io::Result<()> {
    let consumers = match jetstream::consumers(stream, MESSAGES_STREAM).await {
        Ok(consumers) => consumers,
        // Said of the streams already.
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(()),
        Err(error) => return report.add(Finding::of_error("consumers", &error)),
    };
    if consumers.is_empty() {
        return report.add(Finding::warning(
            "consumers",
            "no driver was ever here: events are dropped as nobody wants them",
            "start each driver once before the first resource for it is posted",
        ));
    }
    let there = services::drivers(stream, ANSWER_WITHIN).await.unwrap_or_default();
    let there = services::names(&there);
    for consumer in &consumers {
        let name = consumer["name"].as_str().unwrap_or_default();
        report.add(of_driver(name, consumer, there.contains(name)))?;
    }
    Ok(())
}

fn of_driver(name: &str, consumer: &Value, answers: bool) -> Finding {
    let config = &consumer["config"];
    let seconds = config["inactive_threshold"].as_u64().unwrap_or(0) / NANOS;
    if config["durable_name"].as_str().is_none_or(str::is_empty) {
        return Finding::broken(
            "consumers",
            format!("{name} is not durable: its events are dropped when the driver is away"),
            "restart the driver with this runtime and --set adopt=true; messages it holds may be lost",
        );
    }
    if (1..SHORT_SECONDS).contains(&seconds) {
        return Finding::broken(
            "consumers",
            format!("{name} is removed, with its events, when the driver is away for {seconds} s"),
            "restart the driver: it brings the consumer to what it should be",
        );
    }
    let count = |member: &str| consumer[member].as_u64().unwrap_or(0);
    let (pending, in_flight, waiting) =
        (count("num_pending"), count("num_ack_pending"), count("num_waiting"));
    let state = format!("{name}: {in_flight} in flight, {pending} waiting");
    // A driver whose permits are all taken does not pull.
    if waiting == 0 && in_flight == 0 && !answers {
        return Finding::warning(
            "consumers",
            format!("{state}; no instance of the driver is there"),
            "start the driver, or remove its consumer if it is gone for good",
        );
    }
    let most = config["max_ack_pending"].as_u64().unwrap_or(0);
    if most > 0 && in_flight >= most {
        return Finding::warning(
            "consumers",
            format!("{state}; no more than {most} may be in flight over all instances"),
            "raise the driver's option max_ack_pending",
        );
    }
    Finding::good("consumers", state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn verdict(consumer: &Value, answers: bool) -> String {
        serde_json::to_value(of_driver("git", consumer, answers)).unwrap()["verdict"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn what_would_lose_events_is_broken() {
        let years = 315_360_000 * NANOS;
        let durable = json!({"durable_name": "git", "inactive_threshold": years});
        assert_eq!(verdict(&json!({"config": durable, "num_waiting": 1}), false), "good");
        assert_eq!(verdict(&json!({"config": durable, "num_ack_pending": 1}), false), "good");
        assert_eq!(verdict(&json!({"config": durable}), true), "good");
        assert_eq!(verdict(&json!({"config": durable}), false), "warning");
        assert_eq!(verdict(&json!({"config": {"inactive_threshold": 5 * NANOS}}), true), "broken");
        let short = json!({"durable_name": "git", "inactive_threshold": 5 * NANOS});
        assert_eq!(verdict(&json!({"config": short}), true), "broken");
    }
}
