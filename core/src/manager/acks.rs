//! Acks: sent until the server confirms them, aside from the runs, so that no permit waits for it.
//!
//! An ack that gets lost would have the event delivered again, perhaps to an instance that does not
//! know it was answered.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::generation::{Generation, Taken};
use crate::error::ErrorCode;
use crate::fault_point;
use crate::patience::Patience;
use crate::stream::{AckToken, EventStream, Settlement};

/// How many are confirmed side by side.
const AT_ONCE: usize = 256;

/// One driver's acks that the server has not confirmed.
#[derive(Debug, Default)]
pub(super) struct Acks {
    waiting: Mutex<Vec<(u64, AckToken)>>,
    unconfirmed: AtomicUsize,
    changed: Notify,
}

impl Acks {
    /// Has a delivery acknowledged.
    pub(super) fn add(&self, taken: &Taken) {
        self.unconfirmed.fetch_add(1, Ordering::AcqRel);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((taken.generation, taken.token.clone()));
        if waiting.len() == 1 {
            self.changed.notify_waiters();
        }
    }

    /// Sends acks for as long as it is polled.
    pub(super) async fn keep(
        &self,
        stream: &dyn EventStream,
        driver: &str,
        generation: &Generation,
    ) {
        let mut sent = FuturesUnordered::new();
        let mut open = Vec::new().into_iter();
        loop {
            let changed = self.changed.notified();
            if open.len() == 0 {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                open = std::mem::take(&mut *waiting).into_iter();
            }
            while sent.len() < AT_ONCE
                && let Some((taken_in, token)) = open.next()
            {
                sent.push(confirm(stream, driver, generation, taken_in, token));
            }
            tokio::select! {
                Some(()) = sent.next(), if !sent.is_empty() => {
                    if self.unconfirmed.fetch_sub(1, Ordering::AcqRel) == 1 {
                        self.changed.notify_waiters();
                    }
                }
                () = changed, if open.len() == 0 => {}
            }
        }
    }

    /// Waits until every ack is confirmed, so long at most.
    pub(super) async fn confirmed(&self, driver: &str, most: Duration) {
        let none_left = async {
            loop {
                let changed = self.changed.notified();
                if self.unconfirmed.load(Ordering::Acquire) == 0 {
                    return;
                }
                changed.await;
            }
        };
        if timeout(most, none_left).await.is_err() {
            let unconfirmed = self.unconfirmed.load(Ordering::Acquire);
            tracing::warn!(
                driver,
                unconfirmed,
                "the server did not confirm all acks; events may come again"
            );
        }
    }
}

/// Sends an ack until it is confirmed, or the consumer it is for is gone.
async fn confirm(
    stream: &dyn EventStream,
    driver: &str,
    generation: &Generation,
    taken_in: u64,
    token: AckToken,
) {
    let mut patience = Patience::for_server();
    while taken_in == generation.current() {
        match stream.settle_confirmed(&token, Settlement::Ack).await {
            Ok(()) => {
                fault_point::reached("after-ack");
                return;
            }
            Err(error) if error.code() == ErrorCode::Closed => return,
            Err(error) if patience.speaks() => {
                tracing::warn!(driver, %error, "an ack is not confirmed; it is sent again");
            }
            Err(_) => {}
        }
        patience.wait().await;
    }
    tracing::warn!(driver, "the consumer was made anew: an answered event may come again");
}
