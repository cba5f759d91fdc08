//! What an instance may tell the server, and when.

use super::facts::{Delivery, Facts};
use crate::event::Expected;
use crate::history::{Answer, History, Settled};

pub(super) fn check(history: &History, facts: &Facts, found: &mut Vec<String>) {
    check_answers(facts, found);
    for (number, delivery) in &facts.deliveries {
        let Some(event) = facts.events.get(&delivery.sequence) else {
            found.push(format!("delivery {number} of no event"));
            continue;
        };
        let expected = history.plan.expected(*event, delivery.driver);
        let once = delivery.settled.iter().filter(|(_, _, confirmed)| !confirmed).count();
        if once > 1 {
            found.push(format!("delivery {number} was settled {once} times: {delivery:?}"));
        }
        for (place, by, confirmed) in &delivery.settled {
            let answered = facts.answers_to(*event, delivery.driver).any(|a| a.place < *place);
            let buried = facts.letters_for(*event, delivery.driver).any(|l| l.place < *place);
            let right = match (by, expected) {
                (Settled::Ack, Expected::Answered) => answered,
                (Settled::Ack, Expected::Ignored) => true,
                (Settled::Term, Expected::Buried) => buried,
                (Settled::Nak, _) => !confirmed,
                _ => false,
            };
            if !right {
                found.push(format!("delivery {number}: {by:?} too early or wrongly: {delivery:?}"));
            }
            if *by == Settled::Nak && superseded(facts, *event, delivery, *place) {
                found.push(format!(
                    "delivery {number}: given back when it was another's: {delivery:?}"
                ));
            }
        }
    }
}

/// Who lost an event leaves its answer to the new owner.
fn check_answers(facts: &Facts, found: &mut Vec<String>) {
    for answer in &facts.answers {
        let Answer::Run { run, .. } = answer.by else { continue };
        let Some(run) = facts.runs.get(&run) else { continue };
        let mut own = facts.deliveries_of(run.event, run.driver).filter(|delivery| {
            delivery.instance == run.instance
                && delivery.attempt == u64::from(run.attempt)
                && delivery.place < run.began
        });
        let lost = own
            .next_back()
            .is_some_and(|delivery| superseded(facts, run.event, delivery, answer.place));
        if lost {
            found.push(format!("answered when the event was another's: {answer:?}"));
        }
    }
}

/// Whether the event was delivered again before.
fn superseded(facts: &Facts, event: usize, delivery: &Delivery, before: usize) -> bool {
    let Delivery { driver, sequence, place, .. } = *delivery;
    let again = facts.deliveries.values().any(|other| {
        (other.driver, other.sequence) == (driver, sequence)
            && other.place > place
            && other.place < before
    });
    again && !facts.forgotten(event, driver, before)
}
