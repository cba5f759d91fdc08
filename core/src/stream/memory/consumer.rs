//! A consumer: what it has yet to deliver, and what became of what it delivered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::shelf::Shelf;
use super::token::Token;
use super::unsettled::Unsettled;
use crate::stream::{ConsumerConfig, ConsumerInfo, Delivery, Settlement};

/// What the server gives a consumer that is not durable and asks for nothing else.
const EPHEMERAL_THRESHOLD: Duration = Duration::from_secs(5);

/// A pull consumer of one stream.
pub(super) struct Consumer {
    /// Tells it from an earlier consumer of the same name.
    pub(super) id: u64,
    config: ConsumerConfig,
    /// No message below this number is delivered for the first time.
    cursor: u64,
    fresh: VecDeque<u64>,
    unsettled: Unsettled,
    delivered: u64,
    /// Pulls that may be given something.
    waiting: usize,
    last_seen: Instant,
    wake: Arc<Notify>,
}

impl Consumer {
    pub(super) fn new(
        id: u64,
        mut config: ConsumerConfig,
        shelf: &mut Shelf,
        now: Instant,
    ) -> Self {
        if !config.durable {
            config.inactive_threshold.get_or_insert(EPHEMERAL_THRESHOLD);
        }
        let (fresh, unsettled, wake) = (VecDeque::new(), Unsettled::default(), Arc::default());
        let (cursor, delivered, waiting, last_seen) = (0, 0, 0, now);
        let mut consumer =
            Self { id, config, cursor, fresh, unsettled, delivered, waiting, last_seen, wake };
        consumer.refill(shelf);
        consumer
    }

    /// Takes over another configuration, as far as the server would.
    pub(super) fn update(&mut self, mut config: ConsumerConfig, shelf: &mut Shelf, now: Instant) {
        if !self.config.durable && config.inactive_threshold.is_none() {
            // The real server keeps the ephemeral limit until it is told a second time.
            config.inactive_threshold = self.config.inactive_threshold;
        }
        let old = std::mem::replace(&mut self.config, config);
        if old.ack_wait != self.config.ack_wait {
            self.unsettled.shift(old.ack_wait, self.config.ack_wait);
        }
        if old.filters != self.config.filters {
            let before = std::mem::take(&mut self.fresh);
            self.refill(shelf);
            for sequence in before {
                shelf.release(sequence);
            }
            let config = &self.config;
            let wanted = |sequence| Some(config.takes(&shelf.get(sequence)?.message.subject));
            for (sequence, holds) in self.unsettled.hold_only(wanted) {
                if holds { shelf.hold(sequence) } else { shelf.release(sequence) }
            }
        }
        self.last_seen = now;
        self.wake.notify_waiters();
    }

    /// Lets go of every message.
    pub(super) fn abandon(self, shelf: &mut Shelf) {
        for sequence in self.fresh.iter().copied().chain(self.unsettled.held()) {
            shelf.release(sequence);
        }
        self.wake.notify_waiters();
    }

    /// One more pull waits, or one less.
    pub(super) fn count_waiting(&mut self, one_more: bool, now: Instant) {
        self.waiting = if one_more { self.waiting + 1 } else { self.waiting.saturating_sub(1) };
        self.last_seen = now;
    }

    /// Whether it has been without any client for longer than it may.
    pub(super) fn is_forgotten(&self, now: Instant) -> bool {
        let limit = self.config.inactive_threshold;
        self.waiting == 0 && limit.is_some_and(|limit| now > self.last_seen + limit)
    }

    pub(super) fn filters(&self) -> &[String] {
        &self.config.filters
    }

    pub(super) fn wants(&self, subject: &str) -> bool {
        self.config.takes(subject)
    }

    /// Takes note of a message it wants.
    pub(super) fn offer(&mut self, sequence: u64) {
        self.fresh.push_back(sequence);
        self.wake.notify_waiters();
    }

