//! The latest acks, repeated and confirmed when a driver stops.
//!
//! An ack is sent without waiting for the server's word. While the process lives a lost one is
//! harmless: the redelivery is recognised. Once it ends nobody would recognise it any more.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::generation::{Generation, Taken};
use crate::stream::{AckToken, EventStream, Settlement};

/// More than can be on their way on one connection.
const REMEMBERED: usize = 1_024;
/// How many are confirmed side by side.
const AT_ONCE: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Acks {
    latest: Mutex<VecDeque<(u64, AckToken)>>,
}

impl Acks {
    pub(super) fn note(&self, taken: &Taken) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == REMEMBERED {
            latest.pop_front();
        }
        latest.push_back((taken.generation, taken.token.clone()));
    }

    /// Sees that the server has the latest acks. Those it does not confirm in time may lead to a
    /// redelivery.
    pub(super) async fn confirm(
        &self,
        stream: &dyn EventStream,
        driver: &str,
        generation: &Generation,
        most: Duration,
    ) {
        let latest =
            std::mem::take(&mut *self.latest.lock().unwrap_or_else(PoisonError::into_inner));
        let current = generation.current();
        let of_now = latest.into_iter().filter(|(generation, _)| *generation == current);
        let tokens: Vec<_> = of_now.map(|(_, token)| token).collect();
        let confirm = async {
            let mut unconfirmed = 0;
            for some in tokens.chunks(AT_ONCE) {
                let acks = some.iter().map(|ack| stream.settle_confirmed(ack, Settlement::Ack));
                unconfirmed += join_all(acks).await.iter().filter(|ack| ack.is_err()).count();
            }
            unconfirmed
        };
        match timeout(most, confirm).await {
            Ok(0) => {}
            Ok(unconfirmed) => tracing::warn!(
                driver,
                unconfirmed,
                "the server did not confirm all acks; events may come again"
            ),
            Err(_) => tracing::warn!(
                driver,
                "the server did not confirm the last acks in time; events may come again"
            ),
        }
    }
}
