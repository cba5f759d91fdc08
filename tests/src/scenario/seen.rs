//! What came of a scenario, as documents.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use conveyor_driver::message::{LogEntry, ResultEvent};
use conveyor_driver::stream::Delivery;
use conveyor_driver::subject::{
    self, ATTEMPTS_HEADER, DEAD_LETTERS_STREAM, LOGS_STREAM, MESSAGES_STREAM, PART_HEADER,
    PIPELINES_STREAM, REASON_HEADER, SUBJECT_HEADER,
};
use serde_json::{Map, Value, json};

use super::document::Scenario;
use super::ground::Ground;
use super::host::Refusal;
use super::post::Post;

/// What came of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Why it could not be played to its end.
    pub broken: Option<String>,
    /// The manager did not start.
    pub refused: Option<Refusal>,
    /// The drain report of each manager.
    pub reports: Vec<Value>,
    /// The stored results.
    pub results: Vec<Value>,
    /// The stored lines.
    pub lines: Vec<SeenLine>,
    /// Their bodies.
    pub stored: Vec<String>,
    /// The bodies of their live copies.
    pub live: Vec<String>,
    /// The dead letters.
    pub dead_letters: Vec<Value>,
    /// The events that are still in the stream.
    pub unsettled: Vec<String>,
}

/// A stored line.
#[derive(Clone, Debug)]
pub struct SeenLine {
    /// Its run.
    pub run: String,
    /// Its time-stamp.
    pub timestamp: String,
    /// All else of it.
    pub document: Value,
}

impl Seen {
    /// Reads what the streams hold. `posted` has the number of each posted message in its stream.
    pub(super) async fn read(
        &mut self,
        ground: &Ground,
        scenario: &Scenario,
        posted: &HashMap<u64, String>,
        live: Vec<String>,
    ) -> conveyor_driver::Result<()> {
        let posts: HashMap<_, _> =
            scenario.posts().enumerate().map(|(i, post)| (post.run(i + 1), post)).collect();
        for delivery in ground.held(PIPELINES_STREAM).await? {
            self.results.push(result(&delivery, &posts));
        }
        for delivery in ground.held(LOGS_STREAM).await? {
            self.stored.push(String::from_utf8_lossy(&delivery.payload).into_owned());
            self.lines.push(line(&delivery, &posts));
        }
        self.live = live;
        for delivery in ground.held(DEAD_LETTERS_STREAM).await? {
            self.dead_letters.push(dead_letter(&delivery));
        }
        for delivery in ground.held(MESSAGES_STREAM).await? {
            let unknown = || format!("message {}", delivery.sequence);
            self.unsettled.push(posted.get(&delivery.sequence).cloned().unwrap_or_else(unknown));
        }
        Ok(())
    }
}

fn result(delivery: &Delivery, posts: &HashMap<String, &Post>) -> Value {
    let event = match ResultEvent::decode(&delivery.payload) {
        Ok(event) if delivery.subject == subject::DRIVER_RESULT => event,
        _ => return json!({"unreadable": text(&delivery.payload), "subject": &*delivery.subject}),
    };
    let mut seen = json!({
        "run": event.run_id, "driver": event.driver, "success": event.result.success,
        "message": event.result.message, "data": event.result.data,
    });
    let resource = json!(event.resource);
    if posts.get(event.run_id.as_str()).and_then(|post| post.echo()) != Some(resource.clone()) {
        seen["resource"] = resource;
    }
    seen
}

fn line(delivery: &Delivery, posts: &HashMap<String, &Post>) -> SeenLine {
    let Ok(mut entry) = LogEntry::decode(&delivery.payload) else {
        let document = json!({"unreadable": text(&delivery.payload)});
        return SeenLine { run: String::new(), timestamp: String::new(), document };
    };
    let run = entry.runid.to_string();
    let level = entry.labels.remove("level");
    let mut document = json!({
        "run": run, "driver": entry.driver, "level": level, "labels": entry.labels,
        "message": entry.message,
    });
    let pipeline = posts.get(&run).map_or_else(String::new, |post| post.pipeline());
    if entry.pipeline != pipeline {
        document["pipeline"] = entry.pipeline.into();
    }
    if subject::logs(&entry.runid).ok().as_deref() != Some(&*delivery.subject) {
        document["subject"] = delivery.subject.to_string().into();
    }
    SeenLine { run, timestamp: entry.timestamp, document }
}

fn dead_letter(delivery: &Delivery) -> Value {
    let header = |name: &str| {
        delivery.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    };
    let ours = |name: &str| name.starts_with("Conveyor-") || name.starts_with("Nats-");
    let others: Map<_, _> = delivery
        .headers
        .iter()
        .filter(|(name, _)| !ours(name))
        .map(|(name, value)| (name.to_string(), json!(value)))
        .collect();
    let mut letter = json!({
        "driver": delivery.subject.strip_prefix("dead-letters."), "body": text(&delivery.payload),
        "attempts": header(ATTEMPTS_HEADER), "subject": header(SUBJECT_HEADER), "headers": others,
    });
    if let Some(part) = header(PART_HEADER) {
        letter["part"] = part.into();
    }
    if header(REASON_HEADER).is_none_or(str::is_empty) {
        letter["reason"] = Value::Null;
    }
    letter
}

fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({"base64": BASE64_STANDARD.encode(bytes)}),
    }
}
