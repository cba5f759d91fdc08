//! What the demo shows.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use conveyor_driver::RunId;
use conveyor_driver::message::{DriverResult, LogEntry};

/// Standard output, with colours where someone can see them.
#[derive(Debug)]
pub(crate) struct Screen {
    colours: bool,
    began: Instant,
    /// The time of the last line of each driver.
    last_shown: HashMap<String, String>,
}

impl Default for Screen {
    fn default() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            colours: io::stdout().is_terminal() && !unwanted,
            began: Instant::now(),
            last_shown: HashMap::new(),
        }
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "1;31";
const GREEN: &str = "1;32";
const YELLOW: &str = "33";
const PLAIN: &str = "";

impl Screen {
    /// Something that was started, or will be, and where.
    pub(crate) fn say(&self, what: &str, where_: impl fmt::Display) -> io::Result<()> {
        let what = self.painted(BOLD, format_args!("{what:<14}"));
        writeln!(io::stdout(), "{what} {where_}")
    }

    /// From now on time is counted.
    pub(crate) fn run_begins(&mut self, run: &RunId) -> io::Result<()> {
        self.began = Instant::now();
        self.say("run", format_args!("{run}\n"))
    }

    /// A log line, unless it was shown before. Lines of a run's driver are told apart by
    /// their time.
    pub(crate) fn line(&mut self, line: &LogEntry) -> io::Result<()> {
        let last = self.last_shown.entry(line.driver.clone()).or_default();
        if line.timestamp <= *last {
            return Ok(());
        }
        last.clone_from(&line.timestamp);
        let is_stderr = line.labels.get("stream").is_some_and(|stream| stream == "stderr");
        let is_command = line.labels.contains_key("stream");
        let place = format!("{} {} {}", self.elapsed(), line.driver, short(&line.runid));
        let (place, text) = (self.painted(DIM, place), &line.message);
        let style = if is_stderr {
            YELLOW
        } else if is_command {
            PLAIN
        } else {
            DIM
        };
        writeln!(io::stdout(), "{place}  {}", self.painted(style, text))
    }

    /// What the run came to.
    pub(crate) fn result(&self, result: &DriverResult) -> io::Result<()> {
        let verdict = if result.success {
            self.painted(GREEN, "success")
        } else {
            self.painted(RED, "failed")
        };
        let place = self.painted(DIM, self.elapsed());
        writeln!(io::stdout(), "{place} {verdict}  {}\n         {}\n", result.message, result.data)
    }

    /// Why the demo could not go on.
    pub(crate) fn fault(&self, error: &(dyn Error + Send + Sync)) {
        // There is nobody left to tell when this fails.
        let _told = writeln!(io::stderr(), "demo: {error}");
    }

    fn elapsed(&self) -> String {
        format!("{:6.2} s", self.began.elapsed().as_secs_f64())
    }

    fn painted(&self, style: &str, text: impl fmt::Display) -> String {
        if self.colours && !style.is_empty() {
            format!("\x1b[{style}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }
}

/// Enough of a run id to tell runs apart: its end, since its start is the time.
fn short(run: &RunId) -> &str {
    let text = run.as_str();
    text.char_indices().rev().nth(7).map_or(text, |(at, _)| &text[at..])
}
