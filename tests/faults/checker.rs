//! The checker itself: histories in which something is wrong, one thing each.

use std::time::Duration;

use conveyor_driver_tests::faults::{
    Bounds, DeadLetter, Deed, Expect, History, Outcome, Post, Record, StoredLine, StoredResult,
    Verdict, check, text,
};

const MS: u64 = 1_000_000;
const ONE: u32 = 1;
const TWO: u32 = 2;

const BOUNDS: Bounds = Bounds {
    after_kill: Some(Duration::from_secs(2)),
    after_drain: Some(Duration::from_secs(1)),
    cancel_grace: Duration::from_millis(500),
    once: false,
    beside: None,
};

fn record(ms: u64, pid: u32, deed: Deed) -> Record {
    Record { at: ms * MS, pid, deed }
}

fn start(ms: u64, pid: u32, run: &str, mark: &str) -> Record {
    let (mark, run, resource) = (mark.to_owned(), run.to_owned(), "r".to_owned());
    record(ms, pid, Deed::Start { mark, run, resource, attempt: 1 })
}

fn end(ms: u64, pid: u32, mark: &str, outcome: Outcome) -> Record {
    record(ms, pid, Deed::End { mark: mark.to_owned(), outcome })
}

fn cancelled(ms: u64, pid: u32, mark: &str) -> Record {
    record(ms, pid, Deed::Cancelled { mark: mark.to_owned() })
}

fn post(run: &str, sequence: u64, expect: Expect) -> Post {
    Post { run: run.to_owned(), resource: "r".to_owned(), sequence, expect }
}

fn result(run: &str, mark: &str) -> StoredResult {
    StoredResult { run: run.to_owned(), success: true, message: mark.to_owned() }
}

fn line(run: &str, mark: &str, number: u32, stamp: u32) -> StoredLine {
    let (run, timestamp) = (run.to_owned(), format!("{stamp:09}"));
    StoredLine { run, timestamp, message: text(mark, number, 3, 4) }
}

/// One event, run by process one as `a`, from 100 to 200 ms, with three lines.
fn good() -> History {
    History {
        posts: vec![post("e", 1, Expect::Run)],
        records: vec![
            start(100, ONE, "e", "a"),
            end(200, ONE, "a", Outcome::Completed),
            record(900, ONE, Deed::Stopped),
        ],
        results: vec![result("e", "a")],
        lines: (1..=3).map(|number| line("e", "a", number, number)).collect(),
        dead: Vec::new(),
    }
}

fn judged(change: impl FnOnce(&mut History)) -> Verdict {
    let mut history = good();
    change(&mut history);
    check(&history, &BOUNDS)
}

#[test]
fn a_good_history_is_found_good() {
    let verdict = judged(|_| {});
    assert!(verdict.faults.is_empty(), "{:?}", verdict.faults);
    assert_eq!((verdict.events, verdict.runs), (1, 1));
}

#[test]
fn an_event_without_result_or_without_completed_run_is_lost() {
    assert_eq!(judged(|history| history.results.clear()).lost, 1);
    assert_eq!(judged(|history| drop(history.records.remove(1))).lost, 1);
    assert_eq!(judged(|history| history.posts.push(post("f", 2, Expect::Run))).lost, 1);
}

#[test]
fn the_same_message_twice_is_two_events() {
    let twice = |history: &mut History| history.posts.push(post("e", 2, Expect::Run));
    assert_eq!(judged(twice).lost, 1);
    let verdict = judged(|history| {
        twice(history);
        history.records.extend([start(300, ONE, "e", "b"), end(400, ONE, "b", Outcome::Completed)]);
        history.results.push(result("e", "b"));
        history.lines.extend((1..=3).map(|number| line("e", "b", number, 10 + number)));
    });
    assert!(verdict.faults.is_empty(), "{:?}", verdict.faults);
}

#[test]
fn a_second_result_is_doubled_and_one_for_nothing_is_a_fault() {
    assert_eq!(judged(|history| history.results.push(result("e", "a"))).doubled, 1);
    assert!(!judged(|history| history.results.push(result("g", "a"))).faults.is_empty());
    assert_eq!(judged(|history| history.results[0].success = false).faults.len(), 1);
}

#[test]
fn missing_cut_and_moved_lines_are_found() {
    assert_eq!(judged(|history| drop(history.lines.remove(1))).lost_lines, 1);
    assert_eq!(judged(|history| drop(history.lines.remove(2))).lost_lines, 1);
    assert!(judged(|history| history.lines.clear()).lost_lines > 0);
    let cut = judged(|history| history.lines[1].message.truncate(text("a", 2, 3, 3).len()));
    assert_eq!(cut.lost_lines, 1);
    let pieces = judged(|history| {
        let rest = history.lines[1].message.split_off(text("a", 2, 3, 0).len());
        let after = StoredLine { message: rest, timestamp: "0000000021".into(), run: "e".into() };
        history.lines.push(after);
    });
    assert!(pieces.faults.is_empty(), "{:?}", pieces.faults);
    assert_eq!(judged(|history| history.lines[0].timestamp = "000000009".into()).disordered, 1);
    assert_eq!(judged(|history| history.lines[0].timestamp = "000000002".into()).disordered, 1);
    let doubled = judged(|history| history.lines.push(line("e", "a", 2, 9)));
    assert_eq!(doubled.disordered, 1);
}

