//! Lines that wait for the sender: bounded in bytes, first in, first out.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore};

use super::run_log::RunLog;

/// A line as it goes out.
#[derive(Debug)]
pub(super) struct QueuedLine {
    pub(super) run: RunLog,
    pub(super) number: u64,
    pub(super) body: Bytes,
    pub(super) cost: u32,
}

/// One driver's lines.
#[derive(Debug)]
pub(crate) struct LogQueue {
    lines: Mutex<VecDeque<QueuedLine>>,
    filled: Notify,
    space: Semaphore,
    capacity: u32,
    unsettled: AtomicUsize,
    closed: AtomicBool,
    /// Whether a writer that cannot await may block its thread: only when the sender has another.
    may_block: bool,
    /// The most bytes an entry may have.
    pub(super) max_entry_bytes: usize,
}

impl LogQueue {
    pub(crate) fn new(capacity_bytes: u32, max_payload: usize, may_block: bool) -> Self {
        const ROOM_FOR_HEADERS: usize = 256;
        Self {
            lines: Mutex::default(),
            filled: Notify::new(),
            space: Semaphore::new(capacity_bytes as usize),
            capacity: capacity_bytes,
            unsettled: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            may_block,
            max_entry_bytes: max_payload.saturating_sub(ROOM_FOR_HEADERS),
        }
    }

    /// Waits until there is room for this many bytes, and takes it. Returns what to give back.
    pub(super) async fn reserve(&self, bytes: usize) -> u32 {
        let cost = self.cost(bytes);
        if let Ok(permit) = self.space.acquire_many(cost).await {
            permit.forget();
        }
        cost
    }

    /// The same for a writer that cannot await.
    pub(super) fn reserve_blocking(&self, bytes: usize) -> u32 {
        let cost = self.cost(bytes);
        if let Ok(permit) = self.space.try_acquire_many(cost) {
            permit.forget();
            return cost;
        }
        if self.may_block {
            return pollster::block_on(self.reserve(bytes));
        }
        // The sender shares this thread, so waiting would never end: go over the bound instead.
        0
    }

    fn cost(&self, bytes: usize) -> u32 {
        u32::try_from(bytes).unwrap_or(u32::MAX).min(self.capacity)
    }

    pub(super) fn push(&self, line: QueuedLine) {
        self.unsettled.fetch_add(1, Ordering::AcqRel);
        let mut lines = self.lock();
        lines.push_back(line);
        if lines.len() == 1 {
            drop(lines);
            self.filled.notify_one();
        }
    }

    /// Up to `most` lines from the front.
    pub(super) fn take(&self, most: usize) -> VecDeque<QueuedLine> {
        let mut lines = self.lock();
        if lines.len() <= most {
            return std::mem::take(&mut lines);
        }
        let rest = lines.split_off(most);
        std::mem::replace(&mut lines, rest)
    }

    /// Waits until there is something to take, or the queue is closed.
    pub(super) async fn filled(&self) {
        while self.len() == 0 && !self.is_closed() {
            self.filled.notified().await;
        }
    }

    /// A line is done with: its room is free again.
    pub(super) fn settle(&self, line: &QueuedLine) {
        self.unsettled.fetch_sub(1, Ordering::AcqRel);
        self.space.add_permits(line.cost as usize);
        line.run.line_settled();
    }

    /// How many lines are not known to be stored.
    pub(crate) fn unsettled(&self) -> usize {
        self.unsettled.load(Ordering::Acquire)
    }

    /// No more lines will come; the sender ends once it has sent what is here.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.filled.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<QueuedLine>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
