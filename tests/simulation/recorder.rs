//! Takes note of what happens, in its order, while a history goes on.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conveyor_driver::stream::AckToken;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::history::{Ended, Entry, What};

/// Clones note into the same history.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(Arc<Mutex<Notes>>);

#[derive(Debug)]
struct Notes {
    started: Instant,
    entries: Vec<Entry>,
    /// Which delivery a token settles, and to which instance it was made.
    /// A consumer that was made again can use one twice.
    deliveries: HashMap<(usize, AckToken), Made>,
    deliveries_made: usize,
    runs: usize,
    live: BTreeMap<usize, CancellationToken>,
    /// How many messages each stream was known to hold.
    held: HashMap<&'static str, usize>,
    lines_stored_at: Vec<Duration>,
}

/// The deliveries that were made under one token, and how many of them were settled.
#[derive(Debug, Default)]
struct Made {
    deliveries: Vec<usize>,
    settled: usize,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Notes {
            started: Instant::now(),
            entries: Vec::new(),
            deliveries: HashMap::new(),
            deliveries_made: 0,
            runs: 0,
            live: BTreeMap::new(),
            held: HashMap::new(),
            lines_stored_at: Vec::new(),
        })))
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, what: What) {
        self.notes().note(what);
    }

    pub(crate) fn delivered(
        &self,
        instance: usize,
        driver: usize,
        token: &AckToken,
        sequence: u64,
        attempt: u64,
    ) {
        let mut notes = self.notes();
        let delivery = notes.deliveries_made;
        notes.deliveries_made += 1;
        notes.deliveries.entry((instance, token.clone())).or_default().deliveries.push(delivery);
        notes.note(What::Delivered { delivery, instance, driver, sequence, attempt });
    }

    /// The oldest delivery of that token that was not settled yet; a repeated word is on the last.
    pub(crate) fn delivery(&self, instance: usize, token: &AckToken, repeated: bool) -> usize {
        let mut notes = self.notes();
        let made = notes.deliveries.get_mut(&(instance, token.clone())).expect("it was delivered");
        let last = made.deliveries.len() - 1;
        let which = if repeated { last } else { made.settled.min(last) };
        made.settled += usize::from(!repeated);
        made.deliveries[which]
    }

    /// Whether the stream holds more than was known before: what was published just now was stored.
    pub(crate) fn has_grown(&self, stream: &'static str, held: usize) -> bool {
        self.notes().held.insert(stream, held).unwrap_or_default() < held
    }

    pub(crate) fn line_stored(&self) {
        let mut notes = self.notes();
        let at = notes.started.elapsed();
        notes.lines_stored_at.push(at);
    }

    pub(crate) fn take_lines_stored_at(&self) -> Vec<Duration> {
        std::mem::take(&mut self.notes().lines_stored_at)
    }

    /// A run begins: those that were cancelled by now are noted first.
    pub(crate) fn began(
        &self,
        instance: usize,
        driver: usize,
        event: usize,
        attempt: u32,
        cancellation: &CancellationToken,
    ) -> LiveRun {
        let mut notes = self.notes();
        notes.note_cancelled();
        let run = notes.runs;
        notes.runs += 1;
        notes.live.insert(run, cancellation.clone());
        notes.note(What::Began { run, instance, driver, event, attempt });
        LiveRun { recorder: self.clone(), run, ended: None }
    }

    pub(crate) fn take_entries(&self) -> Vec<Entry> {
        std::mem::take(&mut self.notes().entries)
    }
}

impl Notes {
    fn note(&mut self, what: What) {
        self.entries.push(Entry { at: self.started.elapsed(), what });
    }

    fn note_cancelled(&mut self) {
        let cancelled: Vec<_> =
            self.live.iter().filter(|(_, token)| token.is_cancelled()).collect();
        let runs: Vec<_> = cancelled.into_iter().map(|(run, _)| *run).collect();
        for run in runs {
            self.live.remove(&run);
            self.note(What::Cancelled { run });
        }
    }
}

/// Notes the end of a run, also of one that is dropped.
#[derive(Debug)]
pub(crate) struct LiveRun {
    recorder: Recorder,
    pub(crate) run: usize,
    ended: Option<Ended>,
}

impl LiveRun {
    pub(crate) fn ends(mut self, by: Ended) {
        self.ended = Some(by);
    }

    pub(crate) fn wrote(&self, line: u32) {
        self.recorder.note(What::Wrote { run: self.run, line });
    }
}

impl Drop for LiveRun {
    fn drop(&mut self) {
        let by = self.ended.unwrap_or(Ended::Dropped);
        let mut notes = self.recorder.notes();
        notes.note_cancelled();
        notes.live.remove(&self.run);
        notes.note(What::Ended { run: self.run, by });
    }
}
