//! What happens on a control plane, told to a screen in its order.

use std::io;
use std::time::Duration;

use conveyor_driver::message::{LogEntry, ResultEvent};
use conveyor_driver::{RunId, subject};
use tokio::time::timeout;

use super::Dev;
use super::run_table::RunTable;
use super::show::Show;
use crate::control_plane::{Notice, Watch};
use crate::jetstream;

/// How long to wait for the last lines of a driver that has answered.
const LAST_LINES_WITHIN: Duration = Duration::from_secs(5);

/// A watch over everything on a control plane, from when it was made on.
#[derive(Debug)]
pub struct Follow<'a> {
    dev: &'a Dev,
    news: Watch,
    seen: usize,
    /// Lines of a step whose beginning is not told yet.
    early: Vec<LogEntry>,
    runs: RunTable,
}

/// Watches from now on.
#[must_use]
pub fn follow(dev: &Dev) -> Follow<'_> {
    Follow {
        dev,
        news: dev.control_plane().watch(),
        seen: 0,
        early: Vec::new(),
        runs: RunTable::default(),
    }
}

/// A run that is over.
#[derive(Debug)]
pub struct Ended {
    /// The run.
    pub run: RunId,
    /// Whether it came to a good end.
    pub success: bool,
}

impl Follow<'_> {
    /// Shows what comes until a run is over; nothing once the control plane was shut down. May be
    /// dropped and called again.
    ///
    /// # Errors
    /// Those of the screen.
    pub async fn until_a_run_ends(&mut self, show: &mut Show) -> io::Result<Option<Ended>> {
        loop {
            let control_plane = self.dev.control_plane();
            tokio::select! {
                biased;
                notice = self.news.next() => match notice {
                    Some(notice) => {
                        if let Some(ended) = self.tell(notice, show).await? {
                            return Ok(Some(ended));
                        }
                    }
                    None => return Ok(None),
                },
                lines = control_plane.lines_after(self.seen) => match lines {
                    Ok(_) => self.lines(show)?,
                    Err(_shut_down) => return Ok(None),
                },
                () = show.tick() => show.redraw(&self.runs),
            }
        }
    }

    async fn tell(&mut self, notice: Notice, show: &mut Show) -> io::Result<Option<Ended>> {
        match notice {
            Notice::Posted { run, resource } => {
                let pipeline = self.dev.control_plane().stored_pipeline(&resource.pipeline);
                let driver = pipeline.as_ref().and_then(|pipeline| pipeline.first());
                let subject = match driver {
                    Some(driver) => subject::driver(driver, &resource.resource),
                    None => subject::resource(&resource.resource),
                };
                self.runs.posted(&run, &resource, driver.unwrap_or_default());
                show.posted(&run, &self.runs)?;
                self.warn_if_unwanted(&run, &subject, show).await?;
            }
            Notice::Result { event, next } => return self.answered(&event, next, show).await,
            Notice::Ignored { subject, reason } => show.ignored(&subject, &reason)?,
            Notice::Missed(count) => show.missed(count)?,
            // The stored lines are shown, of which none is missed.
            Notice::Log(_) => {}
        }
        Ok(None)
    }

    async fn answered(
        &mut self,
        event: &ResultEvent,
        next: Option<String>,
        show: &mut Show,
    ) -> io::Result<Option<Ended>> {
        // Lines are stored before the result is, but go another way from there.
        let caught_up =
            timeout(LAST_LINES_WITHIN, self.dev.control_plane().lines_caught_up()).await;
        if !matches!(caught_up, Ok(Ok(()))) {
            tracing::warn!(run_id = %event.run_id, "the last log lines are late");
        }
        self.lines(show)?;
        let driver = next.as_deref().and_then(|subject| subject.split('.').nth(1));
        let over = self.runs.answered(event, driver).is_over();
        show.answered(event, driver, &self.runs)?;
        self.lines(show)?;
        if let Some(subject) = &next {
            self.warn_if_unwanted(&event.run_id, subject, show).await?;
        }
        Ok(over.then(|| Ended { run: event.run_id.clone(), success: event.result.success }))
    }

    fn lines(&mut self, show: &mut Show) -> io::Result<()> {
        let lines = self.dev.control_plane().lines_now_after(self.seen);
        self.seen += lines.len();
        let mut all = std::mem::take(&mut self.early);
        all.extend(lines);
        let runs = &self.runs;
        let (early, lines): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|line| runs.is_early(line));
        self.early = early;
        for line in &lines {
            self.runs.line(line);
        }
        show.lines(&lines, &self.runs)
    }

    /// The stream drops an event that no driver's consumer wants, and the run would wait for ever.
    async fn warn_if_unwanted(
        &self,
        run: &RunId,
        subject: &str,
        show: &mut Show,
    ) -> io::Result<()> {
        match jetstream::is_wanted(&**self.dev.stream(), subject).await {
            Ok(true) => Ok(()),
            Ok(false) => show.unwanted(run, subject, &self.runs),
            Err(error) => {
                tracing::debug!(%error, "cannot look who listens");
                Ok(())
            }
        }
    }
}
