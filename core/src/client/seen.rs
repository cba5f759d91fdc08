//! Which lines a log stream has given, so that what the server sends again is not given twice.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::message::LogEntry;

/// The lines of all connections so far, and of this one. Equal lines are counted: one that a driver wrote
/// twice is given twice.
#[derive(Debug, Default)]
pub(super) struct Seen {
    hasher: RandomState,
    lines: HashMap<u64, Count>,
    connection: u32,
}

#[derive(Debug, Default)]
struct Count {
    given: u32,
    /// How often it came on the connection of this number.
    came: u32,
    connection: u32,
}

impl Seen {
    /// From now on lines come from the start again.
    pub(super) const fn reconnected(&mut self) {
        self.connection = self.connection.wrapping_add(1);
    }

    /// Whether the line is new. Labels do not count: the server stores none.
    pub(super) fn is_new(&mut self, entry: &LogEntry) -> bool {
        let LogEntry { runid, driver, timestamp, message, .. } = entry;
        let line = self.hasher.hash_one((runid, driver, timestamp, message));
        let count = self.lines.entry(line).or_default();
        if count.connection != self.connection {
            *count = Count { connection: self.connection, came: 0, ..*count };
        }
        count.came += 1;
        let new = count.came > count.given;
        if new {
            count.given = count.came;
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> LogEntry {
        LogEntry { message: message.to_owned(), ..LogEntry::default() }
    }

    #[test]
    fn what_comes_again_is_given_once_and_what_was_written_twice_twice() {
        let mut seen = Seen::default();
        assert!(seen.is_new(&line("a")) && seen.is_new(&line("a")) && seen.is_new(&line("b")));
        seen.reconnected();
        assert!(!seen.is_new(&line("a")) && !seen.is_new(&line("b")) && !seen.is_new(&line("a")));
        assert!(seen.is_new(&line("a")), "a third of them is new");
        seen.reconnected();
        assert!((0..3).all(|_| !seen.is_new(&line("a"))));
        assert!(seen.is_new(&line("c")));
    }
}