    /// Woken when a pull may find something it did not find before.
    pub(super) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// When something becomes due again by itself.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.unsettled.next_deadline()
    }

    /// Delivers what it can, redeliveries first, then in the stream's order.
    pub(super) fn take(
        &mut self,
        stream: &str,
        shelf: &Shelf,
        most: usize,
        now: Instant,
    ) -> Vec<Delivery> {
        self.unsettled.expire(now);
        let slept_until = self.next_deadline();
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some(sequence) = self.next_sequence() else { break };
            match self.deliver(stream, shelf, sequence, now) {
                Some(delivery) => taken.push(delivery),
                None => drop(self.unsettled.remove(sequence)),
            }
        }
        if !taken.is_empty() {
            self.last_seen = now;
            if slept_until.is_none_or(|until| self.next_deadline().is_some_and(|d| d < until)) {
                // The other pulls sleep past the deadlines that came into being here.
                self.wake.notify_waiters();
            }
        }
        taken
    }

    fn next_sequence(&mut self) -> Option<u64> {
        if let Some(sequence) = self.unsettled.next_due() {
            return Some(sequence);
        }
        if self.is_full() {
            return None;
        }
        let sequence = self.fresh.pop_front()?;
        self.cursor = sequence + 1;
        Some(sequence)
    }

    fn is_full(&self) -> bool {
        self.unsettled.len() >= self.config.max_ack_pending as usize
    }

    fn deliver(
        &mut self,
        stream: &str,
        shelf: &Shelf,
        sequence: u64,
        now: Instant,
    ) -> Option<Delivery> {
        let held = shelf.get(sequence)?;
        let attempt = self.unsettled.start(sequence, now + self.config.ack_wait);
        self.delivered += 1;
        let token = Token {
            stream,
            consumer: &self.config.name,
            attempt,
            sequence,
            delivered: self.delivered,
            stored_at: held.stored_at,
            pending: self.fresh.len() as u64,
        };
        Some(Delivery {
            subject: held.message.subject.clone(),
            payload: held.message.payload.clone(),
            headers: held.message.headers.clone(),
            fault: None,
            attempt,
            sequence,
            received: now,
            token: token.write(),
        })
    }

    /// Takes note of what became of a delivery. As in JetStream the message counts, not the
    /// delivery: a late word on an earlier delivery settles the present one.
    pub(super) fn settle(
        &mut self,
        sequence: u64,
        settlement: &Settlement,
        shelf: &mut Shelf,
        now: Instant,
    ) {
        self.unsettled.expire(now);
        self.last_seen = now;
        let (was_full, was_due) = (self.is_full(), self.next_deadline());
        match settlement {
            Settlement::Ack | Settlement::Term(_) => {
                if self.unsettled.remove(sequence) {
                    shelf.settle(sequence);
                }
            }
            Settlement::Nak(Duration::ZERO) => self.unsettled.enqueue(sequence),
            Settlement::Nak(delay) => self.unsettled.postpone(sequence, now + *delay),
            Settlement::InProgress => {
                self.unsettled.postpone(sequence, now + self.config.ack_wait);
            }
        }
        let more_room = was_full && !self.is_full() && !self.fresh.is_empty();
        if more_room || self.unsettled.is_due() || self.next_deadline() < was_due {
            self.wake.notify_waiters();
        }
    }

    pub(super) fn info(&self) -> ConsumerInfo {
        ConsumerInfo {
            config: self.config.clone(),
            identity: self.id.to_string(),
            unusable: None,
            pending: self.fresh.len() as u64,
            ack_pending: self.unsettled.len() as u64,
            waiting: self.waiting as u64,
        }
    }

    fn refill(&mut self, shelf: &mut Shelf) {
        let wanted = shelf.from(self.cursor).filter(|(_, message)| self.wants(&message.subject));
        self.fresh = wanted.map(|(sequence, _)| sequence).collect();
        for sequence in &self.fresh {
            shelf.hold(*sequence);
        }
    }
}
