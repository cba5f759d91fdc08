//! The other side of the streams, spoken without the runtime under test: posts, changes, reads.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, ServerAddr};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use conveyor_driver::subject::{LOGS_STREAM, MESSAGES_STREAM, PIPELINES_STREAM};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(20);

/// A connection for the harness.
#[derive(Clone, Debug)]
pub struct Admin(Client);

/// A message as a stream holds it.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its subject.
    pub subject: String,
    /// Its headers as text.
    pub headers: String,
    /// Its body.
    pub payload: Bytes,
}

impl Held {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    }
}

impl Admin {
    /// Connects, and keeps trying.
    ///
    /// # Panics
    /// When an address is none.
    pub async fn connect(urls: &[String]) -> Self {
        let servers: Vec<ServerAddr> = urls.iter().map(|url| url.parse().unwrap()).collect();
        let options = ConnectOptions::new()
            .retry_on_initial_connect()
            .connection_timeout(ANSWER_WITHIN)
            .request_timeout(Some(ANSWER_WITHIN))
            .reconnect_delay_callback(|_| Duration::from_millis(50));
        Self(options.connect(servers).await.expect("a client"))
    }

    /// A request of the JetStream API; nothing when it is not answered, or not by JetStream.
    pub async fn ask(&self, subject: &str, body: &Value) -> Option<Value> {
        let body = Bytes::from(body.to_string());
        let asked = self.0.request(format!("$JS.API.{subject}"), body);
        let reply = timeout(ANSWER_WITHIN, asked).await.ok()?.ok()?;
        serde_json::from_slice(&reply.payload).ok()
    }

    /// The same until it is answered without an error, for half a minute at most.
    ///
    /// # Panics
    /// When it never is.
    pub async fn insist(&self, subject: &str, body: &Value) -> Value {
        let mut last = None;
        for _ in 0..600 {
            last = self.ask(subject, body).await;
            if let Some(answer) = last.as_ref().filter(|answer| answer["error"].is_null()) {
                return answer.clone();
            }
            sleep(AGAIN * 2).await;
        }
        panic!("{subject} is refused: {last:?}")
    }

    /// Makes the streams of the control plane.
    pub async fn put_streams(&self, replicas: u8) {
        for (name, subjects, retention) in [
            (MESSAGES_STREAM, json!(["resources.>", "events.>", "drivers.>"]), "interest"),
            (PIPELINES_STREAM, json!(["pipelines.>"]), "workqueue"),
            (LOGS_STREAM, json!(["logs.>"]), "workqueue"),
        ] {
            let config = json!({
                "name": name, "subjects": subjects, "retention": retention, "storage": "file",
                "num_replicas": replicas, "duplicate_window": 120_000_000_000_u64,
                "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_age": 0,
                "discard": "old", "max_msg_size": -1,
            });
            self.insist(&format!("STREAM.CREATE.{name}"), &config).await;
        }
    }

    /// Publishes until the message is stored, once; its number in the stream.
    pub async fn store(&self, subject: &str, payload: &Bytes, id: &str) -> u64 {
        loop {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", id);
            let asked = self.0.request_with_headers(subject.to_owned(), headers, payload.clone());
            if let Ok(Ok(reply)) = timeout(ANSWER_WITHIN, asked).await
                && let Ok(answer) = serde_json::from_slice::<Value>(&reply.payload)
                && let Some(sequence) = answer["seq"].as_u64()
                && answer["error"].is_null()
            {
                return sequence;
            }
            sleep(AGAIN).await;
        }
    }

    /// A consumer's description, when there is one and it is told.
    pub async fn consumer(&self, name: &str) -> Option<Value> {
        let info = self.ask(&format!("CONSUMER.INFO.{MESSAGES_STREAM}.{name}"), &json!({})).await?;
        info["error"].is_null().then_some(info)
    }

    /// How many messages a stream holds.
    pub async fn held(&self, name: &str) -> Option<u64> {
        let info = self.ask(&format!("STREAM.INFO.{name}"), &json!({})).await?;
        info["state"]["messages"].as_u64()
    }

    /// All that a stream holds, in its order. Nothing when there is no such stream.
    ///
    /// # Panics
    /// When the server does not tell.
    pub async fn read(&self, name: &str) -> Vec<Held> {
        let mut info = None;
        for _ in 0..100 {
            info = self.ask(&format!("STREAM.INFO.{name}"), &json!({})).await;
            if info.is_some() {
                break;
            }
        }
        let info = info.expect("a server that answers");
        let state = &info["state"];
        let (Some(first), Some(last)) = (state["first_seq"].as_u64(), state["last_seq"].as_u64())
        else {
            return Vec::new();
        };
        let subject = format!("STREAM.MSG.GET.{name}");
        let each = stream::iter(first..=last).map(|sequence| {
            let (subject, admin) = (subject.clone(), self.clone());
            async move {
                for _ in 0..20 {
                    let answer = admin.ask(&subject, &json!({ "seq": sequence })).await;
                    match answer {
                        Some(answer) if answer["error"].is_null() => {
                            return held(&answer["message"]);
                        }
                        Some(answer) if answer["error"]["code"] == 404 => return None,
                        _ => sleep(AGAIN).await,
                    }
                }
                panic!("message {sequence} of {subject} is not told")
            }
        });
        each.buffered(32).filter_map(async |message| message).collect().await
    }
}

fn held(message: &Value) -> Option<Held> {
    let bytes = |field: &str| STANDARD.decode(message[field].as_str().unwrap_or_default()).ok();
    Some(Held {
        subject: message["subject"].as_str()?.to_owned(),
        headers: String::from_utf8(bytes("hdrs")?).ok()?,
        payload: bytes("data")?.into(),
    })
}
