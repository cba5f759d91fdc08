//! Reads a whole history and proves that nothing was lost, doubled, disordered or late.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::history::{Expect, History};
use super::lines::Logs;
use super::spans::{Processes, Span, assemble};

/// What a history is held to.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How soon after a kill an event must run again.
    pub after_kill: Option<Duration>,
    /// How soon after a run was cut short by a drain its event must run again.
    pub after_drain: Option<Duration>,
    /// How long a cancelled run may go on before the next may start beside it.
    pub cancel_grace: Duration,
    /// No event may run twice.
    pub once: bool,
    /// Why an event may run in two processes at once here; it is counted and no fault then.
    pub beside: Option<&'static str>,
}

/// What a history shows.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Messages posted.
    pub events: usize,
    /// Reconciles begun.
    pub runs: usize,
    /// Messages without what should have become of them.
    pub lost: usize,
    /// Lines missing from the log of a run that counts.
    pub lost_lines: usize,
    /// Results beyond one for each message.
    pub doubled: usize,
    /// Lines in a place that is not theirs.
    pub disordered: usize,
    /// Pairs of runs that should not have been side by side.
    pub overlaps: usize,
    /// Events that ran in two processes at once.
    pub beside: usize,
    /// The longest time from a kill to the next run of the event.
    pub worst_after_kill: Option<Duration>,
    /// The longest time from a run cut short by a drain to the next run of the event.
    pub worst_after_drain: Option<Duration>,
    /// Everything that is wrong, each with the history that shows it.
    pub faults: Vec<String>,
}

/// The scheduler of a loaded machine may delay what a driver writes down by this much.
const SLACK: Duration = Duration::from_millis(250);

/// Holds a history to its bounds.
#[must_use]
pub fn check(history: &History, bounds: &Bounds) -> Verdict {
    let (spans, processes) = assemble(&history.records);
    let mut check = Check {
        history,
        bounds,
        logs: Logs::read(&history.lines),
        by_run: HashMap::new(),
        processes,
        verdict: Verdict { events: history.posts.len(), runs: spans.len(), ..Verdict::default() },
    };
    for span in &spans {
        check.by_run.entry(&span.run).or_default().push(span);
    }
    check.answers();
    check.dead_letters();
    check.lines();
    check.overlaps_in_a_process(&spans);
    check.overlaps_of_an_event();
    check.redeliveries();
    check.verdict
}

struct Check<'a> {
    history: &'a History,
    bounds: &'a Bounds,
    logs: Logs<'a>,
    by_run: HashMap<&'a str, Vec<&'a Span>>,
    processes: Processes,
    verdict: Verdict,
}

impl<'a> Check<'a> {
    fn fault(&mut self, what: &str, run: &str) {
        let spans = self.by_run.get(run).map_or(&[][..], Vec::as_slice);
        let results: Vec<_> = self.history.results.iter().filter(|r| r.run == run).collect();
        let posts: Vec<_> = self.history.posts.iter().filter(|p| p.run == run).collect();
        let processes: Vec<_> = self
            .history
            .records
            .iter()
            .filter(|record| {
                use super::history::Deed::{Cancelled, End, Start};
                !matches!(record.deed, Start { .. } | Cancelled { .. } | End { .. })
                    && spans.iter().any(|span| span.pid == record.pid)
            })
            .collect();
        self.verdict.faults.push(format!(
            "{what}: run {run}\n  posts {posts:?}\n  spans {spans:#?}\n  results {results:?}\n  \
             processes {processes:?}"
        ));
    }

    /// Every event has at least one completed run and exactly one stored result.
    fn answers(&mut self) {
        let mut wanted: BTreeMap<&'a str, (usize, Expect)> = BTreeMap::new();
        for post in &self.history.posts {
            wanted.entry(&post.run).or_insert((0, post.expect)).0 += 1;
        }
        let mut stored: BTreeMap<&'a str, usize> = BTreeMap::new();
        for result in &self.history.results {
            *stored.entry(&result.run).or_default() += 1;
            let Some((_, expect)) = wanted.get(result.run.as_str()) else {
                self.fault("a result for nothing that was posted", &result.run);
                continue;
            };
            if result.success != (*expect == Expect::Run) {
                self.fault("a result that is not the one expected", &result.run);
            }
        }
        for (run, (count, expect)) in wanted {
            let results = stored.get(run).copied().unwrap_or(0);
            let due = if expect == Expect::Unreadable { 0 } else { count };
            if results > due {
                self.verdict.doubled += results - due;
                self.fault("more results than events", run);
            }
            let spans = self.by_run.get(run).map_or(&[][..], Vec::as_slice);
            let completed = spans.iter().filter(|span| span.is_completed()).count();
            let missing = match expect {
                Expect::Run => count - count.min(completed).min(results),
                Expect::Poison | Expect::Unreadable => due - due.min(results),
            };
            let begun = spans.len();
            if missing > 0 {
                self.verdict.lost += missing;
                self.fault("an event without completed run or result", run);
            }
            if expect != Expect::Run && completed > 0 {
                self.fault("a completed run of what cannot be run", run);
            }
            if self.bounds.once && begun > count {
                self.fault("an event that ran again though nothing was lost", run);
            }
        }
    }

