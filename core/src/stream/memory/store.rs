//! A stream: its messages and its consumers.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use tokio::time::Instant;

use super::consumer::Consumer;
use super::duplicates::Duplicates;
use super::filters;
use super::shelf::Shelf;
use crate::error::{Error, ErrorCode, Result};
use crate::stream::{
    ConsumerConfig, Delivery, Message, Retention, Settlement, Stored, StreamConfig,
};
use crate::subject;

/// One stream.
pub(super) struct Store {
    config: StreamConfig,
    shelf: Shelf,
    last_sequence: u64,
    duplicates: Duplicates,
    consumers: BTreeMap<String, Consumer>,
}

impl Store {
    pub(super) fn new(config: StreamConfig) -> Self {
        Self {
            shelf: Shelf::new(config.retention),
            config,
            last_sequence: 0,
            duplicates: Duplicates::default(),
            consumers: BTreeMap::new(),
        }
    }

    pub(super) fn config(&self) -> &StreamConfig {
        &self.config
    }

    pub(super) fn update(&mut self, config: StreamConfig) -> Result<()> {
        let (old, new) = (self.config.retention, config.retention);
        if old != new && (old == Retention::WorkQueue || new == Retention::WorkQueue) {
            return Err(Error::new(ErrorCode::Conflict, "a work queue stays a work queue")
                .with_context("stream", &config.name));
        }
        self.shelf.set_retention(new);
        self.config = config;
        Ok(())
    }

    pub(super) fn takes(&self, subject: &str) -> bool {
        self.config.subjects.iter().any(|filter| subject::matches(filter, subject))
    }

    pub(super) fn publish(&mut self, message: Message, now: Instant) -> Stored {
        self.forget_consumers(now);
        let id = message.header(Message::ID_HEADER);
        if let Some(sequence) = id.and_then(|id| self.duplicates.find(id, now)) {
            return Stored { sequence, duplicate: true };
        }
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        if let Some(id) = id {
            self.duplicates.remember(id, sequence, now);
        }
        let mut holders = 0;
        for consumer in self.consumers.values_mut() {
            if consumer.wants(&message.subject) {
                consumer.offer(sequence);
                holders += 1;
            }
        }
        self.shelf.put(sequence, message, holders);
        Stored { sequence, duplicate: false }
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.shelf.from(0).map(|(_, message)| message)
    }

    pub(super) fn len(&self) -> usize {
        self.shelf.len()
    }

    /// Makes or changes a consumer; a new one gets this id.
    pub(super) fn put_consumer(
        &mut self,
        config: &ConsumerConfig,
        id: u64,
        now: Instant,
    ) -> Result<&Consumer> {
        self.forget_consumers(now);
        self.check_filters(config)?;
        let (config, shelf) = (config.clone(), &mut self.shelf);
        Ok(match self.consumers.entry(config.name.clone()) {
            Entry::Occupied(entry) => {
                let consumer = entry.into_mut();
                consumer.update(config, shelf, now);
                consumer
            }
            Entry::Vacant(entry) => entry.insert(Consumer::new(id, config, shelf, now)),
        })
    }

    fn check_filters(&self, config: &ConsumerConfig) -> Result<()> {
        let refused = |message: &str| {
            Err(Error::new(ErrorCode::Conflict, message)
                .with_context("stream", &self.config.name)
                .with_context("consumer", &config.name))
        };
        if filters::overlap_within(&config.filters) {
            return refused("the filters of a consumer may not overlap");
        }
        let clashes = self.consumers.iter().any(|(name, other)| {
            *name != config.name && filters::overlap(other.filters(), &config.filters)
        });
        if self.config.retention == Retention::WorkQueue && clashes {
            return refused("the consumers of a work queue may not overlap");
        }
        Ok(())
    }

    pub(super) fn consumer(&mut self, name: &str, now: Instant) -> Option<&mut Consumer> {
        self.forget_consumers(now);
        self.consumers.get_mut(name)
    }

    pub(super) fn delete_consumer(&mut self, name: &str) {
        if let Some(consumer) = self.consumers.remove(name) {
            consumer.abandon(&mut self.shelf);
        }
    }

    /// Lets go of everything, so that those who wait learn that the stream is gone.
    pub(super) fn delete(mut self) {
        while let Some((_, consumer)) = self.consumers.pop_first() {
            consumer.abandon(&mut self.shelf);
        }
    }

    pub(super) fn take(&mut self, consumer: &str, most: usize, now: Instant) -> Vec<Delivery> {
        self.consumers.get_mut(consumer).map_or_else(Vec::new, |consumer| {
            consumer.take(&self.config.name, &self.shelf, most, now)
        })
    }

    /// Whether the consumer was there to hear it.
    pub(super) fn settle(
        &mut self,
        consumer: &str,
        sequence: u64,
        settlement: &Settlement,
        now: Instant,
    ) -> bool {
        self.forget_consumers(now);
        let Some(consumer) = self.consumers.get_mut(consumer) else { return false };
        consumer.settle(sequence, settlement, &mut self.shelf, now);
        true
    }

    fn forget_consumers(&mut self, now: Instant) {
        while let Some((name, _)) = self.consumers.iter().find(|(_, c)| c.is_forgotten(now)) {
            let name = name.clone();
            self.delete_consumer(&name);
        }
    }
}
