//! Runs that do nothing but wait: what each of them weighs.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::{Instant, sleep};

use crate::candidate::Candidate;
use crate::contract::Work;
use crate::figures::Figures;
use crate::process::{cpu_us, is_runnable, resident_mb};
use crate::stage::Stage;

/// Longer than the measurement.
const SLEEP: Duration = Duration::from_secs(3_600);

/// How long a process has to do next to nothing before it is taken for at rest.
const QUIET: Duration = Duration::from_millis(300);
const NEXT_TO_NOTHING_US: f64 = 3_000.0;
const AT_MOST: Duration = Duration::from_secs(60);

/// Measures the memory of a process with so many runs in flight.
///
/// # Errors
/// When they do not all come to be.
pub(crate) async fn measure(candidate: &Candidate, runs: usize) -> Result<Figures> {
    let concurrency = u32::try_from(runs)?;
    let stage = Stage::open(concurrency).await?;
    stage.post(runs).await?;
    let process = stage.start(candidate, concurrency, Work::Sleep(SLEEP))?;
    stage.until(|backlog| backlog.waiting == 0 && backlog.in_flight == runs).await?;
    at_rest(process.id()).await?;
    let (resident, peak) = resident_mb(process.id())?;
    let mut figures = Figures::default();
    figures.note("rss_mb", resident);
    figures.note("peak_rss_mb", peak);
    Ok(figures)
}

/// Waits until the process has begun all that was sent to it.
async fn at_rest(process: u32) -> Result<()> {
    let deadline = Instant::now() + AT_MOST;
    loop {
        let before_us = cpu_us(process)?;
        sleep(QUIET).await;
        if cpu_us(process)? - before_us < NEXT_TO_NOTHING_US && !is_runnable(process)? {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the process never comes to rest");
    }
}