    /// Dead letters account for every message not run, and for no other.
    fn dead_letters(&mut self) {
        let dead: BTreeSet<u64> = self.history.dead.iter().map(|letter| letter.origin).collect();
        for post in &self.history.posts {
            let due = post.expect != Expect::Run;
            if due && !dead.contains(&post.sequence) {
                self.verdict.lost += 1;
                self.fault("no dead letter for a message that was not run", &post.run);
            } else if !due && dead.contains(&post.sequence) {
                self.fault("a dead letter for an event that can be run", &post.run);
            }
        }
    }

    /// The log is whole and in order for the run that was answered, and for the last one completed
    /// by a process that ended in order.
    fn lines(&mut self) {
        let answered = self.history.results.iter().filter(|result| result.success);
        let mut due: BTreeSet<(&str, &str)> =
            answered.map(|result| (result.run.as_str(), result.message.as_str())).collect();
        for (run, spans) in &self.by_run {
            let last =
                spans.iter().filter(|span| span.is_completed()).max_by_key(|span| span.over());
            if let Some(last) = last.filter(|span| self.processes.stopped(span.pid)) {
                due.insert((run, &last.mark));
            }
        }
        for (run, mark) in due {
            let (lost, disordered) = self.logs.verdict(run, mark);
            self.verdict.lost_lines += lost;
            self.verdict.disordered += disordered;
            if lost + disordered > 0 {
                let lines = self.logs.describe(run, mark);
                self.fault(&format!("{lost} lines lost, {disordered} disordered: {lines}"), run);
            }
        }
    }

    /// No two runs of one resource overlap in a process.
    fn overlaps_in_a_process(&mut self, spans: &[Span]) {
        let mut lanes: BTreeMap<(u32, &str), Vec<&Span>> = BTreeMap::new();
        for span in spans {
            lanes.entry((span.pid, &span.resource)).or_default().push(span);
        }
        for lane in lanes.values() {
            for (i, later) in lane.iter().enumerate() {
                let abandoned = |span: &&Span| {
                    span.cancelled
                        .is_some_and(|at| at + nanos(self.bounds.cancel_grace) <= later.start)
                };
                let beside = lane[..i].iter().filter(|span| span.overlaps(later));
                if beside.filter(|span| !abandoned(span)).count() > 0 {
                    self.verdict.overlaps += 1;
                    self.fault("two runs of one resource in one process", &later.run);
                }
            }
        }
    }

    /// A stale run was cancelled before another process began, unless it was held then.
    fn overlaps_of_an_event(&mut self) {
        let posted = |run: &str| self.history.posts.iter().filter(|p| p.run == run).count();
        let mut found = Vec::new();
        for (run, spans) in &self.by_run {
            if posted(run) > 1 {
                continue;
            }
            for (i, later) in spans.iter().enumerate() {
                for stale in spans[..i].iter().filter(|span| span.overlaps(later)) {
                    let held = self.processes.thawed_after(stale.pid, later.start);
                    let due = held.unwrap_or(later.start).saturating_add(nanos(SLACK));
                    let ended = stale.cancelled.unwrap_or(u64::MAX).min(stale.over());
                    if stale.pid != later.pid && ended > due {
                        found.push(*run);
                    }
                }
            }
        }
        for run in found {
            self.verdict.beside += 1;
            if self.bounds.beside.is_none() {
                self.fault("an event ran in two processes at once", run);
            }
        }
    }

    /// Redelivery is within its bound.
    fn redeliveries(&mut self) {
        let mut late = Vec::new();
        for (run, spans) in &self.by_run {
            for pair in spans.windows(2) {
                let [cut, next] = pair else { continue };
                let told = self.processes.told(cut.pid);
                let gave_back = cut.end.filter(|_| !cut.is_completed()).map(|(at, _)| at);
                let (at, bound, worst) = if let Some(killed) = cut.killed
                    && gave_back.is_none()
                {
                    (killed, self.bounds.after_kill, &mut self.verdict.worst_after_kill)
                } else if let Some(at) = gave_back
                    && told.is_some_and(|told| told <= at)
                {
                    (at, self.bounds.after_drain, &mut self.verdict.worst_after_drain)
                } else {
                    continue;
                };
                let took = Duration::from_nanos(next.start.saturating_sub(at));
                *worst = (*worst).max(Some(took));
                if bound.is_some_and(|bound| took > bound) {
                    late.push((*run, took));
                }
            }
        }
        for (run, took) in late {
            self.fault(&format!("an event that came again only after {took:?}"), run);
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
