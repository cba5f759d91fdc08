//! A line as it goes out, and how one that is too large is cut.

use std::sync::Arc;

use bytes::Bytes;

use super::run_log::RunLog;
use super::subjects::Subjects;
use crate::clock;
use crate::message::LogEntry;
use crate::stream::Message;

#[derive(Debug)]
pub(super) struct QueuedLine {
    pub(super) run: RunLog,
    pub(super) subjects: Arc<Subjects>,
    /// What makes its message id unlike that of the run's other lines.
    pub(super) id: LineId,
    pub(super) body: Bytes,
    pub(super) cost: u32,
    pub(super) unix_nanos: u64,
    /// How many nanoseconds from its stamp on are its own, for pieces of it.
    pub(super) span_nanos: u64,
    /// Whether it is the last piece of its line, so that the line is done with it.
    pub(super) is_last: bool,
}

/// The number of a line within its run, and which piece of it this is: 1 for the whole, then as in
/// a binary heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineId {
    pub(super) line: u64,
    pub(super) piece: u64,
}

impl QueuedLine {
    /// A line may be cut this often in two. Encoding one that is large enough to be cut takes far
    /// longer than this many nanoseconds, so no other line has a stamp among them.
    pub(super) const SPAN_NANOS: u64 = 1_024;

    /// The line for the stream.
    pub(super) fn letter(&self) -> Message {
        Message::new(self.subjects.stored.clone(), self.body.clone())
            .with_id(self.run.message_id(self.id))
    }

    /// The line for those who listen now.
    pub(super) fn live_copy(&self) -> Message {
        Message::new(self.subjects.live.clone(), self.body.clone())
    }

    /// The line as two halves; the line itself when it is too short to be cut.
    pub(super) fn cut(self) -> Result<[Self; 2], Self> {
        let Ok(entry) = LogEntry::decode(&self.body) else { return Err(self) };
        let half = self.span_nanos / 2;
        let middle = entry.message.floor_char_boundary(entry.message.len() / 2);
        if middle == 0 || half == 0 {
            return Err(self);
        }
        let piece = |message: &str, unix_nanos, second: bool| Self {
            run: self.run.clone(),
            subjects: self.subjects.clone(),
            id: LineId { line: self.id.line, piece: self.id.piece * 2 + u64::from(second) },
            body: LogEntry {
                message: message.to_owned(),
                timestamp: clock::rfc3339(unix_nanos),
                ..entry.clone()
            }
            .encode()
            .into(),
            cost: if second { self.cost } else { 0 },
            unix_nanos,
            span_nanos: half,
            is_last: second && self.is_last,
        };
        let (first, second) = entry.message.split_at(middle);
        Ok([piece(first, self.unix_nanos, false), piece(second, self.unix_nanos + half, true)])
    }
}
