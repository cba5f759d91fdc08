//! Log lines: complete, in order, before their result.

use std::collections::BTreeMap;

use super::DUPLICATE_WINDOW;
use super::facts::Facts;
use crate::history::{Answer, History, StoredLine};

/// The stored lines of one attempt, by their numbers.
type Log<'a> = BTreeMap<u64, Vec<&'a StoredLine>>;

pub(super) fn check(history: &History, facts: &Facts, found: &mut Vec<String>) {
    let mut logs: BTreeMap<&str, Log<'_>> = BTreeMap::new();
    for line in &history.log {
        logs.entry(&line.log).or_default().entry(line.number).or_default().push(line);
    }
    let mut of_runs = BTreeMap::new();
    for (name, log) in &logs {
        check_order(name, log, found);
        if let Some(run) = run_of(log) {
            of_runs.insert(run, log);
        }
    }
    for answer in &facts.answers {
        let Answer::Run { run, .. } = answer.by else { continue };
        let Some(facts_of_run) = facts.runs.get(&run) else { continue };
        let before = |line: &StoredLine| line.at <= answer.at;
        let stored = of_runs.get(&run).map_or(0, |log| own_lines(run, log, before));
        let whole = history.plan.events[answer.event].attempt(facts_of_run.attempt).lines;
        let written = facts_of_run.lines;
        let cancelled = facts_of_run.cancelled.is_some();
        if stored != written || (!cancelled && written != whole) {
            found.push(format!(
                "run {run} was answered with {stored} of {written} written lines stored"
            ));
        }
    }
    for (instance, drivers) in &facts.reports {
        for (driver, counts) in drivers.iter().enumerate() {
            let runs = facts
                .runs
                .iter()
                .filter(|(_, run)| run.instance == *instance && run.driver == driver);
            let missing: u32 = runs
                .map(|(number, run)| {
                    let stored =
                        of_runs.get(number).map_or(0, |log| own_lines(*number, log, |_| true));
                    run.lines.saturating_sub(stored)
                })
                .sum();
            if u64::from(missing) > counts.lines_unsent {
                found.push(format!(
                    "instance {instance}, driver {driver}: {missing} lines are missing, {} said",
                    counts.lines_unsent
                ));
            }
        }
    }
}

/// Numbers rise with time stamps, and none is stored twice within the duplicate window.
fn check_order(name: &str, log: &Log<'_>, found: &mut Vec<String>) {
    let firsts: Vec<_> = log.values().map(|copies| copies[0]).collect();
    if let Some(pair) = firsts.windows(2).find(|pair| pair[0].timestamp >= pair[1].timestamp) {
        found.push(format!("log {name} is out of order at line {}", pair[1].number));
    }
    for (number, copies) in log {
        if copies.windows(2).any(|pair| pair[1].at - pair[0].at < DUPLICATE_WINDOW) {
            found.push(format!("log {name} has line {number} twice"));
        }
    }
}

/// The run whose first line this log starts with.
fn run_of(log: &Log<'_>) -> Option<usize> {
    let text = &log.get(&1)?.first()?.message;
    text.strip_prefix('<')?.split('.').next()?.parse().ok()
}

/// How many lines of the run the log holds, from the first without a gap.
fn own_lines(run: usize, log: &Log<'_>, counts: impl Fn(&StoredLine) -> bool) -> u32 {
    let mut text = String::new();
    for (expected, (number, copies)) in (1..).zip(log) {
        if *number != expected || !counts(copies[0]) {
            break;
        }
        text.push_str(&copies[0].message);
    }
    let (mut lines, mut rest) = (0, text.as_str());
    while let Some(line) = rest.strip_prefix(&format!("<{run}.{lines}:")) {
        let Some((filling, others)) = line.split_once('>') else { break };
        if filling.bytes().any(|byte| byte != b'x') {
            break;
        }
        (lines, rest) = (lines + 1, others);
    }
    lines
}
