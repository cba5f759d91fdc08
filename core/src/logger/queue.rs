//! Lines that wait for the sender: bounded in bytes, first in, first out.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::{Notify, Semaphore};
use tokio::task::coop::unconstrained;
use tokio_util::sync::CancellationToken;

use super::hold::hold;
use super::queued_line::QueuedLine;
use super::run_log::RunLog;
use super::tickets::{Debts, LogTicket, TicketHolder};
use crate::error::Result;
use crate::stream::SharedStream;

/// One driver's lines.
#[derive(Debug)]
pub(crate) struct LogQueue {
    stream: SharedStream,
    /// Unlike that of any other queue.
    id: String,
    runs: AtomicU64,
    lines: Mutex<VecDeque<QueuedLine>>,
    filled: Notify,
    space: Semaphore,
    capacity: u32,
    debts: Debts,
    unsettled: AtomicUsize,
    lost: AtomicUsize,
    closed: AtomicBool,
    /// The sender has ended: what is written from now on goes nowhere.
    ended: CancellationToken,
    /// Whether a writer that cannot await may block its thread: only when the sender and its
    /// connection have another.
    may_block: bool,
    /// What the stream was seen to refuse as too large, though the server would take it.
    ceiling: AtomicUsize,
}

/// From the system's randomness: a generator that each process seeds by the clock gives two that start
/// together the same, and one would have its lines refused as duplicates. Short, since the server keeps
/// it for each line: a uuid without its time.
fn queue_id() -> String {
    let id = uuid::Uuid::now_v7();
    format!("{}-", URL_SAFE_NO_PAD.encode(&id.as_bytes()[6..]))
}

