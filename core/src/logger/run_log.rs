//! The log of one run.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::fitted::Fitted;
use super::line::{Level, LogLine};
use super::queue::LogQueue;
use super::queued_line::{LineId, QueuedLine};
use super::subjects::Subjects;
use super::tickets::{LogTicket, TicketHolder};
use crate::clock::{self, Stamper};
use crate::error::Result;
use crate::message::{DriverMessage, LabelsRef, log_entry};
use crate::run_id::RunId;

/// Where the lines of one run go. Clones write to the same log, in the order of their calls.
#[derive(Clone)]
pub struct RunLog(Arc<Inner>);

struct Inner {
    queue: Arc<LogQueue>,
    run: RunId,
    driver: Arc<str>,
    pipeline: String,
    /// Made for the first line. Nothing when the run id cannot be part of a subject, so that no line
    /// can be stored.
    subjects: OnceLock<Option<Arc<Subjects>>>,
    /// What makes each line's message id unlike that of any other attempt of this driver.
    number: u64,
    stamps: Mutex<Stamps>,
    written: AtomicU64,
    stored: AtomicU64,
    progress: Notify,
    warned: AtomicBool,
    tickets: AtomicU32,
}

struct Stamps {
    stamper: Stamper,
    last_unix_nanos: u64,
    lines: u64,
    /// When the run last gave a sign of progress.
    progress: Instant,
}

impl RunLog {
    pub(crate) fn new(queue: &Arc<LogQueue>, driver: &Arc<str>, message: &DriverMessage) -> Self {
        Self(Arc::new(Inner {
            queue: queue.clone(),
            run: message.run_id.clone(),
            driver: driver.clone(),
            pipeline: message.pipeline.clone(),
            subjects: OnceLock::new(),
            number: queue.next_run(),
            stamps: Mutex::new(Stamps {
                stamper: Stamper::default(),
                last_unix_nanos: 0,
                lines: 0,
                progress: Instant::now(),
            }),
            written: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            progress: Notify::new(),
            warned: AtomicBool::new(false),
            tickets: AtomicU32::new(0),
        }))
    }

    /// Writes a line. Returns once the line has its place in the log: at once, unless the buffer is
    /// full of lines the server has not stored yet.
    pub async fn write(&self, line: impl Into<LogLine>) {
        let Some(line) = self.fitted(line.into()) else { return };
        for piece in line.pieces() {
            let cost = self.0.queue.reserve(line.entry_bytes(piece)).await;
            self.append(&line, piece, cost);
        }
    }

    /// The same where nothing can be awaited. Blocks the thread while the buffer is full.
    pub fn write_blocking(&self, line: impl Into<LogLine>) {
        const LONG: Duration = Duration::from_secs(3_600);
        let Ok(()) = self.write_interruptible(line, LONG, || Ok::<_, Infallible>(()));
    }

    /// The same for a thread that has to look up that often while it is held.
    ///
    /// # Errors
    /// What `look_up` failed with. That ends the wait: the line has its place all the same, beyond the
    /// bound of the buffer.
    pub fn write_interruptible<E>(
        &self,
        line: impl Into<LogLine>,
        every: Duration,
        mut look_up: impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(line) = self.fitted(line.into()) else { return Ok(()) };
        let mut looked = Ok(());
        for piece in line.pieces() {
            let mut cost = 0;
            if looked.is_ok() {
                let bytes = line.entry_bytes(piece);
                let reserved = self.0.queue.reserve_blocking(bytes, every, &mut look_up);
                looked = reserved.map(|reserved| cost = reserved);
            }
            self.append(&line, piece, cost);
        }
        looked
    }

    /// Gives lines their place in the log without waiting for room, all or none. The ticket says when
    /// the buffer has room for them; none when it has now.
    ///
    /// # Errors
    /// `LogFull` when too many wait for room already; none of these were taken.
    pub(crate) fn write_later(
        &self,
        lines: impl IntoIterator<Item = LogLine>,
        holder: &Arc<dyn TicketHolder>,
    ) -> Result<Option<LogTicket>> {
        let lines: Vec<_> = lines.into_iter().filter_map(|line| self.fitted(line)).collect();
        let queue = &self.0.queue;
        let pieces = || lines.iter().flat_map(|line| line.pieces().map(move |piece| (line, piece)));
        let cost_of = |line: &Fitted<'_>, piece| queue.cost(line.entry_bytes(piece));
        let cost = pieces().map(|(line, piece)| cost_of(line, piece) as usize).sum();
        let ticket = queue.reserve_later(self, cost, holder)?;
        for (line, piece) in pieces() {
            self.append(line, piece, cost_of(line, piece));
        }
        Ok(ticket)
    }

    /// How many tickets of this run are not accepted yet; guarded by the lock of all debts.
    pub(super) fn tickets(&self) -> &AtomicU32 {
        &self.0.tickets
    }

    /// A line of the runtime's own: few and short, it takes its place without waiting for room.
    pub(crate) fn note(&self, line: LogLine) {
        let Some(line) = self.fitted(line) else { return };
        line.pieces().for_each(|piece| self.append(&line, piece, 0));
    }

    /// Writes a line of level debug.
    pub async fn debug(&self, message: impl Into<String>) {
        self.write(LogLine::new(Level::Debug, message)).await;
    }

    /// Writes a line of level info.
    pub async fn info(&self, message: impl Into<String>) {
        self.write(LogLine::new(Level::Info, message)).await;
    }

    /// Writes a line of level warning.
    pub async fn warning(&self, message: impl Into<String>) {
        self.write(LogLine::new(Level::Warning, message)).await;
    }

