//! Leases: the right to run an event, kept alive while it lasts and given up before the server may
//! hand the event to another instance.
//!
//! One timer renews all leases of a driver. A renewal counts once the server has certainly seen it;
//! the lease then lasts from the moment before it was sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use slab::Slab;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::generation::{Generation, Taken};
use crate::cancellation::{CancelReason, Cancellation};
use crate::error::Result;
use crate::run_id::RunId;
use crate::stream::{AckToken, EventStream, Settlement};

/// How many renewals are on their way side by side.
const AT_ONCE: usize = 256;

/// All leases of one driver.
#[derive(Debug)]
pub(super) struct Leases {
    ack_wait: Duration,
    generation: Generation,
    held: Mutex<Slab<Held>>,
}

#[derive(Debug)]
struct Held {
    token: AckToken,
    generation: u64,
    valid_until: Instant,
    run: RunId,
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
        Self { ack_wait, generation, held: Mutex::default() }
    }

    /// Takes the lease that came with a delivery. `cancel` fires when it is lost.
    pub(super) fn take(
        self: &Arc<Self>,
        taken: &Taken,
        run: &RunId,
        cancel: &Cancellation,
    ) -> Lease {
        let key = self.lock().insert(Held {
            token: taken.token.clone(),
            generation: taken.generation,
            // When it was sent is not known, only when it was read: half of the wait is left for the
            // way. The first renewal falls within the other half, and from then on it is known.
            valid_until: taken.received + self.ack_wait / 2,
            run: run.clone(),
            cancel: cancel.clone(),
        });
        Lease { leases: self.clone(), key }
    }

    /// Renews every lease each third of the ack wait, and cancels the runs of those that could not
    /// be renewed in time.
    pub(super) async fn keep(&self, stream: &dyn EventStream, driver: &str) {
        let third = self.ack_wait / 3;
        let mut next = Instant::now() + third;
        loop {
            sleep_until(next.min(self.earliest_end().unwrap_or(next))).await;
            self.give_up_ended(driver);
            if Instant::now() < next {
                continue;
            }
            next = Instant::now() + third;
            let tokens = self.tokens_valid_at(Instant::now());
            let runs = tokens.len();
            if runs == 0 {
                continue;
            }
            let until = next.min(self.earliest_end().unwrap_or(next));
            match timeout_at(until, self.renew(stream, tokens)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(driver, runs, %error, "cannot renew leases");
                }
                Err(_) => {
                    tracing::warn!(driver, runs, "cannot renew leases in time");
                }
            }
        }
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
        let held = self.lock();
        let valid =
            held.iter().filter(|(_, held)| held.valid_until > now && held.generation == current);
        valid.map(|(key, held)| (key, held.token.clone())).collect()
    }

    /// Cancels every run of this id and says how many there were.
    pub(super) fn cancel(&self, run: &RunId, reason: &CancelReason) -> usize {
        let held = self.lock();
        let of_run = held.iter().filter(|(_, held)| held.run == *run);
        of_run.filter(|(_, held)| held.cancel.cancel(reason.clone())).count()
    }

    fn extend(&self, (key, token): &(usize, AckToken), until: Instant) {
        if let Some(held) = self.lock().get_mut(*key)
            && held.token == *token
        {
            held.valid_until = held.valid_until.max(until);
        }
    }

    fn give_up_ended(&self, driver: &str) {
        let now = Instant::now();
        for (_, held) in self.lock().iter() {
            if held.valid_until <= now && held.cancel.cancel(CancelReason::LeaseLost) {
                tracing::warn!(driver, run_id = %held.run, "a run is cancelled: its lease is lost");
            }
        }
    }

    /// When the first lease ends that has not ended yet.
    fn earliest_end(&self) -> Option<Instant> {
        let now = Instant::now();
        self.lock().iter().map(|(_, held)| held.valid_until).filter(|end| *end > now).min()
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Whether the event may belong to another instance by now: it must not be settled any more.
    pub(super) fn is_lost(&self) -> bool {
        self.valid_until() <= Instant::now()
    }

    /// Waits until the lease is lost.
    pub(super) async fn lost(&self) {
        loop {
            let end = self.valid_until();
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }

    fn valid_until(&self) -> Instant {
        self.leases.lock()[self.key].valid_until
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.lock().remove(self.key);
    }
}
