//! Drain reports add up to what happened.

use super::facts::{Delivery, Facts};
use crate::history::{Counts, History, Settled};

pub(super) fn check(history: &History, facts: &Facts, found: &mut Vec<String>) {
    for (instance, drivers) in &facts.reports {
        if drivers.len() != history.plan.drivers.len() {
            found.push(format!("instance {instance} reported of {} drivers", drivers.len()));
        }
        for (driver, counts) in drivers.iter().enumerate() {
            let seen = seen(facts, *instance, driver);
            let said = (
                counts.succeeded
                    + counts.failed
                    + counts.cancelled
                    + counts.timed_out
                    + counts.poisoned
                    + counts.ignored
                    + counts.answered_before,
                counts.retried + counts.given_back,
                counts.dead_lettered,
                counts.lease_lost,
            );
            if said != seen {
                found.push(format!(
                    "instance {instance}, driver {driver}: acks, naks, terms and lost leases \
                     were {seen:?}, reported {said:?}: {counts:?}"
                ));
            }
            check_runs(facts, *instance, driver, counts, found);
        }
    }
}

fn seen(facts: &Facts, instance: usize, driver: usize) -> (u64, u64, u64, u64) {
    let mut seen = (0, 0, 0, 0);
    for delivery in facts.deliveries.values() {
        if (delivery.instance, delivery.driver) == (instance, driver) {
            match first_word(delivery) {
                Some(Settled::Ack) => seen.0 += 1,
                Some(Settled::Nak) => seen.1 += 1,
                Some(Settled::Term) => seen.2 += 1,
                None => seen.3 += 1,
            }
        }
    }
    seen
}

fn first_word(delivery: &Delivery) -> Option<Settled> {
    let mut words = delivery.settled.iter().filter(|(_, _, confirmed)| !confirmed);
    words.next().map(|(_, by, _)| *by)
}

/// Nobody reports more good or bad ends than runs that ended so.
fn check_runs(
    facts: &Facts,
    instance: usize,
    driver: usize,
    counts: &Counts,
    found: &mut Vec<String>,
) {
    use crate::history::{Answer, Ended};
    let answered = |good: bool| {
        let answers = facts.answers.iter().filter(|a| (a.instance, a.driver) == (instance, driver));
        let runs = answers.filter_map(|a| match a.by {
            Answer::Run { run, success } if success == good => Some(run),
            _ => None,
        });
        runs.collect::<std::collections::BTreeSet<_>>().len() as u64
    };
    let ran = facts.runs.values().filter(|run| {
        (run.instance, run.driver) == (instance, driver)
            && run.ended.is_some_and(|(_, by)| by == Ended::Success)
    });
    let good = ran.count() as u64;
    if counts.succeeded > good.min(answered(true)) || counts.failed > answered(false) {
        found.push(format!(
            "instance {instance}, driver {driver}: more answers than runs: {counts:?}"
        ));
    }
}
