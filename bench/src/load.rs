//! Events that wait when the candidate comes: how fast it works them off, and what that costs.

use anyhow::{Context, Result, ensure};
use conveyor_driver::subject::{LOGS_STREAM, PIPELINES_STREAM};
use serde::Deserialize;

use crate::answers::Answers;
use crate::candidate::Candidate;
use crate::clock::monotonic_us;
use crate::contract::{Work, line};
use crate::event::{DRIVER, run_id};
use crate::figures::Figures;
use crate::process::{Process, cpu_us, resident_mb};
use crate::stage::Stage;

/// What waits for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// Events that wait.
    pub(crate) events: usize,
    /// What each run does. Only one event may write lines.
    pub(crate) work: Work,
    /// Events in flight in each process.
    pub(crate) concurrency: u32,
    /// Processes that share the consumer.
    pub(crate) instances: usize,
    /// Consumers of other drivers on the same stream.
    pub(crate) neighbours: usize,
}

impl Load {
    /// One process and nobody else.
    #[must_use]
    pub(crate) const fn new(events: usize, concurrency: u32, work: Work) -> Self {
        Self { events, work, concurrency, instances: 1, neighbours: 0 }
    }

    /// Measures a candidate; `started_cpu_us` as in `Scenario::measure`. Fails when an event is not
    /// answered exactly once, or a log line is lost or moved.
    pub(crate) async fn measure(
        self,
        candidate: &Candidate,
        started_cpu_us: f64,
    ) -> Result<Figures> {
        let in_flight = self.concurrency.saturating_mul(u32::try_from(self.instances)?);
        let stage = Stage::open(in_flight).await?;
        stage.neighbours(self.neighbours).await?;
        stage.post(self.events).await?;
        let server = stage.server.pid().context("no server")?;
        let server_before_us = cpu_us(server)?;
        let spawned_us = monotonic_us();
        let mut running = (0..self.instances)
            .map(|_| stage.start(candidate, self.concurrency, self.work))
            .collect::<Result<Vec<_>>>()?;
        stage.holds(PIPELINES_STREAM, self.events, &mut running).await?;
        stage.until(|backlog| backlog.waiting == 0 && backlog.in_flight == 0).await?;

        let processes = running.iter().map(Process::id);
        let cpu: f64 = processes.clone().map(cpu_us).sum::<Result<_>>()?;
        let server_us = cpu_us(server)? - server_before_us;
        let memory = processes.map(resident_mb).collect::<Result<Vec<_>>>()?;
        drop(running);

        let mut answers = Answers::to(self.events);
        let take = |stored_us, result: &[u8]| answers.take(stored_us, result);
        stage.read(PIPELINES_STREAM, self.events, take).await?;
        let mut span = answers.span().context("no results")?;
        let mut units = self.events as f64;
        if let Work::Logs { lines, bytes } = self.work {
            span.end_us = span.end_us.max(last_line_us(&stage, lines, bytes).await?);
            units = lines as f64;
        }

        let seconds = (span.end_us - span.start_us) as f64 / 1e6;
        let started = started_cpu_us * self.instances as f64;
        let mut figures = Figures::default();
        figures.note("spawned_to_stored_ms", (span.end_us - spawned_us) as f64 / 1e3);
        figures.note("total_ms", seconds * 1e3);
        figures.note("per_s", units / seconds);
        figures.note("cpu_ms", cpu / 1e3);
        figures.note("cpu_us_each", (cpu - started) / units);
        figures.note("server_cpu_us_each", server_us / units);
        figures.note("peak_rss_mb", memory.iter().map(|(_, peak)| *peak).fold(0.0, f64::max));
        let taken = answers.times().map(|(_, times)| times.end_us - times.start_us).collect();
        figures.note_percentiles("event", taken);
        Ok(figures)
    }
}

/// Reads the log of the one run, and says when its last line was stored.
async fn last_line_us(stage: &Stage, lines: usize, bytes: usize) -> Result<i64> {
    let (mut next, mut last_us) = (0, 0);
    let take = |stored_us, entry: &[u8]| {
        check_line(entry, next, bytes)?;
        (next, last_us) = (next + 1, stored_us);
        Ok(())
    };
    stage.read(LOGS_STREAM, lines, take).await?;
    Ok(last_us)
}

fn check_line(entry: &[u8], i: usize, bytes: usize) -> Result<()> {
    #[derive(Deserialize)]
    struct Entry {
        runid: String,
        driver: String,
        message: String,
    }
    let entry: Entry = serde_json::from_slice(entry).context("a log line")?;
    let good =
        entry.runid == run_id(0) && entry.driver == DRIVER && entry.message == line(i, bytes);
    ensure!(good, "line {i} is lost, changed or moved: {}", entry.message);
    Ok(())
}
