//! One stored log line.

use serde::Serialize;
use serde_json::{Map, Value};

use super::members::{members, parse, string, text};
use crate::error::Result;
use crate::run_id::RunId;

/// A log line as the log engine stores it. `labels` reaches live listeners only: the engine drops
/// it when storing.
#[derive(Clone, Debug, PartialEq, Default, Serialize)]
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

/// The same document before it is owned, as the driver logger writes it.
#[derive(Serialize)]
pub(crate) struct LogEntryRef<'a> {
    pub(crate) runid: &'a str,
    pub(crate) driver: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) pipeline: &'a str,
    pub(crate) timestamp: &'a str,
    pub(crate) message: &'a str,
    pub(crate) labels: LabelsRef<'a>,
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

impl LogEntryRef<'_> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        const MEMBERS_AND_TIMESTAMP: usize = 160;
        let mut bytes = Vec::with_capacity(
            MEMBERS_AND_TIMESTAMP + self.message.len() + self.runid.len() + self.driver.len(),
        );
        // Writing text and numbers into a Vec has nothing that could fail.
        let _written = serde_json::to_writer(&mut bytes, self);
        bytes
    }
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
        fn an_encoded_entry_is_one_line_and_decodes_to_the_same(message in ".*", run in ".*") {
            let entry = LogEntry { runid: run.into(), message, ..LogEntry::default() };
            let bytes = entry.encode();
            prop_assert!(!bytes.contains(&b'\n'));
            prop_assert_eq!(LogEntry::decode(&bytes).unwrap(), entry);
        }
    }
}
