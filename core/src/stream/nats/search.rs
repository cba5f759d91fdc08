//! The search for messages that the client library cannot read.
//!
//! Such a message ends the connection it is delivered on, so no delivery ever brings it here and the
//! server delivers it for ever. It shows as an unsettled message that was delivered again; the stream
//! itself can be asked for it.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, try_unfold};
use tokio::time::Instant;

use super::documents::{Held, Unsettled};
use super::session::Session;
use super::{admin, arrival, header_block};
use crate::error::Result;
use crate::stream::Delivery;

/// For so long nothing is pulled at most: while the search goes on, and after each message it found,
/// so that it can be settled before the server delivers it again.
const HOLD: Duration = Duration::from_secs(1);

/// The search of one pull: once on each connection, before anything is asked for on it.
#[derive(Default)]
pub(super) struct Search {
    /// The connection it began on.
    epoch: u64,
    walk: Option<BoxStream<'static, Result<Delivery>>>,
    /// Until when the walk may hold the pull.
    walks: Option<Instant>,
    /// Until when what was found may hold the pull.
    settles: Option<Instant>,
}

impl Search {
    /// Begins, unless it did on this connection.
    pub(super) fn begin(&mut self, session: &Arc<Session>, stream: &str, consumer: &str) {
        let epoch = session.epoch();
        if self.epoch != epoch {
            self.epoch = epoch;
            self.walk = Some(Walk::new(session, stream, consumer).found());
            self.walks = Some(Instant::now() + HOLD);
        }
    }

    /// What was found next, nothing when the search is over; never when there is none. May be dropped
    /// and called again.
    pub(super) async fn next(&mut self) -> Option<Delivery> {
        let Some(walk) = &mut self.walk else { return pending().await };
        match walk.next().await {
            Some(Ok(found)) => {
                self.settles = Some(Instant::now() + HOLD);
                return Some(found);
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "messages with malformed headers cannot be looked for");
            }
            None => {}
        }
        self.walk = None;
        self.walks = None;
        None
    }

    /// Until when nothing should be asked for.
    pub(super) fn holds(&self, now: Instant) -> Option<Instant> {
        self.walks.max(self.settles).filter(|until| *until > now)
    }
}

/// A walk through what a consumer was delivered and has not settled, from the oldest message on.
struct Walk {
    session: Arc<Session>,
    stream: String,
    consumer: String,
    /// Where to look; known once the consumer was asked.
    unsettled: Option<Unsettled>,
    /// The next message to look at.
    at: u64,
}

impl Walk {
    fn new(session: &Arc<Session>, stream: &str, consumer: &str) -> Self {
        let (stream, consumer) = (stream.to_owned(), consumer.to_owned());
        Self { session: Arc::clone(session), stream, consumer, unsettled: None, at: 0 }
    }

    fn found(self) -> BoxStream<'static, Result<Delivery>> {
        try_unfold(
            self,
            |mut walk| async move { Ok(walk.next().await?.map(|found| (found, walk))) },
        )
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Delivery>> {
        let Self { session, stream, consumer, unsettled, at } = self;
        if unsettled.is_none() {
            *unsettled = admin::redelivered(session, stream, consumer).await?;
            *at = unsettled.as_ref().map_or(0, |unsettled| *unsettled.sequences.start());
        }
        let Some(Unsettled { filters, sequences }) = unsettled else { return Ok(None) };
        while let Some(filter) = filters.last() {
            let held = admin::held_from(session, stream, *at, filter).await?;
            if let Some(held) = held.filter(|held| held.sequence <= *sequences.end()) {
                *at = held.sequence + 1;
                if let Some(fault) = header_block::fault(&held.header_block) {
                    return Ok(Some(delivery(held, fault, stream, consumer)));
                }
            } else {
                filters.pop();
                *at = *sequences.start();
            }
        }
        Ok(None)
    }
}

/// No instance can be at work on such a message, so that any may settle it.
fn delivery(held: Held, fault: &str, stream: &str, consumer: &str) -> Delivery {
    Delivery {
        subject: held.subject.into(),
        payload: held.payload.into(),
        headers: header_block::to_headers(&held.header_block),
        fault: Some(fault.to_owned()),
        attempt: 0,
        sequence: held.sequence,
        received: Instant::now(),
        token: arrival::token(stream, consumer, held.sequence),
    }
}
