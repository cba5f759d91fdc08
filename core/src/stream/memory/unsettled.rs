//! The deliveries of one consumer that nobody has settled yet.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

struct Entry {
    attempt: u64,
    /// When it is due again; `None` once it is in the queue for redelivery.
    deadline: Option<Instant>,
    /// Whether the consumer still keeps the message in its stream. A change of filters ends that,
    /// but not the delivery.
    holds: bool,
}

/// Deliveries not settled yet: when each is due again, and which are due now.
#[derive(Default)]
pub(super) struct Unsettled {
    entries: HashMap<u64, Entry>,
    deadlines: BTreeSet<(Instant, u64)>,
    /// May name messages that were settled since; they are skipped.
    due: VecDeque<u64>,
}

impl Unsettled {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// When the next delivery becomes due again by itself.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The messages the consumer keeps in their stream.
    pub(super) fn held(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().filter(|(_, entry)| entry.holds).map(|(sequence, _)| *sequence)
    }

    /// Whether a delivery may have to be made again at once.
    pub(super) fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Queues what is due by now.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((deadline, sequence)) = self.deadlines.first().copied() {
            if deadline > now {
                break;
            }
            self.enqueue(sequence);
        }
    }

    /// The next delivery to be made again; the caller starts or forgets it.
    pub(super) fn next_due(&mut self) -> Option<u64> {
        while let Some(sequence) = self.due.pop_front() {
            if self.entries.contains_key(&sequence) {
                return Some(sequence);
            }
        }
        None
    }

    /// Notes a delivery, first or repeated, and says which attempt it is.
    pub(super) fn start(&mut self, sequence: u64, deadline: Instant) -> u64 {
        let entry = self.entries.entry(sequence).or_insert(Entry {
            attempt: 0,
            deadline: None,
            holds: true,
        });
        entry.attempt += 1;
        entry.deadline = Some(deadline);
        self.deadlines.insert((deadline, sequence));
        entry.attempt
    }

    /// Forgets a delivery, and says whether the consumer was keeping its message.
    pub(super) fn remove(&mut self, sequence: u64) -> bool {
        let Some(entry) = self.entries.remove(&sequence) else { return false };
        if let Some(deadline) = entry.deadline {
            self.deadlines.remove(&(deadline, sequence));
        }
        entry.holds
    }

    /// Makes a delivery due at once. Nothing happens when it is already, or was settled.
    pub(super) fn enqueue(&mut self, sequence: u64) {
        let Some(entry) = self.entries.get_mut(&sequence) else { return };
        if let Some(deadline) = entry.deadline.take() {
            self.deadlines.remove(&(deadline, sequence));
            self.due.push_back(sequence);
        }
    }

    /// Makes a delivery due at that time. Nothing happens when it is due already, or was settled.
    pub(super) fn postpone(&mut self, sequence: u64, until: Instant) {
        let Some(entry) = self.entries.get_mut(&sequence) else { return };
        if let Some(deadline) = entry.deadline.replace(until) {
            self.deadlines.remove(&(deadline, sequence));
            self.deadlines.insert((until, sequence));
        } else {
            entry.deadline = None;
        }
    }

    /// Moves every deadline as a change of the ack wait does.
    pub(super) fn shift(&mut self, from: Duration, to: Duration) {
        self.deadlines.clear();
        for (sequence, entry) in &mut self.entries {
            if let Some(deadline) = &mut entry.deadline {
                let later = *deadline + to;
                *deadline = later.checked_sub(from).unwrap_or(later);
                self.deadlines.insert((*deadline, *sequence));
            }
        }
    }

    /// Decides anew which messages the consumer keeps, and returns those whose answer changed.
    pub(super) fn hold_only(&mut self, wanted: impl Fn(u64) -> Option<bool>) -> Vec<(u64, bool)> {
        let mut changed = Vec::new();
        for (sequence, entry) in &mut self.entries {
            let holds = wanted(*sequence).unwrap_or(false);
            if entry.holds != holds {
                entry.holds = holds;
                changed.push((*sequence, holds));
            }
        }
        changed
    }
}
