//! Which runs may be alive beside each other.

use super::facts::{Facts, Run};
use crate::history::{History, Settled};
use conveyor_driver::options::Serialization;

pub(super) fn check(history: &History, facts: &Facts, found: &mut Vec<String>) {
    for (number, run) in &facts.runs {
        let options = &history.plan.drivers[run.driver];
        let beside: Vec<_> = facts
            .runs
            .range(..number)
            .filter(|(_, other)| other.driver == run.driver && is_alive(other, run.began))
            .collect();
        let here = beside.iter().filter(|(_, other)| other.instance == run.instance).count();
        if here >= options.concurrency as usize {
            found.push(format!("run {number} began beside {here} others in its instance"));
        }
        for (other_number, other) in &beside {
            let same_resource = resource(history, other) == resource(history, run);
            if options.serialize == Serialization::Resource
                && other.instance == run.instance
                && same_resource
            {
                found.push(format!("runs {other_number} and {number} of one resource overlap"));
            }
            let cancelled = other.cancelled.is_some_and(|place| place < run.began);
            if other.event == run.event
                && !cancelled
                && !facts.forgotten(run.event, run.driver, run.began)
            {
                found.push(format!("runs {other_number} and {number} of one event are both live"));
            }
        }
        if was_acknowledged_here(facts, run) {
            found.push(format!("run {number} although its instance had answered the event"));
        }
        if run.ended.is_none() {
            found.push(format!("run {number} never ended"));
        }
    }
}

fn is_alive(run: &Run, at: usize) -> bool {
    run.began < at && run.ended.is_none_or(|(place, _)| place > at)
}

fn resource(history: &History, run: &Run) -> (&'static str, usize) {
    let event = &history.plan.events[run.event];
    (event.resource, event.name)
}

fn was_acknowledged_here(facts: &Facts, run: &Run) -> bool {
    facts.deliveries_of(run.event, run.driver).any(|delivery| {
        let mut settled = delivery.settled.iter();
        delivery.instance == run.instance
            && settled.any(|(place, by, _)| *by == Settled::Ack && *place < run.began)
    })
}
