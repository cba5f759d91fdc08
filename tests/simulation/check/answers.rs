//! Every event has what each driver owes it: one answer, one dead letter, or nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::DUPLICATE_WINDOW;
use super::facts::{Answered, Facts};
use crate::event::Expected;
use crate::history::{Answer, Ended, History};

pub(super) fn check(history: &History, facts: &Facts, found: &mut Vec<String>) {
    for event in 0..history.plan.events.len() {
        for driver in 0..history.plan.drivers.len() {
            check_one(history, facts, event, driver, found);
        }
    }
    for answer in &facts.answers {
        if let Some(fault) = fault_of(history, facts, answer) {
            found.push(format!("{fault}: {answer:?}"));
        }
    }
    let left = history.left;
    if left > 0 && !history.plan.observer {
        found.push(format!("{left} events are still held at the end"));
    }
}

fn check_one(
    history: &History,
    facts: &Facts,
    event: usize,
    driver: usize,
    found: &mut Vec<String>,
) {
    let expected = history.plan.expected(event, driver);
    let of = format!("event {event}, driver {driver}");
    let stored: Vec<_> = facts.answers_to(event, driver).filter(|a| a.stored).collect();
    let mut letters: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for letter in facts.letters_for(event, driver).filter(|letter| letter.stored) {
        letters.entry(&letter.part).or_default().push(letter.at);
    }
    let dropped = facts.may_be_dropped(history, event, driver);
    let ran = facts.runs.values().any(|run| run.event == event && run.driver == driver);
    match expected {
        Expected::Answered => {
            if stored.is_empty() && !dropped {
                found.push(format!("{of}: lost, it was never answered"));
            }
            let gave_up = facts.answers_to(event, driver).any(|a| a.by == Answer::GivenUp);
            // A letter may be stored and the process end before the answer is.
            let delivered = facts.deliveries_of(event, driver).map(|d| d.attempt).max();
            let most = history.plan.drivers[driver].max_attempts;
            if !letters.is_empty() && !gave_up && delivered <= Some(most.into()) {
                found.push(format!("{of}: a dead letter although it was not given up"));
            }
        }
        Expected::Buried => {
            let whole = letters.contains_key("")
                || letters.contains_key("1/2") && letters.contains_key("2/2");
            if !whole && !dropped {
                found.push(format!("{of}: lost, it has no whole dead letter"));
            }
        }
        Expected::Ignored | Expected::Nothing => {
            if !letters.is_empty() {
                found.push(format!("{of}: a dead letter although it is not wanted"));
            }
            let delivered = facts.deliveries_of(event, driver).next().is_some();
            if expected == Expected::Ignored && !delivered && !dropped {
                found.push(format!("{of}: lost, it was never delivered"));
            } else if expected == Expected::Nothing && delivered {
                found.push(format!("{of}: delivered although it is not for this driver"));
            }
        }
    }
    if expected != Expected::Answered && (ran || !stored.is_empty()) {
        found.push(format!("{of}: run or answered although it must not be"));
    }
    let answered: Vec<_> = stored.iter().map(|answer| answer.at).collect();
    for times in letters.values().chain([&answered]) {
        if let Some(pair) = times.windows(2).find(|pair| pair[1] - pair[0] < DUPLICATE_WINDOW) {
            found.push(format!("{of}: doubled within the duplicate window at {pair:?}"));
        }
    }
}

/// What is wrong with an answer itself.
fn fault_of(history: &History, facts: &Facts, answer: &Answered) -> Option<&'static str> {
    let Answered { instance, driver, event, by, place, .. } = *answer;
    match by {
        Answer::Run { run, success } => {
            let Some(run) = facts.runs.get(&run) else { return Some("an answer of no run") };
            if (run.instance, run.driver, run.event) != (instance, driver, event) {
                return Some("an answer of another event's run");
            }
            let Some((ended, by)) = run.ended else { return Some("an answer before the end") };
            let right = match by {
                Ended::Success => success,
                Ended::Failure | Ended::Panic => !success,
                Ended::Retry => {
                    !success && run.attempt >= history.plan.drivers[driver].max_attempts
                }
                Ended::Heeded | Ended::Dropped => false,
            };
            (!right || ended > place).then_some("an answer that its run did not give")
        }
        Answer::GivenUp => {
            let most = u64::from(history.plan.drivers[driver].max_attempts);
            let mut deliveries = facts.deliveries_of(event, driver);
            (!deliveries.any(|d| d.attempt > most && d.place < place))
                .then_some("given up before its last attempt")
        }
        Answer::Cancelled => {
            let mut requests = facts.requests.iter();
            let asked = requests.any(|of| of.0 < place && (of.1, of.2) == (instance, event));
            (!asked).then_some("cancelled although nobody asked for it")
        }
        Answer::TimedOut => {
            let options = &history.plan.drivers[driver];
            let limited = options.run_timeout_ms.or(options.progress_timeout_ms).is_some();
            (!limited).then_some("timed out without a limit")
        }
        Answer::Unknown => Some("an answer from nowhere"),
    }
}
