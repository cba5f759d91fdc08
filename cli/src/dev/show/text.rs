//! For people: what is said of each event.

use std::fmt::Write;

use comfy_table::CellAlignment;
use conveyor_driver::RunId;
use conveyor_driver::message::{LogEntry, ResultEvent};

use crate::dev::Dev;
use crate::dev::run_table::Run;
use crate::screen::{BOLD, DIM, ERROR, GOOD, HINT, WARNING, clean, short, table};

pub(super) fn ready(dev: &Dev) -> String {
    let mut text = format!(
        "{BOLD}A control plane for this machine.{BOLD:#} It forgets all at its end; the real Conveyor CI \
         server takes its place without a change to any driver.\n"
    );
    text += &note("nats", &dev.server().to_string());
    text += &note("api", &dev.api_url());
    text
}

pub(super) fn note(what: &str, text: &str) -> String {
    format!("{BOLD}{what:<10}{BOLD:#} {}\n", clean(text))
}

pub(super) fn posted(id: &RunId, run: &Run) -> String {
    let pipeline = match run.pipeline.as_str() {
        "" => String::new(),
        pipeline => format!(", pipeline {}", clean(pipeline)),
    };
    format!(
        "{BOLD}run {}{BOLD:#}  {}{pipeline}  {DIM}{}{DIM:#}\n",
        short_id(id),
        clean(&run.resource),
        clean(id.as_str())
    )
}

pub(super) fn line(line: &LogEntry) -> String {
    let from_stderr = line.labels.get("stream").is_some_and(|stream| stream == "stderr");
    let level = line.labels.get("level").and_then(|level| level.as_str());
    let style = match level {
        Some("error") => ERROR,
        Some("warning") => WARNING,
        _ if from_stderr => WARNING,
        _ => anstyle::Style::new(),
    };
    let place = format!("{} {}", short_id(&line.runid), clean(&line.driver));
    let mut text = String::new();
    for part in line.message.split('\n') {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{DIM}{place} │{DIM:#} {style}{}{style:#}", clean(part));
    }
    text
}

pub(super) fn answered(event: &ResultEvent, next: Option<&str>, run: &Run) -> String {
    let (style, word) = if event.result.success { (GOOD, "success") } else { (ERROR, "failure") };
    let took = run.steps.last().map(|step| short(step.took)).unwrap_or_default();
    let mut text = format!(
        "{DIM}{} {} │{DIM:#} {style}{word}{style:#}  {}  {DIM}{took}{DIM:#}\n",
        short_id(&event.run_id),
        clean(&event.driver),
        clean(&event.result.message),
    );
    if next.is_none() {
        text += &ended(&event.run_id, run);
    }
    text
}

/// The steps of a run that is over.
fn ended(id: &RunId, run: &Run) -> String {
    let mut table = table(&["step", "driver", "result", "time", "message"]);
    for (number, step) in run.steps.iter().enumerate() {
        table.add_row([
            (number + 1).to_string(),
            clean(&step.driver),
            if step.result.success { "success" } else { "failure" }.to_owned(),
            short(step.took),
            shortened(&clean(&step.result.message)),
        ]);
    }
    for column in [0, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let good = run.steps.last().is_some_and(|step| step.result.success);
    let style = if good { GOOD } else { ERROR };
    format!(
        "{BOLD}run {}{BOLD:#}  {}  {style}{}{style:#} in {}\n{table}\n",
        short_id(id),
        clean(&run.resource),
        run.state.word(),
        short(run.age()),
    )
}

pub(super) fn unwanted(id: &RunId, subject: &str) -> String {
    format!(
        "{WARNING}run {}: no driver listens to {}: the event is dropped and the run goes no further{WARNING:#}\n\
         {HINT}hint:{HINT:#} start the driver, then post the resource anew (delete it first)\n",
        short_id(id),
        clean(subject),
    )
}

pub(super) fn ignored(subject: &str, reason: &str) -> String {
    format!("{WARNING}ignored on {}: {}{WARNING:#}\n", clean(subject), clean(reason))
}

pub(super) fn missed(count: u64) -> String {
    format!("{WARNING}{count} notices came faster than they could be shown{WARNING:#}\n")
}

/// Enough of a run id to tell runs apart: its end, since its start is the time.
pub(super) fn short_id(id: &RunId) -> String {
    const DIGITS: usize = 8;
    let text = clean(id.as_str());
    let start = text.char_indices().rev().nth(DIGITS - 1).map_or(0, |(at, _)| at);
    text[start..].to_owned()
}

fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST - 1).chain(['…']).collect()
}