#[test]
fn runs_of_one_resource_side_by_side_are_found() {
    let beside = |from: u64, told: Option<u64>| {
        judged(|history| {
            history.posts.push(post("f", 2, Expect::Run));
            history.records.extend([
                start(from, ONE, "f", "b"),
                end(from + 1_000, ONE, "b", Outcome::Completed),
            ]);
            history.records.extend(told.map(|at| cancelled(at, ONE, "a")));
            history.records[1].at = 1_000 * MS;
            history.results.push(result("f", "b"));
            history.lines.extend((1..=3).map(|number| line("f", "b", number, number)));
        })
        .overlaps
    };
    assert_eq!(beside(150, None), 1);
    assert_eq!(beside(1_000, None), 0);
    // Abandoned after its grace, but not before.
    assert_eq!(beside(700, Some(200)), 0);
    assert_eq!(beside(600, Some(200)), 1);
}

#[test]
fn an_event_in_two_processes_at_once_is_found() {
    let beside = |more: Vec<Record>| {
        judged(|history| {
            history.records[1].at = 5_000 * MS;
            history
                .records
                .extend([start(2_000, TWO, "e", "b"), end(2_500, TWO, "b", Outcome::Completed)]);
            history.records.extend(more);
            history.records.retain(|record| record.deed != Deed::Stopped);
        })
        .beside
    };
    assert_eq!(beside(vec![]), 1);
    assert_eq!(beside(vec![cancelled(1_900, ONE, "a")]), 0);
    assert_eq!(beside(vec![cancelled(2_900, ONE, "a")]), 1);
    let held = |to| vec![record(150, ONE, Deed::Frozen), record(to, ONE, Deed::Thawed)];
    assert_eq!(beside([held(4_900), vec![cancelled(4_950, ONE, "a")]].concat()), 0);
    assert_eq!(beside([held(3_000), vec![cancelled(4_950, ONE, "a")]].concat()), 1);
    assert_eq!(beside(vec![record(1_000, ONE, Deed::Killed)]), 0);
}

#[test]
fn late_redeliveries_are_found() {
    let again = |cut: Vec<Record>, at: u64| {
        judged(|history| {
            history.records = cut;
            history.records.extend([
                start(100, ONE, "e", "x"),
                start(at, TWO, "e", "a"),
                end(at + 10, TWO, "a", Outcome::Completed),
            ]);
        })
    };
    let killed = || vec![record(500, ONE, Deed::Killed)];
    assert!(again(killed(), 2_400).faults.is_empty());
    assert_eq!(again(killed(), 2_400).worst_after_kill, Some(Duration::from_millis(1_900)));
    assert_eq!(again(killed(), 2_600).faults.len(), 1);
    let drained = || vec![record(400, ONE, Deed::Told), end(500, ONE, "x", Outcome::Cancelled)];
    assert!(again(drained(), 1_400).faults.is_empty());
    assert_eq!(again(drained(), 1_600).faults.len(), 1);
}

#[test]
fn dead_letters_account_for_what_was_not_run_and_for_nothing_else() {
    let letter = || DeadLetter { origin: 2, reason: "odd".to_owned() };
    let broken = |history: &mut History| history.posts.push(post("f", 2, Expect::Unreadable));
    assert_eq!(judged(broken).lost, 1);
    let kept = judged(|history| {
        broken(history);
        history.dead.push(letter());
    });
    assert!(kept.faults.is_empty(), "{:?}", kept.faults);
    let wrong = judged(|history| history.dead.push(DeadLetter { origin: 1, ..letter() }));
    assert_eq!(wrong.faults.len(), 1);
    let poison = |answered: bool| {
        judged(|history| {
            history.posts.push(post("f", 2, Expect::Poison));
            history.dead.push(letter());
            if answered {
                history.results.push(StoredResult { success: false, ..result("f", "given up") });
            }
        })
    };
    assert!(poison(true).faults.is_empty());
    assert_eq!(poison(false).lost, 1);
}

#[test]
fn running_again_is_a_fault_where_nothing_was_lost() {
    let mut history = good();
    history.records.extend([start(300, ONE, "e", "b"), end(400, ONE, "b", Outcome::Cancelled)]);
    assert!(check(&history, &BOUNDS).faults.is_empty());
    assert_eq!(check(&history, &Bounds { once: true, ..BOUNDS }).faults.len(), 1);
}
