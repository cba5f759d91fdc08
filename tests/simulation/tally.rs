//! What happened over many histories, so that a simulation in which nothing goes wrong is noticed,
//! and what the runtime does not promise is counted.

use std::collections::BTreeMap;

use crate::history::{Answer, Counts, Ended, Fate, History, What};

#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

/// What must have happened in any thousand histories.
const WANTED: [&str; 16] = [
    "answered",
    "answered before",
    "cancelled on request",
    "consumers deleted",
    "dead letters",
    "given back",
    "given up",
    "ignored",
    "leases lost",
    "log lines stored",
    "log lines unsent",
    "publishes refused",
    "results refused as duplicates",
    "retried",
    "runs dropped",
    "timed out",
];

impl Tally {
    pub(crate) fn add(&mut self, history: &History) {
        self.count("histories", 1);
        self.count("events", history.plan.events.len() as u64);
        self.count("log lines stored", history.log.len() as u64);
        for entry in &history.entries {
            self.add_one(&entry.what);
        }
        self.add_unpromised(history);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (name, count) in other.0 {
            self.count(name, count);
        }
    }

    /// What should have happened and did not.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        WANTED.into_iter().filter(|name| !self.0.contains_key(name)).collect()
    }

    fn count(&mut self, name: &'static str, more: u64) {
        if more > 0 {
            *self.0.entry(name).or_default() += more;
        }
    }

    fn add_one(&mut self, what: &What) {
        match what {
            What::Began { .. } => self.count("runs", 1),
            What::Ended { by: Ended::Dropped, .. } => self.count("runs dropped", 1),
            What::ConsumerDeleted { .. } => self.count("consumers deleted", 1),
            What::Started { .. } => self.count("managers", 1),
            What::Answered { fate: Fate::Stored, .. } => self.count("answered", 1),
            What::Answered { fate: Fate::Duplicate, .. } => {
                self.count("results refused as duplicates", 1);
            }
            What::Answered { fate: Fate::Refused, .. }
            | What::Buried { fate: Fate::Refused, .. } => self.count("publishes refused", 1),
            What::Reported { drivers, .. } => drivers.iter().for_each(|c| self.add_counts(c)),
            _ => {}
        }
    }

    fn add_counts(&mut self, counts: &Counts) {
        self.count("answered before", counts.answered_before);
        self.count("cancelled on request", counts.cancelled);
        self.count("dead letters", counts.dead_lettered);
        self.count("given back", counts.given_back);
        self.count("given up", counts.poisoned);
        self.count("ignored", counts.ignored);
        self.count("leases lost", counts.lease_lost);
        self.count("log lines unsent", counts.lines_unsent);
        self.count("retried", counts.retried);
        self.count("timed out", counts.timed_out);
    }

    /// What is no fault of the history as a whole, and still no good answer to somebody's event.
    fn add_unpromised(&mut self, history: &History) {
        let deleted =
            history.entries.iter().any(|entry| matches!(entry.what, What::ConsumerDeleted { .. }));
        let mut answers: BTreeMap<(usize, usize), Vec<(usize, Answer)>> = BTreeMap::new();
        let mut began: BTreeMap<(usize, usize), u32> = BTreeMap::new();
        for entry in &history.entries {
            match entry.what {
                What::Began { driver, event, .. } => {
                    *began.entry((event, driver)).or_default() += 1
                }
                What::Answered { instance, driver, event, by, fate } if fate != Fate::Refused => {
                    let of = answers.entry((event, driver)).or_default();
                    if by == Answer::GivenUp && of.iter().all(|(_, by)| *by != Answer::GivenUp) {
                        let runs = began.get(&(event, driver)).copied().unwrap_or_default();
                        let most = history.plan.drivers[driver].max_attempts;
                        self.count("unpromised: given up, never run", u64::from(runs == 0));
                        self.count("unpromised: given up, run too seldom", u64::from(runs < most));
                        self.count("unpromised: given up, answered before", of.len().min(1) as u64);
                    }
                    let doubled = fate == Fate::Stored && !of.is_empty();
                    if doubled && deleted {
                        self.count("unpromised: doubled after a deleted consumer", 1);
                    } else if doubled && of.iter().any(|(other, _)| *other == instance) {
                        self.count("unpromised: doubled by one instance", 1);
                    } else if doubled {
                        self.count("unpromised: doubled by two instances", 1);
                    }
                    of.push((instance, by));
                }
                _ => {}
            }
        }
    }
}