    /// Writes a line of level error.
    pub async fn error(&self, message: impl Into<String>) {
        self.write(LogLine::new(Level::Error, message)).await;
    }

    /// Waits until every line written so far is stored, or the driver has ended.
    pub async fn flush(&self) {
        if self.is_stored() {
            return;
        }
        tokio::select! {
            biased;
            () = self.stored() => {}
            () = self.0.queue.ended() => {}
        }
    }

    /// Whether all lines up to now are stored.
    pub(crate) fn is_stored(&self) -> bool {
        self.0.stored.load(Ordering::Acquire) >= self.0.written.load(Ordering::Acquire)
    }

    async fn stored(&self) {
        let upto = self.0.written.load(Ordering::Acquire);
        loop {
            let progress = self.0.progress.notified();
            if self.0.stored.load(Ordering::Acquire) >= upto {
                return;
            }
            progress.await;
        }
    }

    /// The line as it can be sent. Nothing when no line of this run can be stored.
    fn fitted(&self, line: LogLine) -> Option<Fitted<'_>> {
        let Some(subjects) = self.subjects() else {
            if !self.0.warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    driver = self.driver(), run_id = ?self.run_id().as_str(),
                    "the lines of this run are not stored: its run id cannot be part of a subject"
                );
            }
            return None;
        };
        let most = self.0.queue.max_entry_bytes();
        Some(Fitted::new(self, subjects, line, [most, self.overhead()]))
    }

    pub(super) fn driver(&self) -> &str {
        &self.0.driver
    }

    pub(super) fn run_id(&self) -> &RunId {
        &self.0.run
    }

    /// The most bytes an entry has beside its message and labels.
    fn overhead(&self) -> usize {
        const MEMBER_NAMES_AND_TIMESTAMP: usize = 160;
        const LONGEST_ESCAPE: usize = 6;
        MEMBER_NAMES_AND_TIMESTAMP
            + self.0.driver.len()
            + LONGEST_ESCAPE * (self.0.run.as_str().len() + self.0.pipeline.len())
    }

    fn append(&self, fitted: &Fitted<'_>, piece: &str, cost: u32) {
        let (inner, Fitted { line, subjects, .. }) = (&*self.0, fitted);
        // The lock spans stamping and queueing, so that the order of stamps is the order of lines.
        let stamps = &mut *self.stamps();
        stamps.last_unix_nanos = clock::unix_nanos().max(stamps.last_unix_nanos + 1);
        stamps.lines += 1;
        stamps.progress = Instant::now();
        let timestamp = stamps.stamper.stamp(stamps.last_unix_nanos);
        let labels = LabelsRef { level: line.level.name(), others: &line.labels };
        let body = log_entry::encode(&subjects.opening, timestamp, piece, &labels);
        inner.written.fetch_add(1, Ordering::AcqRel);
        inner.queue.push(QueuedLine {
            run: self.clone(),
            subjects: (*subjects).clone(),
            id: LineId { line: stamps.lines, piece: 1 },
            cost: inner.queue.top_up(cost, body.len()),
            body: body.into(),
            unix_nanos: stamps.last_unix_nanos,
            span_nanos: QueuedLine::SPAN_NANOS,
            is_last: true,
        });
    }

    fn stamps(&self) -> MutexGuard<'_, Stamps> {
        self.0.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn touch(&self) {
        self.stamps().progress = Instant::now();
    }

    pub(crate) fn last_progress(&self) -> Instant {
        self.stamps().progress
    }

    fn subjects(&self) -> Option<&Arc<Subjects>> {
        let Inner { run, driver, pipeline, subjects, .. } = &*self.0;
        subjects.get_or_init(|| Subjects::new(run, driver, pipeline).map(Arc::new)).as_ref()
    }

    pub(super) fn message_id(&self, id: LineId) -> String {
        let [mut number, mut line, mut piece] = [(); 3].map(|()| itoa::Buffer::new());
        let piece = if id.piece == 1 { "" } else { piece.format(id.piece) };
        let dot = if id.piece == 1 { "" } else { "." };
        [self.0.queue.id(), number.format(self.0.number), ".", line.format(id.line), dot, piece]
            .concat()
    }

    pub(super) fn line_settled(&self) {
        self.0.stored.fetch_add(1, Ordering::AcqRel);
        self.0.progress.notify_waiters();
    }
}

impl fmt::Debug for RunLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunLog")
            .field("run_id", &self.0.run)
            .field("driver", &self.0.driver)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Resource;
    use crate::stream::MemoryStream;

    #[test]
    fn ids_differ_where_two_processes_have_the_same_generator() {
        let message = DriverMessage::new("create", &Resource::default(), "id", "run".into());
        let first_id = || {
            fastrand::seed(7);
            let queue = Arc::new(LogQueue::new(Arc::new(MemoryStream::new()), 1_000, false));
            let log = RunLog::new(&queue, &"builder".into(), &message);
            log.message_id(LineId { line: 1, piece: 1 })
        };
        assert_ne!(first_id(), first_id());
    }

    #[test]
    fn ids_differ_between_the_attempts_of_a_run() {
        let message = DriverMessage::new("create", &Resource::default(), "id", "run".into());
        let queue = Arc::new(LogQueue::new(Arc::new(MemoryStream::new()), 1_000, false));
        let first_id = || {
            RunLog::new(&queue, &"builder".into(), &message)
                .message_id(LineId { line: 1, piece: 1 })
        };
        assert_ne!(first_id(), first_id());
    }
}
