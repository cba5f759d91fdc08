//! The latest acks, repeated and confirmed when a driver stops.
//!
//! An ack is sent without waiting for the server's word. While the process lives a lost one is
//! harmless: the redelivery is recognised. Once it ends nobody would recognise it any more.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::timeout;

use crate::stream::{AckToken, EventStream, Settlement};

/// More than can be on their way on one connection.
const REMEMBERED: usize = 1_024;
/// How many are confirmed side by side.
const AT_ONCE: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Acks {
    latest: Mutex<VecDeque<AckToken>>,
}

impl Acks {
    pub(super) fn note(&self, token: &AckToken) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == REMEMBERED {
            latest.pop_front();
        }
        latest.push_back(token.clone());
    }

    /// Sees that the server has the latest acks. Those it does not confirm in time may lead to a
    /// redelivery.
    pub(super) async fn confirm(&self, event_stream: &dyn EventStream, driver: &str, most: Duration) {
        let tokens =
            std::mem::take(&mut *self.latest.lock().unwrap_or_else(PoisonError::into_inner));
        let confirmed = stream::iter(&tokens)
            .map(|token| event_stream.settle_confirmed(token, Settlement::Ack))
            .buffer_unordered(AT_ONCE)
            .filter(|confirmed| std::future::ready(confirmed.is_err()))
            .count();
        match timeout(most, confirmed).await {
            Ok(0) => {}
            Ok(unconfirmed) => tracing::warn!(
                driver, unconfirmed, "the server did not confirm all acks; events may come again"
            ),
            Err(_) => tracing::warn!(
                driver, "the server did not confirm the last acks in time; events may come again"
            ),
        }
    }
}
