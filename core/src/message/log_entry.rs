//! One stored log line.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::escape::escape;
use super::members::{members, parse, string, text};
use crate::error::Result;
use crate::run_id::RunId;

/// A log line as the log engine stores it. `labels` reaches live listeners only: the engine drops
/// it when storing.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct LogEntry {
    /// The run the line belongs to.
    pub runid: RunId,
    /// The driver that wrote it.
    pub driver: String,
    /// The pipeline of the resource; absent when it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pipeline: String,
    /// RFC 3339, UTC, nine fraction digits; strictly rising within driver and run.
    #[cfg_attr(feature = "contract", schemars(extend("format" = "date-time")))]
    pub timestamp: String,
    /// The line.
    pub message: String,
    /// Names and values beside the line, `level` among them.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(feature = "contract", schemars(with = "LabelsRef<'static>"))]
    pub labels: Map<String, Value>,
}

impl LogEntry {
    /// Reads an entry as the log engine does.
    ///
    /// # Errors
    /// `MessageInvalid`, naming the field: the engine would drop this entry.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let text = text("log entry", bytes)?;
        let [runid, driver, pipeline, timestamp, message, labels] = members(
            "log entry",
            text,
            ["runid", "driver", "pipeline", "timestamp", "message", "labels"],
        )?;
        Ok(Self {
            runid: string("runid", runid)?.into(),
            driver: string("driver", driver)?,
            pipeline: string("pipeline", pipeline)?,
            timestamp: string("timestamp", timestamp)?,
            message: string("message", message)?,
            labels: labels.and_then(|raw| parse("labels", raw).ok()).unwrap_or_default(),
        })
    }

    /// The bytes to publish: JSON on one line.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Names and values beside a line.
#[derive(Serialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema), schemars(rename = "LogLabels"))]
pub(crate) struct LabelsRef<'a> {
    /// How much the line matters.
    #[cfg_attr(feature = "contract", schemars(with = "crate::logger::Level"))]
    pub(crate) level: &'static str,
    /// Whatever the driver gave.
    #[serde(flatten)]
    pub(crate) others: &'a Map<String, Value>,
}

/// How every entry of one run begins: all that comes before its time stamp.
pub(crate) fn opening(run: &RunId, driver: &str, pipeline: &str) -> Vec<u8> {
    let mut bytes = b"{\"runid\":".to_vec();
    escape(run.as_str(), &mut bytes);
    bytes.extend_from_slice(b",\"driver\":");
    escape(driver, &mut bytes);
    if !pipeline.is_empty() {
        bytes.extend_from_slice(b",\"pipeline\":");
        escape(pipeline, &mut bytes);
    }
    bytes
}

/// An entry with this [`opening`], as the driver logger writes it: the bytes that
/// [`LogEntry::encode`] gives.
pub(crate) fn encode(
    opening: &[u8],
    timestamp: &[u8],
    message: &str,
    labels: &LabelsRef<'_>,
) -> Vec<u8> {
    const MEMBERS_AND_LEVEL: usize = 64;
    let capacity = opening.len() + timestamp.len() + message.len() + MEMBERS_AND_LEVEL;
    let mut bytes = Vec::with_capacity(capacity);
    bytes.extend_from_slice(opening);
    bytes.extend_from_slice(b",\"timestamp\":\"");
    bytes.extend_from_slice(timestamp);
    bytes.extend_from_slice(b"\",\"message\":");
    escape(message, &mut bytes);
    bytes.extend_from_slice(b",\"labels\":");
    // Writing text and numbers into a Vec has nothing that could fail.
    let _written = serde_json::to_writer(&mut bytes, labels);
    bytes.push(b'}');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_gets_a_verdict(text in ".*") {
            let _verdict = LogEntry::decode(text.as_bytes());
        }

        #[test]
        fn an_encoded_entry_is_one_line_and_decodes_to_the_same(message in ".*", run in ".*", pipeline in ".*") {
            let entry = LogEntry { runid: run.into(), message, pipeline, ..LogEntry::default() };
            let bytes = entry.encode();
            let labels = LabelsRef { level: "info", others: &Map::new() };
            let opening = opening(&entry.runid, &entry.driver, &entry.pipeline);
            let labelled = LogEntry { labels: Map::from_iter([("level".to_owned(), "info".into())]), ..entry.clone() };
            prop_assert_eq!(
                encode(&opening, entry.timestamp.as_bytes(), &entry.message, &labels),
                labelled.encode(),
            );
            prop_assert!(!bytes.contains(&b'\n'));
            prop_assert_eq!(LogEntry::decode(&bytes).unwrap(), entry);
        }
    }
}