impl LogQueue {
    pub(crate) fn new(stream: SharedStream, capacity_bytes: u32, may_block: bool) -> Self {
        Self {
            stream,
            id: queue_id(),
            runs: AtomicU64::new(0),
            lines: Mutex::default(),
            filled: Notify::new(),
            space: Semaphore::new(capacity_bytes as usize),
            capacity: capacity_bytes,
            debts: Debts::default(),
            unsettled: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            ended: CancellationToken::new(),
            may_block,
            ceiling: AtomicUsize::new(usize::MAX),
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// A number for one more run log.
    pub(super) fn next_run(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }

    /// The most bytes an entry may have now.
    pub(super) fn max_entry_bytes(&self) -> usize {
        const ROOM_FOR_HEADERS: usize = 256;
        let limit = self.stream.max_payload().min(self.ceiling.load(Ordering::Relaxed));
        limit.saturating_sub(ROOM_FOR_HEADERS)
    }

    /// An entry of so many bytes was refused as too large.
    pub(super) fn lower_ceiling(&self, refused_bytes: usize) {
        const LEAST: usize = 4_096;
        self.ceiling.fetch_min((refused_bytes / 2).max(LEAST), Ordering::Relaxed);
    }

    /// Waits until there is room for this many bytes, and takes it. Returns what to give back.
    pub(super) async fn reserve(&self, bytes: usize) -> u32 {
        let cost = self.cost(bytes);
        match self.space.acquire_many(cost).await {
            Ok(permit) => {
                permit.forget();
                cost
            }
            Err(_ended) => 0,
        }
    }

    /// The same for a writer that cannot await: it looks up that often meanwhile, and gives up when that
    /// fails.
    pub(super) fn reserve_blocking<E>(
        &self,
        bytes: usize,
        every: Duration,
        look_up: impl FnMut() -> Result<(), E>,
    ) -> Result<u32, E> {
        let cost = self.cost(bytes);
        if let Ok(permit) = self.space.try_acquire_many(cost) {
            permit.forget();
            return Ok(cost);
        }
        if self.may_block {
            // Within a task tokio would let the wait fail once the task had used up its turn, and
            // a blocked task never gets another one.
            return hold(unconstrained(self.reserve(bytes)), every, look_up);
        }
        // The sender shares this thread, so waiting would never end: go over the bound instead.
        Ok(0)
    }

    /// Takes the room that a line needs beyond what was reserved, if there is any.
    pub(super) fn top_up(&self, cost: u32, bytes: usize) -> u32 {
        let further = self.cost(bytes).saturating_sub(cost);
        match self.space.try_acquire_many(further) {
            Ok(permit) if cost > 0 => {
                permit.forget();
                cost + further
            }
            _ => cost,
        }
    }

    /// Takes room for a writer that cannot wait: what there is now, and the rest as a debt. The ticket
    /// says when that is paid; none when there is room for all.
    ///
    /// # Errors
    /// `LogFull` when too much is owed already.
    pub(super) fn reserve_later(
        &self,
        run: &RunLog,
        cost: usize,
        holder: &Arc<dyn TicketHolder>,
    ) -> Result<Option<LogTicket>> {
        let debts = self.debts.lock();
        if debts.is_forgiven() {
            return Ok(None);
        }
        let mut owed = cost;
        if debts.is_empty() {
            let now = u32::try_from(owed.min(self.space.available_permits())).unwrap_or(u32::MAX);
            if let Ok(permit) = self.space.try_acquire_many(now) {
                permit.forget();
                owed -= now as usize;
            }
        }
        if owed == 0 {
            return Ok(None);
        }
        debts.owe(run, owed, self.capacity as usize, holder).map(Some).inspect_err(|_| {
            self.space.add_permits(cost - owed);
        })
    }

    pub(super) fn cost(&self, bytes: usize) -> u32 {
        u32::try_from(bytes).unwrap_or(u32::MAX).min(self.capacity)
    }

    pub(super) fn push(&self, line: QueuedLine) {
        if self.ended.is_cancelled() {
            if self.lost.fetch_add(1, Ordering::AcqRel) == 0 {
                tracing::warn!(run = ?line.run, "log lines written after the driver's end are lost");
            }
            return;
        }
        self.unsettled.fetch_add(1, Ordering::AcqRel);
        let mut lines = self.lock();
        lines.push_back(line);
        if lines.len() == 1 {
            drop(lines);
            self.filled.notify_one();
        }
    }

    /// Moves up to `most` lines from the front into `taken`.
    pub(super) fn take(&self, most: usize, taken: &mut Vec<QueuedLine>) {
        let mut lines = self.lock();
        let most = most.min(lines.len());
        taken.extend(lines.drain(..most));
    }

    /// Waits until there is something to take, or the queue is closed.
    pub(super) async fn filled(&self) {
        while self.is_empty() && !self.is_closed() {
            self.filled.notified().await;
        }
    }

    /// A line is done with: its room is free again.
    pub(super) fn settle(&self, line: &QueuedLine) {
        self.space.add_permits(self.debts.pay(line.cost as usize));
        if line.is_last {
            self.unsettled.fetch_sub(1, Ordering::AcqRel);
            line.run.line_settled();
        }
    }

    /// A line cannot be stored at all.
    pub(super) fn lose(&self, line: &QueuedLine) {
        self.lost.fetch_add(1, Ordering::AcqRel);
        self.settle(line);
    }

    /// How many lines are not stored, and as far as is known will not be.
    pub(crate) fn unsent(&self) -> usize {
        self.unsettled.load(Ordering::Acquire) + self.lost.load(Ordering::Acquire)
    }

    /// No more lines will come; the sender ends once it has sent what is here.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.filled.notify_one();
    }

    /// There is no sender any more: nobody waits for it from now on.
    pub(crate) fn end(&self) {
        self.ended.cancel();
        self.space.close();
        self.debts.forgive();
    }

    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<QueuedLine>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use crate::logger::LogLine;
    use crate::message::{DriverMessage, Resource};
    use crate::stream::MemoryStream;
    use proptest::prelude::*;
    use std::collections::HashMap;

    const CAPACITY: u32 = 10_000;

    #[derive(Debug, Default)]
    struct Holder(Mutex<(u64, Vec<u64>)>);

    impl TicketHolder for Holder {
        fn give(&self) -> Result<LogTicket> {
            let mut state = self.0.lock().unwrap();
            state.0 += 1;
            Ok(LogTicket::from_u64(state.0))
        }

        fn accepted(&self, ticket: LogTicket) {
            self.0.lock().unwrap().1.push(ticket.to_u64());
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Write { run: usize, lines: Vec<usize> },
        WriteWhenThereIsRoom { run: usize, bytes: usize },
        Store { lines: usize },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let (run, bytes) = (0_usize..3, 0_usize..4_000);
        let lines = prop::collection::vec(bytes.clone(), 1..5);
        let step = prop_oneof![
            3 => (run.clone(), lines).prop_map(|(run, lines)| Step::Write { run, lines }),
            1 => (run, bytes).prop_map(|(run, bytes)| Step::WriteWhenThereIsRoom { run, bytes }),
            3 => (1_usize..6).prop_map(|lines| Step::Store { lines }),
        ];
        prop::collection::vec(step, 1..80)
    }

    #[test]
    fn an_interrupted_writer_leaves_the_whole_line_and_owes_nothing() {
        const BYTES: usize = 50_000;
        let queue = Arc::new(LogQueue::new(Arc::new(MemoryStream::new()), CAPACITY, true));
        queue.lower_ceiling(0);
        let message = DriverMessage::new("create", &Resource::default(), "id", "run".into());
        let log = RunLog::new(&queue, &"builder".into(), &message);
        let mut looks = 0;
        let written =
            log.write_interruptible("x".repeat(BYTES), Duration::from_secs(3_600), || {
                looks += 1;
                Err("interrupted")
            });
        assert_eq!((written, looks), (Err("interrupted"), 1));
        let mut taken = Vec::new();
        queue.take(usize::MAX, &mut taken);
        assert!(taken.iter().map(|piece| piece.body.len()).sum::<usize>() > BYTES);
        taken.iter().for_each(|piece| queue.settle(piece));
        assert_eq!(queue.space.available_permits(), CAPACITY as usize);
    }

    proptest! {
        #[test]
        fn what_is_owed_is_paid_and_the_room_is_whole_again(steps in steps()) {
            let queue = Arc::new(LogQueue::new(Arc::new(MemoryStream::new()), CAPACITY, false));
            let message = DriverMessage::new("create", &Resource::default(), "id", "run".into());
            let log = || RunLog::new(&queue, &"builder".into(), &message);
            let runs = [log(), log(), log()];
            let holder = Arc::new(Holder::default());
            let held: Arc<dyn TicketHolder> = holder.clone();
            let (mut taken, mut waiting, mut largest) = (Vec::new(), 0_usize, 0_usize);
            let mut given: HashMap<u64, usize> = HashMap::new();
            for step in steps.into_iter().chain([Step::Store { lines: usize::MAX }]) {
                match step {
                    Step::Write { run, lines } => {
                        let bytes: usize = lines.iter().sum();
                        let lines = lines.iter().map(|bytes| LogLine::from("x".repeat(*bytes)));
                        match runs[run].write_later(lines, &held) {
                            Ok(ticket) => {
                                waiting += bytes;
                                largest = largest.max(bytes);
                                given.extend(ticket.map(|ticket| (ticket.to_u64(), run)));
                            }
                            Err(error) => prop_assert_eq!(error.code(), ErrorCode::LogFull),
                        }
                    }
                    Step::WriteWhenThereIsRoom { run, bytes } => {
                        // Polled once: a writer that would have to wait gives up.
                        let line = "x".repeat(bytes);
                        let written = futures_util::FutureExt::now_or_never(runs[run].write(line));
                        waiting += written.map_or(0, |()| bytes);
                    }
                    Step::Store { lines } => {
                        queue.take(lines, &mut taken);
                        for line in taken.drain(..) {
                            queue.settle(&line);
                            waiting = waiting.saturating_sub(line.body.len());
                        }
                    }
                }
                prop_assert!(waiting <= 2 * CAPACITY as usize + largest + 4_000, "{} wait", waiting);
            }
            prop_assert_eq!(queue.space.available_permits(), CAPACITY as usize);
            prop_assert!(queue.debts.lock().is_empty());
            let accepted = &holder.0.lock().unwrap().1;
            prop_assert!(accepted.is_sorted(), "{:?}", accepted);
            prop_assert_eq!(accepted.len(), given.len());
            for run in &runs {
                prop_assert_eq!(run.tickets().load(Ordering::Acquire), 0);
            }
        }
    }
}
