//! Leases: the right to run an event, kept alive while it lasts and given up before the server may
//! hand the event to another instance.
//!
//! One timer renews all leases of a driver. A renewal counts once the server has certainly seen it;
//! the lease then lasts from the moment before it was sent.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, pending};
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;
use slab::Slab;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::generation::{Generation, Taken};
use crate::cancellation::{CancelReason, Cancellation};
use crate::error::Result;
use crate::message::{DriverMessage, RunInFlight, RunsInFlight};
use crate::run_id::RunId;
use crate::stream::{AckToken, EventStream, Settlement};

/// How many renewals are on their way side by side.
const AT_ONCE: usize = 256;

/// All leases of one driver.
#[derive(Debug)]
pub(super) struct Leases {
    ack_wait: Duration,
    generation: Generation,
    table: Mutex<Table>,
    /// A lease was taken that ends before the next look.
    earlier: Notify,
    /// Events were cancelled that the worker has not looked at.
    cancelled: AtomicBool,
    worker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Table {
    held: Slab<Held>,
    next_look: Option<Instant>,
    /// How long events were held that are no more.
    held_before: Duration,
    /// Why no event is run any more.
    all_cancelled: Option<CancelReason>,
}

#[derive(Debug)]
struct Held {
    token: AckToken,
    generation: u64,
    valid_until: Instant,
    attempt: u64,
    received: Instant,
    message: Arc<DriverMessage>,
    cancel: Cancellation,
}

/// The right to run one event, until it is dropped or lost.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Arc<Leases>,
    key: usize,
}

impl Leases {
    pub(super) fn new(ack_wait: Duration, generation: Generation) -> Self {
        Self {
            ack_wait,
            generation,
            table: Mutex::default(),
            earlier: Notify::new(),
            cancelled: AtomicBool::new(false),
            worker: AtomicWaker::new(),
        }
    }

    /// Takes the lease that came with a delivery. `cancel` fires when it is lost.
    pub(super) fn take(
        self: &Arc<Self>,
        taken: &Taken,
        message: &Arc<DriverMessage>,
        cancel: &Cancellation,
    ) -> Lease {
        // When it was sent is not known, only when it was read: half of the wait is left for the
        // way. The first renewal falls within the other half, and from then on it is known.
        let valid_until = taken.received + self.ack_wait / 2;
        let mut table = self.lock();
        let key = table.held.insert(Held {
            token: taken.token.clone(),
            generation: taken.generation,
            valid_until,
            attempt: taken.attempt,
            received: taken.received,
            message: message.clone(),
            cancel: cancel.clone(),
        });
        if table.next_look.is_some_and(|look| valid_until < look) {
            table.next_look = Some(valid_until);
            self.earlier.notify_one();
        }
        let reason = table.all_cancelled.clone();
        drop(table);
        if let Some(reason) = reason {
            cancel.cancel(reason);
        }
        Lease { leases: self.clone(), key }
    }

    /// Renews every lease each third of the ack wait, and cancels the runs of those that could not
    /// be renewed in time.
    pub(super) async fn keep(&self, stream: &dyn EventStream, driver: &str) {
        let third = self.ack_wait / 3;
        let mut next = Instant::now() + third;
        let mut tokens = Vec::new();
        loop {
            let runs = tokens.len();
            let mut renewing = pin!(match runs {
                0 => Either::Left(pending()),
                _ => Either::Right(self.renew(stream, std::mem::take(&mut tokens))),
            });
            let mut renewed = false;
            while Instant::now() < next {
                tokio::select! {
                    () = sleep_until(self.plan_look(next)) => self.give_up_ended(driver),
                    () = self.earlier.notified() => {}
                    outcome = &mut renewing, if !renewed => {
                        if let Err(error) = &outcome {
                            tracing::warn!(driver, runs, %error, "cannot renew leases");
                        }
                        renewed = true;
                    }
                }
            }
            if runs > 0 && !renewed {
                tracing::warn!(driver, runs, "cannot renew leases in time");
            }
            next = Instant::now() + third;
            tokens = self.tokens_valid_at(Instant::now());
        }
    }

    /// When to look for leases that ended: now and then, and when the first of them ends.
    fn plan_look(&self, next: Instant) -> Instant {
        let now = Instant::now();
        let mut table = self.lock();
        let ends = table.held.iter().map(|(_, held)| held.valid_until);
        let look = ends.filter(|end| *end > now).min().unwrap_or(next).min(next);
        table.next_look = Some(look);
        look
    }

