//! The streams, and who reads them.

use std::io;

use conveyor_driver::ErrorCode;
use conveyor_driver::stream::{EventStream, StreamConfig};
use conveyor_driver::subject::{DEAD_LETTERS_STREAM, PIPELINES_STREAM};
use serde_json::{Value, json};

use super::finding::{Finding, Report};
use crate::jetstream;

const START_CONTROL_PLANE: &str =
    "start the Conveyor CI server, which makes it, or `conveyor-driver dev`";

pub(super) async fn look(stream: &dyn EventStream, report: &mut Report) -> io::Result<()> {
    for wanted in StreamConfig::of_control_plane() {
        report.add(match stream.stream(&wanted.name).await {
            Ok(Some(found)) => compared(&found, &wanted),
            Ok(None) => Finding::broken(
                "streams",
                format!("there is no stream {}", wanted.name),
                START_CONTROL_PLANE,
            ),
            Err(error) => Finding::of_error("streams", &error),
        })?;
    }
    report.add(control_plane(stream).await)?;
    if let Some(finding) = dead_letters(stream).await {
        report.add(finding)?;
    }
    Ok(())
}

fn compared(found: &StreamConfig, wanted: &StreamConfig) -> Finding {
    let mut lacking = wanted.subjects.clone();
    lacking.retain(|subject| !found.subjects.contains(subject));
    if !lacking.is_empty() {
        return Finding::broken(
            "streams",
            format!("stream {} does not take {}", found.name, lacking.join(", ")),
            "restart the Conveyor CI server, which brings it to what it should be",
        );
    }
    if found.retention != wanted.retention {
        return Finding::broken(
            "streams",
            format!(
                "stream {} keeps messages by {:?}, not {:?}",
                found.name, found.retention, wanted.retention
            ),
            "remove the stream, if nobody else uses it, and restart the Conveyor CI server",
        );
    }
    Finding::good("streams", format!("stream {} is as the control plane makes it", found.name))
}

/// Without one, results are kept and no pipeline goes on.
async fn control_plane(stream: &dyn EventStream) -> Finding {
    match stream.consumer(PIPELINES_STREAM, PIPELINES_STREAM).await {
        Ok(Some(consumer)) if consumer.waiting > 0 => Finding::good(
            "streams",
            format!("a control plane leads pipelines; {} events wait for it", consumer.pending),
        ),
        Ok(_) => Finding::warning(
            "streams",
            "no control plane reads results: pipelines do not go on",
            "start the Conveyor CI server, or `conveyor-driver dev`",
        ),
        Err(error) if error.code() == ErrorCode::NotFound => Finding::warning(
            "streams",
            "no control plane was ever here",
            "start the Conveyor CI server, or `conveyor-driver dev`",
        ),
        Err(error) => Finding::of_error("streams", &error),
    }
}

async fn dead_letters(stream: &dyn EventStream) -> Option<Finding> {
    let subject = format!("$JS.API.STREAM.INFO.{DEAD_LETTERS_STREAM}");
    let info = jetstream::ask(stream, &subject, &json!({})).await.ok()?;
    let count = info["state"]["messages"].as_u64().filter(|count| *count > 0)?;
    let last = info["state"]["last_ts"].as_str().map_or("", |time| time.get(..19).unwrap_or(time));
    Some(Finding::warning(
        "streams",
        format!("{count} dead letters, the last of {last}"),
        "`conveyor-driver dead-letters list` shows why; then replay or drop them",
    ))
    .filter(|_| info["config"] != Value::Null)
}
