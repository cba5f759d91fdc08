//! A line as it can be sent: with labels that the server takes, in pieces that fit a message.

use std::sync::Arc;

use super::line::LogLine;
use super::pieces::pieces;
use super::run_log::RunLog;
use super::subjects::Subjects;

pub(super) struct Fitted<'a> {
    /// With labels that the server takes.
    pub(super) line: LogLine,
    pub(super) subjects: &'a Arc<Subjects>,
    /// How many bytes an entry has beside its message.
    beside: usize,
    /// How many the message of one entry may have when escaped.
    limit: usize,
}

impl<'a> Fitted<'a> {
    /// A line of this log, whose entries have so many bytes at most, and so many beside message and
    /// labels.
    pub(super) fn new(
        log: &RunLog,
        subjects: &'a Arc<Subjects>,
        mut line: LogLine,
        [most, beside]: [usize; 2],
    ) -> Self {
        let room = most.saturating_sub(beside);
        let mut labels = 0;
        if !line.labels.is_empty() {
            line.labels.remove("level");
            labels = serde_json::to_string(&line.labels).map_or(0, |text| text.len());
            if labels > room / 2 {
                tracing::warn!(
                    driver = log.driver(), run_id = %log.run_id(), bytes = labels,
                    "the labels of a log line are too large for the server and were left out"
                );
                line.labels.clear();
                labels = 0;
            }
        }
        Self { line, subjects, beside: beside + labels, limit: room - labels }
    }

    pub(super) fn pieces(&self) -> impl Iterator<Item = &str> {
        pieces(&self.line.message, self.limit)
    }

    pub(super) const fn entry_bytes(&self, piece: &str) -> usize {
        piece.len() + self.beside
    }
}
