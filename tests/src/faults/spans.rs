//! Reconciles as spans of time, put together from the records of all processes.

use std::collections::HashMap;

use super::history::{Deed, Outcome, Record};

/// One reconcile.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// Names it.
    pub(super) mark: String,
    /// The event's run id.
    pub(super) run: String,
    /// The resource's name.
    pub(super) resource: String,
    /// The process.
    pub(super) pid: u32,
    /// When it began.
    pub(super) start: u64,
    /// When it was told to end.
    pub(super) cancelled: Option<u64>,
    /// When and how it ended by itself.
    pub(super) end: Option<(u64, Outcome)>,
    /// When its process was killed, if that was after its start.
    pub(super) killed: Option<u64>,
}

impl Span {
    /// When nothing of it goes on any more.
    #[must_use]
    pub(super) fn over(&self) -> u64 {
        let end = self.end.map(|(at, _)| at);
        end.into_iter().chain(self.killed).min().unwrap_or(u64::MAX)
    }

    /// Whether its work was done.
    #[must_use]
    pub(super) fn is_completed(&self) -> bool {
        matches!(self.end, Some((_, Outcome::Completed)))
    }

    /// Whether it went on when the other began.
    #[must_use]
    pub(super) fn overlaps(&self, later: &Self) -> bool {
        self.start <= later.start && later.start < self.over() && self.mark != later.mark
    }
}

/// What is known of the processes.
#[derive(Debug, Default)]
pub(super) struct Processes {
    killed: HashMap<u32, u64>,
    told: HashMap<u32, u64>,
    stopped: HashMap<u32, u64>,
    frozen: HashMap<u32, Vec<(u64, u64)>>,
}

impl Processes {
    /// When the process was killed.
    #[must_use]
    pub(super) fn killed(&self, pid: u32) -> Option<u64> {
        self.killed.get(&pid).copied()
    }

    /// When the process was told to drain.
    #[must_use]
    pub(super) fn told(&self, pid: u32) -> Option<u64> {
        self.told.get(&pid).copied()
    }

    /// Whether the process ended in order.
    #[must_use]
    pub(super) fn stopped(&self, pid: u32) -> bool {
        self.stopped.contains_key(&pid)
    }

    /// The end of the hold that the process was in at this time.
    #[must_use]
    pub(super) fn thawed_after(&self, pid: u32, at: u64) -> Option<u64> {
        let holds = self.frozen.get(&pid)?;
        holds.iter().find(|(from, to)| *from <= at && at <= *to).map(|(_, to)| *to)
    }
}

/// Puts records together: the spans in the order of their starts, and the processes.
#[must_use]
pub(super) fn assemble(records: &[Record]) -> (Vec<Span>, Processes) {
    let mut sorted: Vec<&Record> = records.iter().collect();
    sorted.sort_by_key(|record| record.at);
    let mut processes = Processes::default();
    let mut spans: Vec<Span> = Vec::new();
    let mut place: HashMap<&str, usize> = HashMap::new();
    for record in sorted {
        let (at, pid) = (record.at, record.pid);
        match &record.deed {
            Deed::Start { mark, run, resource, .. } => {
                place.insert(mark, spans.len());
                spans.push(Span {
                    mark: mark.clone(),
                    run: run.clone(),
                    resource: resource.clone(),
                    pid,
                    start: at,
                    cancelled: None,
                    end: None,
                    killed: None,
                });
            }
            Deed::Cancelled { mark } => {
                if let Some(span) = place.get(mark.as_str()) {
                    spans[*span].cancelled = Some(at);
                }
            }
            Deed::End { mark, outcome } => {
                if let Some(span) = place.get(mark.as_str()) {
                    spans[*span].end = Some((at, *outcome));
                }
            }
            Deed::Stopped => drop(processes.stopped.insert(pid, at)),
            Deed::Told => drop(processes.told.insert(pid, at)),
            Deed::Killed => {
                processes.killed.entry(pid).or_insert(at);
            }
            Deed::Frozen => processes.frozen.entry(pid).or_default().push((at, u64::MAX)),
            Deed::Thawed => {
                if let Some(hold) = processes.frozen.get_mut(&pid).and_then(|all| all.last_mut()) {
                    hold.1 = at;
                }
            }
        }
    }
    for span in &mut spans {
        span.killed = processes.killed(span.pid);
    }
    (spans, processes)
}
