//! Lanes that abandoned runs are still in. Nothing waits there: it would hold its permit and its lease
//! for as long as code runs that nobody can end, and no other instance could take it.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};

use super::attempt::LeftRunning;
use super::event::Event;
use super::life::Life;
use super::report::End;
use crate::host::Outcome;

/// The blocked lanes of one driver.
#[derive(Debug)]
pub(super) struct Blocked<K> {
    runs: FuturesUnordered<BoxFuture<'static, (K, Outcome)>>,
    /// The events of each lane that were told of.
    told: HashMap<K, HashSet<u64>>,
}

impl<K: Clone + Hash + Eq + Send + 'static> Blocked<K> {
    pub(super) fn new() -> Self {
        Self { runs: FuturesUnordered::new(), told: HashMap::new() }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// A run was abandoned in this lane.
    pub(super) fn block(&mut self, lane: K, run: LeftRunning) {
        self.told.insert(lane.clone(), HashSet::new());
        self.runs.push(run.map(move |outcome| (lane, outcome)).boxed());
    }

    /// The next abandoned run that ended: its lane, which is free again.
    pub(super) async fn next(&mut self) -> Option<(K, Outcome)> {
        let (lane, outcome) = self.runs.next().await?;
        self.told.remove(&lane);
        Some((lane, outcome))
    }

    /// Nothing when the lane is not blocked, else whether this event was not told of before.
    pub(super) fn meets(&mut self, lane: &K, sequence: u64) -> Option<bool> {
        Some(self.told.get_mut(lane)?.insert(sequence))
    }
}

impl Life {
    /// Gives back an event that an abandoned run is in the way of, later each time.
    pub(super) async fn step_aside(&self, event: &Event, is_new: bool) -> End {
        const LEAST: Duration = Duration::from_millis(500);
        let delay = self.retry_delay(event.attempt()).min(self.ack_wait()).max(LEAST);
        if is_new {
            tracing::warn!(
                driver = %self.name, run_id = %event.message.run_id,
                resource = %event.message.resource_type, name = %event.message.name,
                "given back, and again for as long as it takes: an abandoned run of the same \
                 resource still works"
            );
        }
        self.hand_back(event, delay, false).await
    }
}
