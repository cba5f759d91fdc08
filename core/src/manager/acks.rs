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
use crate::stream::{AckToken, EventStream};

/// How many batches are confirmed side by side.
const AT_ONCE: usize = 4;

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

    /// Sends acks for as long as it is polled, each batch with one confirmation.
    pub(super) async fn keep(
        &self,
        stream: &dyn EventStream,
        driver: &str,
        generation: &Generation,
    ) {
        let mut sent = FuturesUnordered::new();
        loop {
            let changed = self.changed.notified();
            if sent.len() < AT_ONCE {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                let batch = std::mem::take(&mut *waiting);
                drop(waiting);
                if !batch.is_empty() {
                    sent.push(confirm(stream, driver, generation, batch));
                }
            }
            tokio::select! {
                Some(confirmed) = sent.next(), if !sent.is_empty() => {
                    if self.unconfirmed.fetch_sub(confirmed, Ordering::AcqRel) == confirmed {
                        self.changed.notify_waiters();
                    }
                }
                () = changed, if sent.len() < AT_ONCE => {}
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

/// Sends acks until they are confirmed, or the consumer they are for is gone. Gives their number.
async fn confirm(
    stream: &dyn EventStream,
    driver: &str,
    generation: &Generation,
    batch: Vec<(u64, AckToken)>,
) -> usize {
    let all = batch.len();
    let mut patience = Patience::for_server();
    let mut tokens = Vec::with_capacity(all);
    loop {
        let current = generation.current();
        tokens.clear();
        tokens.extend(batch.iter().filter(|(taken_in, _)| *taken_in == current).map(|(_, t)| t));
        if tokens.len() < all {
            let lost = all - tokens.len();
            tracing::warn!(
                driver,
                lost,
                "the consumer was made anew: answered events may come again"
            );
        }
        if tokens.is_empty() {
            return all;
        }
        match stream.acknowledge(&tokens).await {
            Ok(()) => {
                tokens.iter().for_each(|_| fault_point::reached("after-ack"));
                return all;
            }
            Err(error) if error.code() == ErrorCode::Closed => return all,
            Err(error) if patience.speaks() => {
                tracing::warn!(driver, %error, "acks are not confirmed; they are sent again");
            }
            Err(_) => {}
        }
        patience.wait().await;
    }
}
