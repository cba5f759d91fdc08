//! What is shown of the runs: live on a terminal, line by line elsewhere, or as JSON.

mod json;
mod live;
mod text;

use std::future::pending;
use std::io::{self, IsTerminal};

use clap::ValueEnum;
use conveyor_driver::RunId;
use conveyor_driver::message::{LogEntry, ResultEvent};

use self::live::Live;
use super::Dev;
use super::run_table::RunTable;

/// In which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ShowAs {
    /// For people: runs in flight stay in sight on a terminal.
    #[default]
    Text,
    /// For programs: one object a line.
    Json,
}

/// The screen.
#[derive(Debug)]
pub struct Show {
    shown_as: ShowAs,
    live: Option<Live>,
}

impl Show {
    /// Standard output.
    #[must_use]
    pub fn new(shown_as: ShowAs) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let live = shown_as == ShowAs::Text && io::stdout().is_terminal() && !dumb;
        Self { shown_as, live: live.then(Live::default) }
    }

    /// What runs now, and what it is.
    ///
    /// # Errors
    /// Those of standard output, as of every method here.
    pub fn ready(&mut self, dev: &Dev) -> io::Result<()> {
        match self.shown_as {
            ShowAs::Json => write(&json::ready(dev)),
            ShowAs::Text => self.say(&text::ready(dev)),
        }
    }

    /// Something else that belongs on the screen.
    ///
    /// # Errors
    /// As above.
    pub fn note(&mut self, what: &str, text: &str) -> io::Result<()> {
        match self.shown_as {
            ShowAs::Json => write(&json::note(what, text)),
            ShowAs::Text => self.say(&text::note(what, text)),
        }
    }

    pub(super) fn posted(&mut self, run: &RunId, runs: &RunTable) -> io::Result<()> {
        let Some(state) = runs.get(run) else { return Ok(()) };
        match self.shown_as {
            ShowAs::Json => write(&json::posted(run, state)),
            ShowAs::Text => self.say_and_redraw(&text::posted(run, state), runs),
        }
    }

    pub(super) fn lines(&mut self, lines: &[LogEntry], runs: &RunTable) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        match self.shown_as {
            ShowAs::Json => write(&lines.iter().map(json::line).collect::<String>()),
            ShowAs::Text => {
                self.say_and_redraw(&lines.iter().map(text::line).collect::<String>(), runs)
            }
        }
    }

    pub(super) fn answered(
        &mut self,
        event: &ResultEvent,
        next: Option<&str>,
        runs: &RunTable,
    ) -> io::Result<()> {
        let Some(run) = runs.get(&event.run_id) else { return Ok(()) };
        match self.shown_as {
            ShowAs::Json => write(&json::answered(event, next, run)),
            ShowAs::Text => self.say_and_redraw(&text::answered(event, next, run), runs),
        }
    }

    pub(super) fn unwanted(
        &mut self,
        run: &RunId,
        subject: &str,
        runs: &RunTable,
    ) -> io::Result<()> {
        match self.shown_as {
            ShowAs::Json => write(&json::unwanted(run, subject)),
            ShowAs::Text => self.say_and_redraw(&text::unwanted(run, subject), runs),
        }
    }

    pub(super) fn ignored(&mut self, subject: &str, reason: &str) -> io::Result<()> {
        match self.shown_as {
            ShowAs::Json => write(&json::ignored(subject, reason)),
            ShowAs::Text => self.say(&text::ignored(subject, reason)),
        }
    }

    pub(super) fn missed(&mut self, count: u64) -> io::Result<()> {
        match self.shown_as {
            ShowAs::Json => write(&json::missed(count)),
            ShowAs::Text => self.say(&text::missed(count)),
        }
    }

    /// Returns when ages have changed; never where nothing stays in sight.
    pub(super) async fn tick(&mut self) {
        match &mut self.live {
            Some(live) => live.tick().await,
            None => pending().await,
        }
    }

    pub(super) fn redraw(&mut self, runs: &RunTable) {
        if let Some(live) = &mut self.live {
            live.redraw(runs);
        }
    }

    fn say_and_redraw(&mut self, text: &str, runs: &RunTable) -> io::Result<()> {
        self.say(text)?;
        self.redraw(runs);
        Ok(())
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        match &self.live {
            Some(live) => live.above(|| write(text)),
            None => write(text),
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    use std::io::Write;
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
