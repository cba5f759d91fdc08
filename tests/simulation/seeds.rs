//! Runs many seeds on all cores, or one again.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use crate::check;
use crate::history::History;
use crate::plan::Plan;
use crate::stage;
use crate::tally::Tally;

/// How many histories are played when nothing else is asked for.
const HISTORIES: u64 = 2_000;
/// A seed is repeated so often when it does not fail: what `select!` takes first is not the seed's.
const REPEATS: usize = 50;
/// In real time: a history takes milliseconds, on a machine that has nothing else to do.
const LONGEST_HISTORY: Duration = Duration::from_secs(300);

struct Verdict {
    faults: Vec<String>,
    history: Option<History>,
}

fn judge(seed: u64) -> Verdict {
    match catch_unwind(AssertUnwindSafe(|| stage::play(Plan::new(seed)))) {
        Ok(history) => Verdict { faults: check::violations(&history), history: Some(history) },
        Err(panic) => Verdict { faults: vec![text_of(panic.as_ref())], history: None },
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("the simulation panicked: {}", text.unwrap_or("?"))
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}

#[test]
fn under_random_faults_nothing_is_lost_doubled_or_run_twice_at_once() {
    match number("SIMULATION_SEED") {
        Some(seed) => repeat(seed),
        None => {
            let from = number("SIMULATION_FROM").unwrap_or_default();
            play(from..from + number("SIMULATION_HISTORIES").unwrap_or(HISTORIES));
        }
    }
}

#[allow(clippy::print_stdout)]
fn repeat(seed: u64) {
    for _ in 0..REPEATS {
        let Verdict { faults, history } = judge(seed);
        if !faults.is_empty() {
            println!("{}", history.map(|history| history.trace()).unwrap_or_default());
            panic!("seed {seed}:\n  {}", faults.join("\n  "));
        }
    }
    println!("{}", judge(seed).history.map(|history| history.trace()).unwrap_or_default());
}

/// Plays all of them and tells every one that failed.
fn play(seeds: std::ops::Range<u64>) {
    let count = seeds.end - seeds.start;
    let next = AtomicU64::new(seeds.start);
    let playing = Mutex::new(BTreeSet::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (verdicts, judged) = mpsc::channel();
    let (mut failures, mut tally) = (Vec::new(), Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (next, playing, verdicts, end) = (&next, &playing, verdicts.clone(), seeds.end);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    playing.lock().unwrap().insert(seed);
                    let Verdict { faults, history } = judge(seed);
                    let mut tally = Tally::default();
                    history.iter().for_each(|history| tally.add(history));
                    playing.lock().unwrap().remove(&seed);
                    if verdicts.send((seed, faults, tally)).is_err() {
                        return;
                    }
                }
            });
        }
        for _ in seeds {
            match judged.recv_timeout(LONGEST_HISTORY) {
                Ok((seed, faults, of_one)) => {
                    tally.merge(of_one);
                    if !faults.is_empty() {
                        failures.push((seed, faults));
                    }
                }
                Err(_) => hang(&playing.lock().unwrap()),
            }
        }
    });
    report(count, failures, &tally);
}

#[allow(clippy::print_stdout)]
fn report(count: u64, mut failures: Vec<(u64, Vec<String>)>, tally: &Tally) {
    println!("{tally:#?}");
    failures.sort();
    let failed = failures.len();
    let texts = failures
        .iter()
        .take(20)
        .map(|(seed, faults)| format!("SIMULATION_SEED={seed}\n  {}\n", faults.join("\n  ")));
    assert!(failed == 0, "{failed} of {count} histories failed\n{}", texts.collect::<String>());
    let missing = tally.missing();
    assert!(count < 1_000 || missing.is_empty(), "never happened: {missing:?}");
}

/// A thread that spins cannot be joined.
#[allow(clippy::print_stderr)]
fn hang(playing: &BTreeSet<u64>) -> ! {
    eprintln!("one of these seeds hangs: {playing:?}");
    std::process::abort()
}
