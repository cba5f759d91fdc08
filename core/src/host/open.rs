//! The runs that a host has not completed.

use slab::Slab;
use tokio::sync::oneshot;

use super::Outcome;
use crate::cancellation::Cancellation;

/// Names a run to its queue. A key is never given out twice, so that a stale one is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunKey(u64);

impl RunKey {
    /// The key as a number, for hosts that keep numbers.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The key that was given out as this number. Any number is safe to try.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    const INDEX_BITS: u32 = 24;

    /// Permits are fewer than 2²⁴, and 2⁴⁰ runs are more than a process lives for.
    const fn new(index: usize, count: u64) -> Self {
        Self(count << Self::INDEX_BITS | index as u64)
    }

    const fn index(self) -> usize {
        (self.0 & ((1 << Self::INDEX_BITS) - 1)) as usize
    }
}

#[derive(Debug)]
pub(super) struct Open {
    key: RunKey,
    answer: oneshot::Sender<Outcome>,
    pub(super) cancellation: Cancellation,
    /// The host was, or is to be, told that the run should end.
    pub(super) told: bool,
}

/// All of them, by key.
#[derive(Debug, Default)]
pub(super) struct OpenRuns {
    runs: Slab<Open>,
    count: u64,
}

impl OpenRuns {
    pub(super) fn add(
        &mut self,
        cancellation: Cancellation,
        answer: oneshot::Sender<Outcome>,
    ) -> RunKey {
        self.count += 1;
        let key = RunKey::new(self.runs.vacant_key(), self.count);
        self.runs.insert(Open { key, answer, cancellation, told: false });
        key
    }

    pub(super) fn get_mut(&mut self, key: RunKey) -> Option<&mut Open> {
        self.runs.get_mut(key.index()).filter(|open| open.key == key)
    }

    /// Takes out the place for its answer.
    pub(super) fn remove(&mut self, key: RunKey) -> Option<oneshot::Sender<Outcome>> {
        self.get_mut(key)?;
        Some(self.runs.remove(key.index()).answer)
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }
}