    /// Renews these leases, each as soon as the server confirms it. Gives the last error, if any.
    async fn renew(&self, stream: &dyn EventStream, tokens: Vec<(usize, AckToken)>) -> Result<()> {
        let mut renewals = FuturesUnordered::new();
        let mut waiting = tokens.into_iter();
        let mut outcome = Ok(());
        loop {
            while renewals.len() < AT_ONCE
                && let Some(lease) = waiting.next()
            {
                renewals.push(self.renew_one(stream, lease));
            }
            match renewals.next().await {
                Some(Ok(())) => {}
                Some(Err(error)) => outcome = Err(error),
                None => return outcome,
            }
        }
    }

    async fn renew_one(&self, stream: &dyn EventStream, lease: (usize, AckToken)) -> Result<()> {
        let sent = Instant::now();
        stream.settle_confirmed(&lease.1, Settlement::InProgress).await?;
        self.extend(&lease, sent + self.safe_part());
        Ok(())
    }

    /// How long a renewal is relied on: less than the wait that it started anew at the server.
    fn safe_part(&self) -> Duration {
        self.ack_wait * 9 / 10
    }

    /// What was lost stays lost: it is not renewed. Nor is what a consumer made anew does not know.
    fn tokens_valid_at(&self, now: Instant) -> Vec<(usize, AckToken)> {
        let current = self.generation.current();
        let table = self.lock();
        let held = table.held.iter();
        held.filter(|(_, held)| held.valid_until > now && held.generation == current)
            .map(|(key, held)| (key, held.token.clone()))
            .collect()
    }

    /// Cancels every run of this id and says how many there were.
    pub(super) fn cancel(&self, run: &RunId, reason: &CancelReason) -> usize {
        let table = self.lock();
        let of_run = table.held.iter().filter(|(_, held)| held.message.run_id == *run);
        let cancelled = of_run.filter(|(_, held)| held.cancel.cancel(reason.clone())).count();
        drop(table);
        if cancelled > 0 {
            self.tell_worker();
        }
        cancelled
    }

    /// What waits for its lane watches nothing by itself.
    fn tell_worker(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.worker.wake();
    }

    /// Ready once events were cancelled, or lost; for the worker alone.
    pub(super) fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.cancelled.load(Ordering::Acquire) {
            self.worker.register(cx.waker());
        }
        if self.cancelled.load(Ordering::Acquire) {
            self.cancelled.store(false, Ordering::Release);
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Cancels every run, those that will come included.
    pub(super) fn cancel_all(&self, reason: &CancelReason) {
        let mut table = self.lock();
        table.all_cancelled.get_or_insert_with(|| reason.clone());
        for (_, held) in &table.held {
            held.cancel.cancel(reason.clone());
        }
    }

    /// Has every event look at what else may end it.
    pub(super) fn wake_all(&self) {
        self.lock().held.iter().for_each(|(_, held)| held.cancel.wake_core());
    }

    /// What is in hand now, as much as one message should carry.
    pub(super) fn in_flight(&self) -> RunsInFlight {
        const MOST: usize = 500;
        let table = self.lock();
        let mut held: Vec<_> = table.held.iter().map(|(_, held)| held).collect();
        held.sort_unstable_by_key(|held| held.received);
        let omitted = held.len().saturating_sub(MOST);
        RunsInFlight { runs: held.into_iter().take(MOST).map(Held::told).collect(), omitted }
    }

    /// How long events were held, of those that are settled.
    pub(super) fn held_nanos(&self) -> u64 {
        u64::try_from(self.lock().held_before.as_nanos()).unwrap_or(u64::MAX)
    }

    fn extend(&self, (key, token): &(usize, AckToken), until: Instant) {
        if let Some(held) = self.lock().held.get_mut(*key)
            && held.token == *token
        {
            held.valid_until = held.valid_until.max(until);
        }
    }

    fn give_up_ended(&self, driver: &str) {
        let now = Instant::now();
        let mut lost = false;
        for (_, held) in self.lock().held.iter().filter(|(_, held)| held.valid_until <= now) {
            lost = true;
            if held.cancel.cancel(CancelReason::LeaseLost) {
                tracing::warn!(driver, run_id = %held.message.run_id, "a run is cancelled: its lease is lost");
            }
            held.cancel.wake_core();
        }
        if lost {
            self.tell_worker();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn told(&self) -> RunInFlight {
        let message = &self.message;
        RunInFlight {
            run_id: message.run_id.clone(),
            resource: message.resource_type.clone(),
            name: message.name.clone(),
            pipeline: message.pipeline.clone(),
            event: message.event.clone(),
            attempt: self.attempt,
            age_ms: u64::try_from(self.received.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Lease {
    /// Whether the event may belong to another instance by now: it must not be settled any more. The
    /// event's cancellation has its watcher look again when that happens.
    pub(super) fn is_lost(&self) -> bool {
        self.leases.lock().held[self.key].valid_until <= Instant::now()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut table = self.leases.lock();
        let held = table.held.remove(self.key);
        table.held_before += held.received.elapsed();
    }
}
