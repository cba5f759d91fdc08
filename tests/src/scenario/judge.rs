//! Compares what came of a scenario with what must.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::document::{Need, Scenario};
use super::expectation::{ExpectedLine, ExpectedResult, Told};
use super::host::counts;
use super::pattern::compare;
use super::seen::{Seen, SeenLine};

#[cfg(test)]
mod tests;

/// Every difference between what must come of a scenario and what did; none when it is as it must be.
#[must_use]
pub fn differences(scenario: &Scenario, seen: &Seen) -> Vec<String> {
    let expect = &scenario.expect;
    let driver = scenario.names().first().cloned().unwrap_or_default();
    let mut all: Vec<_> = seen.broken.clone().into_iter().collect();
    compare("refused", &json!(expect.refused), &json!(seen.refused), &mut all);
    results(&expect.results, &driver, seen, &mut all);
    log(&expect.log, &driver, seen, &mut all);
    let letters: Vec<_> = expect.dead_letters.iter().map(|l| l.pattern(&driver)).collect();
    compare("dead_letters", &json!(letters), &json!(seen.dead_letters), &mut all);
    compare("unsettled", &json!(expect.unsettled), &json!(seen.unsettled), &mut all);
    let reports: Result<Vec<_>, _> = seen.reports.iter().map(counts).collect();
    match reports {
        Ok(reports) => compare("reports", &json!(expect.reports), &json!(reports), &mut all),
        Err(fault) => all.push(fault),
    }
    if let Some(most) = expect.at_once {
        compare("at_once", &json!(most), &json!(at_once(&seen.lines)), &mut all);
    }
    timestamps(scenario, &seen.lines, &mut all);
    // A killed process may have stored a line and not have sent its copy, or the other way round.
    if !scenario.needs.contains_key(&Need::Process) {
        live_copies(seen, &mut all);
    }
    all
}

fn results(wanted: &Told<ExpectedResult>, driver: &str, seen: &Seen, all: &mut Vec<String>) {
    match wanted {
        Told::InOrder(wanted) => {
            let wanted: Vec<_> = wanted.iter().map(|r| r.pattern("run-1", driver)).collect();
            compare("results", &json!(wanted), &json!(seen.results), all);
        }
        Told::ByRun(runs) => {
            let of_run = |(run, results): (&String, &Vec<ExpectedResult>)| {
                let patterns = results.iter().map(|r| r.pattern(run, driver)).collect();
                (run.clone(), Value::Array(by_driver(patterns)))
            };
            let wanted: Map<_, _> = runs.iter().map(of_run).collect();
            let mut is: BTreeMap<String, Vec<Value>> = BTreeMap::new();
            for result in by_driver(seen.results.clone()) {
                let run = result["run"].as_str().unwrap_or_default().to_owned();
                is.entry(run).or_default().push(result);
            }
            compare("results", &wanted.into(), &json!(is), all);
        }
    }
}

/// Between the drivers of a process there is no order.
fn by_driver(mut all: Vec<Value>) -> Vec<Value> {
    all.sort_by(|a, b| a["driver"].as_str().cmp(&b["driver"].as_str()));
    all
}

fn log(wanted: &Told<ExpectedLine>, driver: &str, seen: &Seen, all: &mut Vec<String>) {
    match wanted {
        Told::InOrder(wanted) => {
            lines("log", wanted, "run-1", driver, seen.lines.iter().collect(), all);
        }
        Told::ByRun(runs) => {
            for (run, wanted) in runs {
                let mut of_run: Vec<_> = seen.lines.iter().filter(|l| l.run == *run).collect();
                // As the log store shows those of each driver.
                of_run.sort_by_key(|line| (line.document["driver"].to_string(), &line.timestamp));
                lines(&format!("log.{run}"), wanted, run, driver, of_run, all);
            }
            for line in seen.lines.iter().filter(|line| !runs.contains_key(&line.run)) {
                all.push(format!("log.{}: not wanted, is {}", line.run, line.document));
            }
        }
    }
}

fn lines(
    at: &str,
    wanted: &[ExpectedLine],
    run: &str,
    driver: &str,
    is: Vec<&SeenLine>,
    all: &mut Vec<String>,
) {
    let mut is = is.into_iter().map(|line| line.document.clone()).peekable();
    let (mut patterns, mut documents) = (Vec::new(), Vec::new());
    for line in wanted {
        let (wanted, in_pieces) = line.patterns(run, driver);
        let mut pieces = 0;
        for pattern in wanted {
            let Some(mut document) = is.next() else {
                patterns.push(pattern);
                continue;
            };
            pieces += 1;
            let whole = super::pattern::text(&pattern["message"]).unwrap_or_default();
            while in_pieces && message(&document).len() < whole.len() {
                let Some(piece) = is.next_if(|next| same_but_message(next, &document)) else {
                    break;
                };
                pieces += 1;
                document["message"] = format!("{}{}", message(&document), message(&piece)).into();
            }
            patterns.push(pattern);
            documents.push(document);
        }
        if in_pieces && pieces < 2 {
            all.push(format!("{at}: a line that was to come in pieces came as {pieces}"));
        }
    }
    documents.extend(is);
    compare(at, &json!(patterns), &json!(documents), all);
}

fn message(line: &Value) -> &str {
    line["message"].as_str().unwrap_or_default()
}

fn same_but_message(one: &Value, other: &Value) -> bool {
    let without = |line: &Value| {
        let mut line = line.clone();
        line["message"].take();
        line
    };
    without(one) == without(other)
}

/// How many runs were between their first and their last line at once, at most.
fn at_once(lines: &[SeenLine]) -> usize {
    let last: HashMap<_, _> = lines.iter().enumerate().map(|(at, line)| (&line.run, at)).collect();
    let (mut open, mut most) = (HashSet::new(), 0);
    for (at, line) in lines.iter().enumerate() {
        open.insert(&line.run);
        most = most.max(open.len());
        if last[&line.run] == at {
            open.remove(&line.run);
        }
    }
    most
}

fn timestamps(scenario: &Scenario, lines: &[SeenLine], all: &mut Vec<String>) {
    let mut runs: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for line in lines {
        let writer = (line.run.as_str(), line.document["driver"].as_str().unwrap_or_default());
        if line.timestamp.len() != "2026-01-01T00:00:00.000000001Z".len()
            || !line.timestamp.ends_with('Z')
        {
            all.push(format!("log: the time-stamp {:?} is not of the form", line.timestamp));
        }
        runs.entry(writer).or_default().push(&line.timestamp);
    }
    for ((run, _), mut stamps) in runs {
        // A line whose publish failed is stored behind others; the log store sorts.
        if scenario.needs.contains_key(&Need::Faults) {
            stamps.sort_unstable();
        }
        if stamps.windows(2).any(|pair| pair[0] >= pair[1]) {
            all.push(format!("log: the time-stamps of {run} do not rise"));
        }
    }
}

fn live_copies(seen: &Seen, all: &mut Vec<String>) {
    let (mut stored, mut live) = (seen.stored.clone(), seen.live.clone());
    stored.sort_unstable();
    live.sort_unstable();
    if stored != live {
        let (stored, live) = (stored.len(), live.len());
        all.push(format!("log: {stored} lines are stored and {live} came live, or others"));
    }
}
