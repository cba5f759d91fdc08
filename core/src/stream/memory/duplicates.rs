//! The message ids a stream has seen lately.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(120);

/// Message ids within the duplicate window, with the number each was stored under.
#[derive(Default)]
pub(super) struct Duplicates {
    sequences: HashMap<String, u64>,
    oldest_first: VecDeque<(Instant, String)>,
}

impl Duplicates {
    /// The number of the message that came with this id within the window.
    pub(super) fn find(&mut self, id: &str, now: Instant) -> Option<u64> {
        while self.oldest_first.front().is_some_and(|(seen, _)| now >= *seen + WINDOW) {
            if let Some((_, id)) = self.oldest_first.pop_front() {
                self.sequences.remove(&id);
            }
        }
        self.sequences.get(id).copied()
    }

    /// Remembers an id that [`find`](Self::find) did not know.
    pub(super) fn remember(&mut self, id: &str, sequence: u64, now: Instant) {
        self.sequences.insert(id.to_owned(), sequence);
        self.oldest_first.push_back((now, id.to_owned()));
    }
}
