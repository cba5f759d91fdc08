//! JetStream's documents for streams and consumers, as far as the runtime knows them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::stream::{ConsumerConfig, ConsumerInfo, Retention, StreamConfig};

/// Keys the server adds to a consumer's metadata by itself start so.
const SERVERS_OWN: &str = "_nats.";

#[derive(Debug, Deserialize)]
pub(super) struct StreamDocument {
    /// All of it, so that a change keeps what the runtime does not know.
    pub(super) config: Map<String, Value>,
}

impl StreamDocument {
    pub(super) fn to_config(&self) -> StreamConfig {
        let subjects = self.config.get("subjects").and_then(Value::as_array);
        StreamConfig {
            name: self.config.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            subjects: subjects
                .into_iter()
                .flatten()
                .filter_map(|subject| subject.as_str().map(str::to_owned))
                .collect(),
            retention: match self.config.get("retention").and_then(Value::as_str) {
                Some("interest") => Retention::Interest,
                Some("workqueue") => Retention::WorkQueue,
                _ => Retention::Limits,
            },
        }
    }

    /// The document with what the runtime cares about changed.
    pub(super) fn changed_to(mut self, config: &StreamConfig) -> Value {
        self.config.insert("subjects".into(), json!(config.subjects));
        self.config.insert("retention".into(), json!(retention(config.retention)));
        Value::Object(self.config)
    }
}

pub(super) fn new_stream(config: &StreamConfig) -> Value {
    const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);
    json!({
        "name": config.name,
        "subjects": config.subjects,
        "retention": retention(config.retention),
        "storage": "file",
        "num_replicas": 1,
        "max_consumers": -1,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": 0,
        "max_msg_size": -1,
        "discard": "old",
        "duplicate_window": nanos(DUPLICATE_WINDOW),
    })
}

fn retention(retention: Retention) -> &'static str {
    match retention {
        Retention::Limits => "limits",
        Retention::Interest => "interest",
        Retention::WorkQueue => "workqueue",
    }
}

