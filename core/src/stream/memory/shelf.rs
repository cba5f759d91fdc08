//! The messages a stream holds.

use std::collections::BTreeMap;

use crate::clock;
use crate::stream::{Message, Retention};

/// One message, and how many consumers have yet to settle it.
pub(super) struct Held {
    pub(super) message: Message,
    /// In nanoseconds since 1970.
    pub(super) stored_at: u64,
    holders: usize,
}

/// The messages of one stream, by their number.
pub(super) struct Shelf {
    retention: Retention,
    messages: BTreeMap<u64, Held>,
}

impl Shelf {
    pub(super) fn new(retention: Retention) -> Self {
        Self { retention, messages: BTreeMap::new() }
    }

    /// Changes the retention; a stream that comes to go by interest drops what nobody waits for.
    pub(super) fn set_retention(&mut self, retention: Retention) {
        self.retention = retention;
        if retention == Retention::Interest {
            self.messages.retain(|_, held| held.holders > 0);
        }
    }

    /// Stores a message for so many consumers, unless the retention has no use for it.
    pub(super) fn put(&mut self, sequence: u64, message: Message, holders: usize) {
        if holders > 0 || self.retention != Retention::Interest {
            let stored_at = clock::unix_nanos();
            self.messages.insert(sequence, Held { message, stored_at, holders });
        }
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&Held> {
        self.messages.get(&sequence)
    }

    /// All messages from a number on, in order.
    pub(super) fn from(&self, first: u64) -> impl Iterator<Item = (u64, &Message)> {
        self.messages.range(first..).map(|(sequence, held)| (*sequence, &held.message))
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// One more consumer has yet to settle the message.
    pub(super) fn hold(&mut self, sequence: u64) {
        if let Some(held) = self.messages.get_mut(&sequence) {
            held.holders += 1;
        }
    }

    /// A consumer lost its interest in the message without settling it.
    pub(super) fn release(&mut self, sequence: u64) {
        self.drop_holder(sequence, self.retention == Retention::Interest);
    }

    /// A consumer settled the message.
    pub(super) fn settle(&mut self, sequence: u64) {
        self.drop_holder(sequence, self.retention != Retention::Limits);
    }

    fn drop_holder(&mut self, sequence: u64, remove_unheld: bool) {
        if let Some(held) = self.messages.get_mut(&sequence) {
            held.holders = held.holders.saturating_sub(1);
            if remove_unheld && held.holders == 0 {
                self.messages.remove(&sequence);
            }
        }
    }
}
