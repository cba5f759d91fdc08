//! Runs that do nothing but wait: what each of them weighs.

use std::time::Duration;

use anyhow::Result;

use crate::candidate::Candidate;
use crate::contract::Work;
use crate::figures::Figures;
use crate::process::resident_mb;
use crate::stage::Stage;

/// Longer than the measurement.
const SLEEP: Duration = Duration::from_secs(3_600);

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
    let (resident, peak) = resident_mb(process.id())?;
    let mut figures = Figures::default();
    figures.note("rss_mb", resident);
    figures.note("peak_rss_mb", peak);
    Ok(figures)
}
