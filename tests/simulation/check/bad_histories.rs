//! A checker that accepts everything would find nothing: bad histories are fed to it, each a good
//! one with one thing wrong.

use std::time::Duration;

use conveyor_driver::options::DriverOptions;

use super::violations;
use crate::event::{Attempt, End, Event, Heed};
use crate::history::{Answer, Counts, Ended, Entry, Fate, History, Settled, StoredLine, What};
use crate::plan::{Plan, seconds};

/// One driver, `events` events for two resources, each with two lines; two slots.
fn plan(events: usize) -> Plan {
    let attempt = Attempt {
        lines: 2,
        line_bytes: 1,
        sleep: Duration::ZERO,
        heed: Heed::Ignores,
        end: End::Success { data_bytes: 0 },
    };
    let event = |number: usize| Event {
        at: Duration::ZERO,
        addressed: None,
        resource: "build",
        name: number % 2,
        event: "create",
        unreadable: None,
        spec_bytes: 0,
        attempts: vec![attempt.clone()],
    };
    let driver = DriverOptions {
        name: "driver-0".to_owned(),
        resources: vec!["build".to_owned()],
        concurrency: 2,
        ..DriverOptions::default()
    };
    Plan {
        seed: 0,
        drivers: vec![driver],
        slots: 2,
        shutdown_grace: seconds(1),
        max_payload: 1_000,
        observer: false,
        events: (0..events).map(event).collect(),
        faults: Vec::new(),
        stormy: seconds(1),
    }
}

/// Every event is run, answered and acknowledged, one after the other, by instance 0.
fn good(events: usize) -> History {
    let mut whats = Vec::new();
    let mut log = Vec::new();
    for event in 0..events {
        let sequence = event as u64 + 1;
        whats.extend([
            What::Posted { event, sequence },
            delivered(event, 0, sequence, 1),
            began(event, 0, event, 1),
            What::Wrote { run: event, line: 0 },
            What::Wrote { run: event, line: 1 },
            What::Ended { run: event, by: Ended::Success },
            answered(event, 0, event, Fate::Stored),
            What::Settled { delivery: event, by: Settled::Ack, confirmed: false },
        ]);
        log.extend((0..2).map(|line| stored_line(event, line)));
    }
    let succeeded = events as u64;
    let drivers = vec![Counts { succeeded, ..Counts::default() }];
    whats.push(What::Reported { instance: 0, drivers });
    let entries = whats.into_iter().map(|what| Entry { at: seconds(1), what }).collect();
    History { plan: plan(events), entries, log, left: 0 }
}

fn delivered(delivery: usize, instance: usize, sequence: u64, attempt: u64) -> What {
    What::Delivered { delivery, instance, driver: 0, sequence, attempt }
}

fn began(run: usize, instance: usize, event: usize, attempt: u32) -> What {
    What::Began { run, instance, driver: 0, event, attempt }
}

fn answered(run: usize, instance: usize, event: usize, fate: Fate) -> What {
    What::Answered { instance, driver: 0, event, by: Answer::Run { run, success: true }, fate }
}

fn stored_line(run: usize, line: u64) -> StoredLine {
    StoredLine {
        log: format!("log-{run}"),
        number: line + 1,
        timestamp: format!("{line}"),
        message: format!("<{run}.{line}:x>"),
        at: seconds(1),
    }
}

fn place(history: &History, wanted: impl Fn(&What) -> bool) -> usize {
    history.entries.iter().position(|entry| wanted(&entry.what)).unwrap()
}

fn insert(history: &mut History, at: usize, what: What) {
    let time = history.entries[at.saturating_sub(1)].at;
    history.entries.insert(at, Entry { at: time, what });
}

/// Makes one thing of a good history of two events wrong, and sees that it is found.
fn is_caught(word: &str, spoil: impl FnOnce(&mut History)) {
    let mut history = good(2);
    spoil(&mut history);
    let found = violations(&history);
    assert!(found.iter().any(|text| text.contains(word)), "{word} is not among {found:?}");
}

fn forget(history: &mut History, wanted: impl Fn(&What) -> bool) {
    history.entries.retain(|entry| !wanted(&entry.what));
}

#[test]
fn a_good_history_is_accepted() {
    assert_eq!(violations(&good(3)), Vec::<String>::new());
}

#[test]
fn a_lost_event_is_found() {
    is_caught("lost", |h| forget(h, |what| matches!(what, What::Answered { event: 1, .. })));
}