/// A request to make the consumer or to change it.
pub(super) fn put_consumer(stream: &str, config: &ConsumerConfig) -> Value {
    let mut document = json!({
        "name": config.name,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "replay_policy": "instant",
        "ack_wait": nanos(config.ack_wait),
        "max_ack_pending": config.max_ack_pending,
        "max_deliver": -1,
        "metadata": config.metadata,
    });
    if config.durable {
        document["durable_name"] = json!(config.name);
    }
    if !config.filters.is_empty() {
        // Always the list, also for one: a server that does not know it must not match by chance.
        document["filter_subjects"] = json!(config.filters);
    }
    if let Some(threshold) = config.inactive_threshold {
        document["inactive_threshold"] = json!(nanos(threshold));
    }
    json!({ "stream_name": stream, "config": document, "action": "" })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[derive(Debug, Deserialize)]
pub(super) struct ConsumerDocument {
    #[serde(default)]
    name: String,
    #[serde(default)]
    created: String,
    config: ConsumerMembers,
    #[serde(default)]
    num_ack_pending: u64,
    #[serde(default)]
    num_waiting: u64,
    #[serde(default)]
    num_pending: u64,
    #[serde(default)]
    num_redelivered: u64,
    #[serde(default)]
    ack_floor: Position,
    #[serde(default)]
    delivered: Position,
}

#[derive(Debug, Default, Deserialize)]
struct Position {
    #[serde(default)]
    stream_seq: u64,
}

/// Where in its stream a consumer's unsettled messages are.
#[derive(Debug)]
pub(super) struct Unsettled {
    /// The subjects it delivers.
    pub(super) filters: Vec<String>,
    /// Sequences in the stream, others' messages and settled ones among them.
    pub(super) sequences: RangeInclusive<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConsumerMembers {
    durable_name: Option<String>,
    deliver_subject: Option<String>,
    deliver_policy: String,
    ack_policy: String,
    replay_policy: String,
    filter_subject: Option<String>,
    filter_subjects: Vec<String>,
    ack_wait: u64,
    backoff: Vec<u64>,
    max_ack_pending: i64,
    max_deliver: i64,
    headers_only: bool,
    priority_groups: Vec<String>,
    inactive_threshold: u64,
    metadata: BTreeMap<String, String>,
}

impl ConsumerMembers {
    fn filters(&self) -> Vec<String> {
        let one = self.filter_subject.iter().filter(|subject| !subject.is_empty());
        self.filter_subjects.iter().chain(one).cloned().collect()
    }

    fn unusable(&self) -> Option<String> {
        let is = |value: &str, wanted: &str| value.is_empty() || value == wanted;
        Some(if self.deliver_subject.as_deref().is_some_and(|subject| !subject.is_empty()) {
            "it pushes its messages".to_owned()
        } else if self.ack_policy != "explicit" {
            format!("its ack policy is {}", self.ack_policy)
        } else if !is(&self.deliver_policy, "all") {
            format!("its deliver policy is {}", self.deliver_policy)
        } else if !is(&self.replay_policy, "instant") {
            format!("its replay policy is {}", self.replay_policy)
        } else if self.max_deliver > 0 {
            format!("it delivers a message {} times at most", self.max_deliver)
        } else if !self.backoff.is_empty() {
            "its back-off list stands in for the ack wait".to_owned()
        } else if self.headers_only {
            "it delivers headers only".to_owned()
        } else if !self.priority_groups.is_empty() {
            "it serves priority groups only".to_owned()
        } else {
            return None;
        })
    }
}

impl ConsumerDocument {
    /// Where to look for what was delivered more than once and never settled; nowhere when nothing
    /// was.
    pub(super) fn redelivered(&self) -> Option<Unsettled> {
        let mut filters = self.config.filters();
        if filters.is_empty() {
            filters.push(">".to_owned());
        }
        let sequences = self.ack_floor.stream_seq + 1..=self.delivered.stream_seq;
        (self.num_redelivered > 0).then_some(Unsettled { filters, sequences })
    }

    pub(super) fn into_info(self) -> ConsumerInfo {
        let (unusable, filters) = (self.config.unusable(), self.config.filters());
        let config = self.config;
        ConsumerInfo {
            config: ConsumerConfig {
                name: self.name,
                durable: config.durable_name.is_some_and(|name| !name.is_empty()),
                filters,
                ack_wait: Duration::from_nanos(config.ack_wait),
                // Negative for no limit.
                max_ack_pending: u32::try_from(config.max_ack_pending).unwrap_or(u32::MAX),
                inactive_threshold: (config.inactive_threshold > 0)
                    .then(|| Duration::from_nanos(config.inactive_threshold)),
                metadata: config
                    .metadata
                    .into_iter()
                    .filter(|(key, _)| !key.starts_with(SERVERS_OWN))
                    .collect(),
            },
            identity: self.created,
            unusable,
            pending: self.num_pending,
            ack_pending: self.num_ack_pending,
            waiting: self.num_waiting,
        }
    }
}

/// A message as its stream holds it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) subject: String,
    pub(super) sequence: u64,
    /// Its headers as they were published; empty when it has none.
    pub(super) header_block: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// JetStream's form of a [`Held`].
#[derive(Debug, Deserialize)]
pub(super) struct HeldDocument {
    message: HeldMembers,
}

#[derive(Debug, Deserialize)]
struct HeldMembers {
    subject: String,
    seq: u64,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

impl HeldDocument {
    pub(super) fn into_held(self) -> Result<Held, base64::DecodeError> {
        let HeldMembers { subject, seq, hdrs, data } = self.message;
        Ok(Held {
            subject,
            sequence: seq,
            header_block: STANDARD.decode(hdrs)?,
            payload: STANDARD.decode(data)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ConsumerConfig {
        ConsumerConfig {
            name: "git".into(),
            durable: true,
            filters: vec!["resources.repo".into()],
            ack_wait: Duration::from_secs(30),
            max_ack_pending: 500,
            inactive_threshold: Some(Duration::from_secs(3600)),
            metadata: BTreeMap::from([("owner".into(), "o".into())]),
        }
    }

    fn answered(change: impl Fn(&mut Value)) -> ConsumerInfo {
        let mut request = put_consumer("messages", &config());
        let mut answer = json!({ "name": "git", "config": request["config"].take() });
        change(&mut answer["config"]);
        serde_json::from_value::<ConsumerDocument>(answer).expect("a document").into_info()
    }

    #[test]
    fn what_is_asked_for_is_read_back() {
        let info = answered(|config| config["metadata"]["_nats.ver"] = json!("2.15.1"));
        assert_eq!(info.config, config());
        assert_eq!(info.unusable, None);
    }

    #[test]
    fn one_filter_is_sent_as_a_list() {
        let request = put_consumer("messages", &config());
        assert_eq!(request["config"]["filter_subjects"], json!(["resources.repo"]));
        assert_eq!(request["config"].get("filter_subject"), None);
    }

    #[test]
    fn foreign_consumers_say_why_they_are_unusable() {
        for (key, value) in [
            ("deliver_subject", json!("x")),
            ("ack_policy", json!("none")),
            ("deliver_policy", json!("new")),
            ("max_deliver", json!(3)),
            ("backoff", json!([1])),
        ] {
            assert!(answered(|config| config[key] = value.clone()).unusable.is_some(), "{key}");
        }
    }

    #[test]
    fn only_a_consumer_that_delivered_something_again_is_looked_through() {
        let unsettled = |redelivered: u64, filters: Value| {
            let answer = json!({
                "config": { "filter_subjects": filters },
                "num_redelivered": redelivered,
                "ack_floor": { "consumer_seq": 1, "stream_seq": 4 },
                "delivered": { "consumer_seq": 9, "stream_seq": 7 },
            });
            serde_json::from_value::<ConsumerDocument>(answer).expect("a document").redelivered()
        };
        assert!(unsettled(0, json!(["a"])).is_none());
        let some = unsettled(1, json!(["a"])).expect("somewhere");
        assert_eq!((some.filters, some.sequences), (vec!["a".to_owned()], 5..=7));
        assert_eq!(unsettled(1, json!([])).expect("somewhere").filters, [">"]);
    }

    #[test]
    fn a_held_message_is_read_with_the_bytes_of_its_headers() {
        let answer = json!({ "message": {
            "subject": "a", "seq": 2, "hdrs": "Z2FyYmFnZQ0KDQo=", "data": "/w==", "time": "",
        } });
        let document = serde_json::from_value::<HeldDocument>(answer).expect("a document");
        let held = document.into_held().expect("base64");
        assert_eq!((held.subject.as_str(), held.sequence), ("a", 2));
        assert_eq!((&*held.header_block, &*held.payload), (&b"garbage\r\n\r\n"[..], &b"\xff"[..]));
    }

    #[test]
    fn a_changed_stream_keeps_what_the_runtime_does_not_know() {
        let document: StreamDocument = serde_json::from_value(json!({
            "config": { "name": "s", "subjects": ["a"], "retention": "limits", "num_replicas": 3 }
        }))
        .expect("a document");
        let wanted = StreamConfig::new("s", &["a", "b"], Retention::Interest);
        let changed = document.changed_to(&wanted);
        assert_eq!(changed["num_replicas"], json!(3));
        assert_eq!(changed["subjects"], json!(["a", "b"]));
        assert_eq!(changed["retention"], json!("interest"));
    }
}
