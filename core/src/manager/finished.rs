//! Events that were answered, remembered so that a redelivery after a lost ack is not run again.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use crate::message::DriverMessage;
use crate::run_id::RunId;

/// How many events are remembered. An ack that was lost shows within `ack_wait_ms`, long before this
/// many further events.
const REMEMBERED: usize = 16_384;

/// Names one stored message: its number alone would come again when its stream is made anew.
type Fingerprint = u64;

#[derive(Debug, Default)]
pub(super) struct Finished {
    hasher: RandomState,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    known: HashSet<Fingerprint>,
    order: VecDeque<Fingerprint>,
}

impl Finished {
    pub(super) fn fingerprint(&self, sequence: u64, message: &DriverMessage) -> Fingerprint {
        let key: (u64, &str, &RunId) = (sequence, &message.id, &message.run_id);
        self.hasher.hash_one(key)
    }

    pub(super) fn remember(&self, event: Fingerprint) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.known.insert(event) {
            memory.order.push_back(event);
            if memory.order.len() > REMEMBERED
                && let Some(oldest) = memory.order.pop_front()
            {
                memory.known.remove(&oldest);
            }
        }
    }

    pub(super) fn knows(&self, event: Fingerprint) -> bool {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).known.contains(&event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Resource;

    #[test]
    fn the_latest_events_are_remembered_and_the_oldest_forgotten() {
        let finished = Finished::default();
        let message = DriverMessage::new("create", &Resource::default(), "id", "run".into());
        let events: Vec<_> =
            (0..=REMEMBERED as u64).map(|n| finished.fingerprint(n, &message)).collect();
        for event in &events {
            finished.remember(*event);
            finished.remember(*event);
        }
        assert!(!finished.knows(events[0]));
        assert!(finished.knows(events[1]) && finished.knows(events[REMEMBERED]));
    }

    #[test]
    fn another_message_of_the_same_number_is_another_event() {
        let finished = Finished::default();
        let message = |id| DriverMessage::new("create", &Resource::default(), id, "run".into());
        finished.remember(finished.fingerprint(7, &message("a")));
        assert!(!finished.knows(finished.fingerprint(7, &message("b"))));
    }
}
