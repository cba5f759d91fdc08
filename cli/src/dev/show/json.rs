//! For programs: one object a line, its only member says what happened.

use conveyor_driver::RunId;
use conveyor_driver::message::{LogEntry, ResultEvent};
use serde_json::{Value, json};

use crate::dev::Dev;
use crate::dev::run_table::Run;

fn told(what: &str, how: &Value) -> String {
    format!("{}\n", json!({ what: how }))
}

pub(super) fn ready(dev: &Dev) -> String {
    told("ready", &json!({ "nats_url": dev.server().url(), "api_url": dev.api_url() }))
}

pub(super) fn note(what: &str, text: &str) -> String {
    told("note", &json!({ "about": what, "text": text }))
}

pub(super) fn posted(id: &RunId, run: &Run) -> String {
    let driver = (!run.driver.is_empty()).then_some(&run.driver);
    told(
        "posted",
        &json!({
            "run_id": id, "resource": run.resource, "pipeline": run.pipeline, "driver": driver,
        }),
    )
}

pub(super) fn line(line: &LogEntry) -> String {
    told("log", &json!(line))
}

pub(super) fn answered(event: &ResultEvent, next: Option<&str>, run: &Run) -> String {
    let took = run.steps.last().map_or(0, |step| millis(step.took));
    let mut text = told(
        "result",
        &json!({
            "run_id": event.run_id, "driver": event.driver, "result": event.result,
            "duration_ms": took, "next": next,
        }),
    );
    if next.is_none() {
        let steps: Vec<_> = run
            .steps
            .iter()
            .map(|step| {
                let (driver, result) = (&step.driver, &step.result);
                json!({ "driver": driver, "result": result, "duration_ms": millis(step.took) })
            })
            .collect();
        text += &told(
            "ended",
            &json!({
                "run_id": event.run_id, "resource": run.resource, "state": run.state,
                "duration_ms": millis(run.age()), "steps": steps,
            }),
        );
    }
    text
}

pub(super) fn unwanted(id: &RunId, subject: &str) -> String {
    told("unwanted", &json!({ "run_id": id, "subject": subject }))
}

pub(super) fn ignored(subject: &str, reason: &str) -> String {
    told("ignored", &json!({ "subject": subject, "reason": reason }))
}

pub(super) fn missed(count: u64) -> String {
    told("missed", &json!({ "notices": count }))
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
