//! Runs cells over seeds and makes a table of what they showed.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use tokio::time::{Instant, timeout};

use super::cells::Cell;
use super::checker::Verdict;
use super::scene::Scene;

/// Longer than any cell takes whose every wait came to its deadline.
const AT_MOST: Duration = Duration::from_secs(300);

/// One cell over all its seeds.
#[derive(Clone, Debug, Default)]
struct Row {
    runs: usize,
    total: Verdict,
    seconds: f64,
    failed: Vec<u64>,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Report {
    rows: BTreeMap<String, Row>,
    /// What went wrong, each with its cell and seed.
    pub failures: Vec<String>,
}

impl Report {
    fn add(&mut self, name: &str, seed: u64, verdict: &Verdict, took: Duration) {
        let row = self.rows.entry(name.to_owned()).or_default();
        row.runs += 1;
        row.seconds += took.as_secs_f64();
        let total = &mut row.total;
        total.events += verdict.events;
        total.runs += verdict.runs;
        total.lost += verdict.lost;
        total.lost_lines += verdict.lost_lines;
        total.doubled += verdict.doubled;
        total.disordered += verdict.disordered;
        total.overlaps += verdict.overlaps;
        total.beside += verdict.beside;
        total.worst_after_kill = total.worst_after_kill.max(verdict.worst_after_kill);
        total.worst_after_drain = total.worst_after_drain.max(verdict.worst_after_drain);
        if !verdict.faults.is_empty() {
            row.failed.push(seed);
            let faults = verdict.faults.join("\n");
            self.failures.push(format!("{name} FAILED; FAULT_SEED={seed} repeats it\n{faults}"));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "| cell | runs | events | reconciles | lost events | lost lines | doubled | disordered lines | \
             overlaps | in two processes | worst after kill | worst after drain | mean s | failed seeds |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
        )?;
        let time = |time: Option<Duration>| {
            time.map_or("–".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()))
        };
        for (name, row) in &self.rows {
            let total = &row.total;
            let failed: Vec<_> = row.failed.iter().map(u64::to_string).collect();
            writeln!(
                f,
                "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} | {} |",
                row.runs,
                total.events,
                total.runs,
                total.lost,
                total.lost_lines,
                total.doubled,
                total.disordered,
                total.overlaps,
                total.beside,
                time(total.worst_after_kill),
                time(total.worst_after_drain),
                row.seconds / row.runs as f64,
                failed.join(" "),
            )?;
        }
        Ok(())
    }
}

/// Runs cells side by side, each so many times, and tells of each as it ends. `FAULT_SEED` makes it
/// one time, with that seed.
pub async fn run_cells(
    cells: &[Cell],
    times: usize,
    at_once: usize,
    program: &Path,
    mut tell: impl FnMut(&str),
) -> Report {
    let given = std::env::var("FAULT_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut jobs = Vec::new();
    for round in 0..times {
        for cell in cells {
            let seed = given.unwrap_or_else(|| u64::from(fastrand::u32(..)));
            if given.is_none() || round == 0 {
                jobs.push((cell.clone(), seed));
            }
        }
    }
    let running = stream::iter(jobs).map(|(cell, seed)| async move {
        let started = Instant::now();
        let verdict = run_cell(&cell, seed, program).await;
        (cell.name, seed, verdict, started.elapsed())
    });
    let mut ended = std::pin::pin!(running.buffer_unordered(at_once));
    let mut report = Report::default();
    while let Some((name, seed, verdict, took)) = ended.next().await {
        let mut line = String::new();
        let word = if verdict.faults.is_empty() { "held" } else { "FAILED" };
        let _written = write!(
            line,
            "{name} seed {seed}: {word}, {} events, {} reconciles, {:.1} s",
            verdict.events,
            verdict.runs,
            took.as_secs_f64()
        );
        tell(&line);
        report.add(&name, seed, &verdict, took);
    }
    report
}

/// Runs one cell with one seed.
pub async fn run_cell(cell: &Cell, seed: u64, program: &Path) -> Verdict {
    let whole = async {
        let mut scene = Scene::open(cell.setup.clone(), seed, cell.drain, program).await;
        (cell.body)(&mut scene).await;
        scene.close(&cell.name).await
    };
    let fault = match timeout(AT_MOST, AssertUnwindSafe(whole).catch_unwind()).await {
        Ok(Ok(verdict)) => return verdict,
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_else(|| "a panic".to_owned())
        }
        Err(_) => format!("did not end within {AT_MOST:?}"),
    };
    Verdict { faults: vec![fault], ..Verdict::default() }
}