#[test]
fn a_doubled_result_is_found_and_one_after_the_window_is_not() {
    is_caught("doubled", |h| h.entries.push(h.entries[6].clone()));
    let mut late = good(1);
    let mut again = late.entries[6].clone();
    again.at += super::DUPLICATE_WINDOW;
    late.entries.push(again);
    assert_eq!(violations(&late), Vec::<String>::new());
}

#[test]
fn an_ack_before_the_result_is_found() {
    is_caught("too early", |h| h.entries.swap(6, 7));
}

#[test]
fn a_result_that_was_refused_answers_nothing() {
    is_caught("lost", |h| h.entries[6].what = answered(0, 0, 0, Fate::Refused));
}

#[test]
fn a_result_of_a_run_that_did_not_give_it_is_found() {
    is_caught("did not give", |h| {
        h.entries[5].what = What::Ended { run: 0, by: Ended::Failure };
    });
}

#[test]
fn overlapping_runs_of_one_resource_are_found() {
    let mut history = good(3);
    // Event 2 is for the same resource as event 0: its delivery and run move into that one's run.
    let begins = place(&history, |what| matches!(what, What::Began { run: 2, .. }));
    let moved: Vec<_> = history.entries.drain(begins - 2..=begins).collect();
    history.entries.splice(3..3, moved);
    let found = violations(&history);
    assert!(found.iter().any(|text| text.contains("of one resource overlap")), "{found:?}");
}

#[test]
fn two_live_runs_of_one_event_are_found_and_a_cancelled_one_is_not() {
    let twice = |h: &mut History| {
        insert(h, 3, delivered(9, 1, 1, 2));
        insert(h, 4, began(9, 1, 0, 2));
        insert(h, 5, What::Ended { run: 9, by: Ended::Dropped });
    };
    is_caught("both live", twice);
    let mut history = good(2);
    twice(&mut history);
    insert(&mut history, 3, What::Cancelled { run: 0 });
    assert!(!violations(&history).iter().any(|text| text.contains("both live")));
}

#[test]
fn an_answer_after_the_event_went_to_another_is_found() {
    is_caught("another's", |h| insert(h, 6, delivered(9, 1, 1, 2)));
}

#[test]
fn giving_back_what_is_anothers_is_found() {
    is_caught("given back when", |h| {
        insert(h, 6, delivered(9, 1, 1, 2));
        h.entries[8].what = What::Settled { delivery: 0, by: Settled::Nak, confirmed: false };
    });
}

#[test]
fn a_run_of_an_answered_event_is_found() {
    is_caught("had answered", |h| {
        insert(h, 8, delivered(9, 0, 1, 2));
        insert(h, 9, began(9, 0, 0, 2));
        insert(h, 10, What::Ended { run: 9, by: Ended::Dropped });
    });
}

#[test]
fn missing_doubled_and_disordered_lines_are_found() {
    is_caught("of 2 written lines", |h| drop(h.log.pop()));
    is_caught("are missing", |h| drop(h.log.pop()));
    is_caught("twice", |h| h.log.push(h.log[0].clone()));
    is_caught("out of order", |h| h.log[0].timestamp = "9".to_owned());
    is_caught("of 2 written lines", |h| h.log[0].at += seconds(1));
}

#[test]
fn a_report_that_does_not_add_up_is_found() {
    is_caught("reported", |h| {
        h.entries.pop();
        let drivers = vec![Counts { succeeded: 1, ..Counts::default() }];
        h.entries.push(Entry { at: seconds(1), what: What::Reported { instance: 0, drivers } });
    });
}

#[test]
fn a_manager_that_does_not_stop_and_an_event_that_stays_are_found() {
    is_caught("did not", |h| insert(h, 1, What::Stuck { instance: 0 }));
    is_caught("still held", |h| h.left = 1);
    is_caught("settled", |h| {
        insert(h, 1, What::Unsettled { driver: 0, pending: 0, ack_pending: 1 });
    });
}

#[test]
fn an_event_may_be_dropped_only_with_its_consumer() {
    let mut history = good(1);
    forget(&mut history, |what| !matches!(what, What::Posted { .. }));
    history.log.clear();
    assert!(!violations(&history).is_empty());
    insert(&mut history, 1, What::ConsumerDeleted { driver: 0 });
    assert_eq!(violations(&history), Vec::<String>::new());
}
