//! Leases: the right to run an event, kept alive while it lasts and given up before the server may
//! hand the event to another instance.
//!
//! One timer renews all leases of a driver. A renewal counts once the server has certainly seen it;
//! the lease then lasts from the moment before it was sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use slab::Slab;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::stream::{AckToken, Delivery, EventStream, Settlement};

/// How many renewals are on their way side by side.
const AT_ONCE: usize = 256;

/// All leases of one driver.
#[derive(Debug)]
pub(super) struct Leases {
    ack_wait: Duration,
    held: Mutex<Slab<Held>>,
}

#[derive(Debug)]
struct Held {
    token: AckToken,
    valid_until: Instant,
    cancel: CancellationToken,
}

/// The right to run one event, until it is dropped or lost.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Arc<Leases>,
    key: usize,
}

impl Leases {
    pub(super) fn new(ack_wait: Duration) -> Self {
        Self { ack_wait, held: Mutex::default() }
    }

    /// Takes the lease that came with a delivery. `cancel` fires when it is lost.
    pub(super) fn take(self: &Arc<Self>, delivery: &Delivery, cancel: CancellationToken) -> Lease {
        let key = self.lock().insert(Held {
            token: delivery.token.clone(),
            valid_until: delivery.received + self.safe_part(),
            cancel,
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
            if tokens.is_empty() {
                continue;
            }
            let until = next.min(self.earliest_end().unwrap_or(next));
            match timeout_at(until, self.renew(stream, &tokens)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(driver, runs = tokens.len(), %error, "cannot renew leases");
                }
                Err(_) => {
                    tracing::warn!(driver, runs = tokens.len(), "cannot renew leases in time");
                }
            }
        }
    }

    /// Renews these leases, each as soon as the server confirms it. Gives the last error, if any.
    async fn renew(&self, stream: &dyn EventStream, tokens: &[(usize, AckToken)]) -> Result<()> {
        let mut outcome = Ok(());
        for some in tokens.chunks(AT_ONCE) {
            let sent = Instant::now();
            let renewals = some
                .iter()
                .map(|(_, token)| stream.settle_confirmed(token, Settlement::InProgress));
            for (lease, renewed) in some.iter().zip(join_all(renewals).await) {
                match renewed {
                    Ok(()) => self.extend(lease, sent + self.safe_part()),
                    Err(error) => outcome = Err(error),
                }
            }
        }
        outcome
    }

    /// How long a lease is relied on: less than the server's own wait, which began earlier.
    fn safe_part(&self) -> Duration {
        self.ack_wait * 9 / 10
    }

    /// What was lost stays lost: it is not renewed.
    fn tokens_valid_at(&self, now: Instant) -> Vec<(usize, AckToken)> {
        let held = self.lock();
        let valid = held.iter().filter(|(_, held)| held.valid_until > now);
        valid.map(|(key, held)| (key, held.token.clone())).collect()
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
            if held.valid_until <= now && !held.cancel.is_cancelled() {
                tracing::warn!(
                    driver,
                    "a lease could not be renewed in time; its run is cancelled"
                );
                held.cancel.cancel();
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
