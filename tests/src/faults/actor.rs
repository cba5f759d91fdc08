//! The driver that the faults happen to: a process that does small work and writes down what it does.
//!
//! Environment: `CONVEYOR_NATS_URL`, [`SETTINGS`] with a [`Settings`] document.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conveyor_driver::message::DriverResult;
use conveyor_driver::options::{DriverOptions, ManagerOptions};
use conveyor_driver::{Driver, DriverManager, Error, ErrorCode, Failure, Result, Run};
use rustix::process::{Signal, kill_process, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::LevelFilter;

use super::history::{Deed, Outcome, Record, now, text};

/// The environment variable that holds the settings.
pub const SETTINGS: &str = "FAULTS_DRIVER";

/// What the driver process is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Where it writes down what it does.
    pub book: PathBuf,
    /// The driver's options.
    pub driver: DriverOptions,
    /// The manager's.
    pub shutdown_grace_ms: u64,
}

/// What an event asks for: its resource's spec.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Work {
    /// How many lines it writes.
    pub lines: u32,
    /// How long it takes in all.
    pub ms: u64,
    /// How long it blocks its thread, besides.
    pub block_ms: u64,
    /// How many bytes each line has more than it needs.
    pub filling: usize,
    /// How many bytes the result's data has.
    pub data: usize,
    /// It kills its process.
    pub poison: bool,
    /// By how much the clock jumps before the third line.
    pub clock_jump_s: i64,
    /// Bytes that only make the message larger.
    pub ballast: String,
}

/// The file that all of a cell's processes write to.
#[derive(Debug)]
pub struct Book(Mutex<File>);

impl Book {
    /// Opens it, and makes it when it is missing.
    ///
    /// # Panics
    /// When it cannot be.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        Self(Mutex::new(
            File::options().create(true).append(true).open(path).expect("a history file"),
        ))
    }

    /// Writes a record: whole, or not at all.
    ///
    /// # Panics
    /// When the disk is full.
    pub fn note(&self, pid: u32, deed: Deed) {
        let mut line = serde_json::to_vec(&Record { at: now(), pid, deed }).unwrap();
        line.push(b'\n');
        self.0.lock().unwrap().write_all(&line).expect("room for the history");
    }
}

/// Writes down how a reconcile ended, however it does.
struct Ending {
    book: Arc<Book>,
    mark: String,
    outcome: Outcome,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let (mark, outcome) = (self.mark.clone(), self.outcome);
        self.book.note(std::process::id(), Deed::End { mark, outcome });
    }
}

/// The main function of the driver process.
///
/// # Errors
/// Those of the manager.
pub fn main() -> Result<()> {
    // Never left behind by a harness that was killed.
    let _linux_only = set_parent_process_death_signal(Some(Signal::KILL));
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::INFO)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let settings = std::env::var(SETTINGS).unwrap_or_default();
    let settings: Settings = serde_json::from_str(&settings).map_err(|error| {
        Error::new(ErrorCode::OptionsInvalid, format!("{SETTINGS} is wrong")).with_source(error)
    })?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(serve(settings))
}

async fn serve(settings: Settings) -> Result<()> {
    let book = Arc::new(Book::open(&settings.book));
    let writing = book.clone();
    let driver = Driver::with_options(settings.driver).reconcile(move |run| {
        let book = writing.clone();
        async move { reconcile(run, book).await }
    });
    let options =
        ManagerOptions { shutdown_grace_ms: settings.shutdown_grace_ms, ..Default::default() };
    let report = DriverManager::new(options).driver(driver).run().await?;
    tracing::info!("{report}");
    if report.drivers.iter().all(|driver| driver.log_lines_unsent == 0) {
        book.note(std::process::id(), Deed::Stopped);
    }
    Ok(())
}

async fn reconcile(run: Run, book: Arc<Book>) -> Result<DriverResult, Failure> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let pid = std::process::id();
    let mark = format!("{pid}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let resource = run.resource()?;
    let work: Work = serde_json::from_value(resource.spec.clone()).expect("work");
    let (id, name) = (run.id().to_string(), resource.name.clone());
    let attempt = run.attempt();
    book.note(pid, Deed::Start { mark: mark.clone(), run: id, resource: name, attempt });
    let mut ending = Ending { book: book.clone(), mark: mark.clone(), outcome: Outcome::Dropped };
    let _noting = tokio_util::task::AbortOnDropHandle::new(tokio::spawn({
        let (token, mark, book) = (run.cancellation().clone(), mark.clone(), book.clone());
        async move {
            token.cancelled().await;
            book.note(pid, Deed::Cancelled { mark });
        }
    }));
    // The second half of the lines comes in a burst, so that some are on their way at the end.
    let paced = work.lines.div_ceil(2);
    for number in 1..=work.lines {
        if number <= paced {
            let pause = Duration::from_millis(work.ms / u64::from(paced));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = run.cancellation().cancelled() => {}
            }
        }
        if number == 3 && work.clock_jump_s != 0 {
            conveyor_driver::jump_clock(work.clock_jump_s * 1_000_000_000);
        }
        tokio::select! {
            () = run.log(text(&mark, number, work.lines, work.filling)) => {}
            () = run.cancellation().cancelled() => {}
        }
        if work.poison && number == 2 {
            // The harness finds out later.
            book.note(pid, Deed::Killed);
            let me = rustix::process::getpid();
            kill_process(me, Signal::KILL).expect("an end");
        }
        if let Err(error) = run.check_cancelled() {
            ending.outcome = Outcome::Cancelled;
            return Err(error.into());
        }
    }
    if work.block_ms > 0 {
        #[allow(clippy::disallowed_methods)] // What it is for: a reconcile that blocks its thread.
        std::thread::sleep(Duration::from_millis(work.block_ms));
    }
    ending.outcome = Outcome::Completed;
    Ok(DriverResult::success(mark).data("x".repeat(work.data)))
}
