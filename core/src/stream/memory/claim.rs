//! What one pull may still be given by its consumer.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::consumer::Consumer;
use super::server::Server;
use crate::error::{Error, ErrorCode, Result};
use crate::stream::Delivery;

/// What a look at the consumer brought.
pub(super) enum Found {
    Deliveries(Vec<Delivery>),
    /// Nothing before that time, unless something happens.
    Nothing(Option<Instant>),
}

/// A claim to so many deliveries of one consumer.
#[derive(Debug)]
pub(super) struct Claim {
    stream: String,
    consumer: String,
    /// The consumer it found first; another one of that name is not its own.
    id: Option<u64>,
    allowed: usize,
    /// Whether the consumer counts this claim among those that wait.
    counted: bool,
}

impl Claim {
    pub(super) fn new(stream: &str, consumer: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            consumer: consumer.to_owned(),
            id: None,
            allowed: 0,
            counted: false,
        }
    }

    /// Allows so many more.
    pub(super) fn extend(&mut self, more: usize, server: &mut Server) {
        self.allowed = self.allowed.saturating_add(more);
        // A consumer that is not there is reported by the next look.
        let _ = self.attach(server);
    }

    /// Allows nothing any more.
    pub(super) fn withdraw(&mut self, server: &mut Server) {
        self.allowed = 0;
        if self.counted {
            // A consumer that is gone counts nobody.
            let _ = self.attach(server);
        }
    }

    /// Has itself counted as waiting while it is allowed something, and says what wakes it.
    pub(super) fn attach(&mut self, server: &mut Server) -> Result<Arc<Notify>> {
        let waits = self.allowed > 0;
        let counted = self.counted;
        let consumer = self.consumer(server)?;
        if waits != counted {
            consumer.count_waiting(waits, Instant::now());
        }
        let wake = consumer.wake();
        self.counted = waits;
        Ok(wake)
    }

    /// Takes what can be had now.
    pub(super) fn take(&mut self, server: &mut Server) -> Result<Found> {
        self.consumer(server)?;
        if self.allowed == 0 {
            return Ok(Found::Nothing(None));
        }
        let taken = server.take(&self.stream, &self.consumer, self.allowed);
        if taken.is_empty() {
            return Ok(Found::Nothing(self.consumer(server)?.next_deadline()));
        }
        self.allowed -= taken.len();
        self.attach(server)?;
        Ok(Found::Deliveries(taken))
    }

    fn consumer<'a>(&mut self, server: &'a mut Server) -> Result<&'a mut Consumer> {
        let consumer = server.consumer(&self.stream, &self.consumer)?;
        if *self.id.get_or_insert(consumer.id) == consumer.id {
            return Ok(consumer);
        }
        Err(Error::new(ErrorCode::NotFound, "the consumer was replaced")
            .with_context("stream", &self.stream)
            .with_context("consumer", &self.consumer))
    }
}
