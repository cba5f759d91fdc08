//! What all connections share: the streams, the listeners and the faults to come.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::consumer::Consumer;
use super::fault::{Fault, FaultScript};
use super::listeners::Listeners;
use super::store::Store;
use super::token::Token;
use crate::error::{Error, ErrorCode, Result};
use crate::stream::{
    AckToken, ConsumerConfig, ConsumerInfo, Delivery, Message, Settlement, Stored, StreamConfig,
};
use crate::subject;

/// The server within.
#[derive(Default)]
pub(super) struct Server {
    pub(super) listeners: Listeners,
    pub(super) faults: FaultScript,
    streams: BTreeMap<String, Store>,
    consumers_made: u64,
}

impl Server {
    pub(super) fn put_stream(&mut self, config: &StreamConfig) -> Result<()> {
        let mut config = config.clone();
        if config.subjects.is_empty() {
            config.subjects.push(config.name.clone());
        }
        let others = self.streams.values().map(Store::config).filter(|o| o.name != config.name);
        let taken: Vec<&String> = others.flat_map(|other| &other.subjects).collect();
        for (i, subject) in config.subjects.iter().enumerate() {
            let mut all = taken.iter().copied().chain(&config.subjects[..i]);
            if let Some(other) = all.find(|other| subject::overlap(subject, other)) {
                return Err(Error::new(ErrorCode::Conflict, "the subjects of streams overlap")
                    .with_context("stream", &config.name)
                    .with_context("subject", subject)
                    .with_context("overlaps", other));
            }
        }
        if let Some(store) = self.streams.get_mut(&config.name) {
            return store.update(config);
        }
        self.streams.insert(config.name.clone(), Store::new(config));
        Ok(())
    }

    pub(super) fn stream(&self, name: &str) -> Option<&Store> {
        self.streams.get(name)
    }

    pub(super) fn stream_mut(&mut self, name: &str) -> Option<&mut Store> {
        self.streams.get_mut(name)
    }

    fn existing_stream(&mut self, name: &str) -> Result<&mut Store> {
        self.stream_mut(name).ok_or_else(|| {
            Error::new(ErrorCode::NotFound, "no such stream").with_context("stream", name)
        })
    }

    pub(super) fn delete_stream(&mut self, name: &str) {
        if let Some(store) = self.streams.remove(name) {
            store.delete();
        }
    }

    pub(super) fn put_consumer(
        &mut self,
        stream: &str,
        config: &ConsumerConfig,
    ) -> Result<ConsumerInfo> {
        self.consumers_made += 1;
        let id = self.consumers_made;
        let store = self.existing_stream(stream)?;
        store.put_consumer(config, id, Instant::now()).map(Consumer::info)
    }

    pub(super) fn consumer_info(
        &mut self,
        stream: &str,
        name: &str,
    ) -> Result<Option<ConsumerInfo>> {
        let store = self.existing_stream(stream)?;
        Ok(store.consumer(name, Instant::now()).map(|consumer| consumer.info()))
    }

    pub(super) fn consumer(&mut self, stream: &str, name: &str) -> Result<&mut Consumer> {
        let found = self.existing_stream(stream)?.consumer(name, Instant::now());
        found.ok_or_else(|| {
            Error::new(ErrorCode::NotFound, "no such consumer")
                .with_context("stream", stream)
                .with_context("consumer", name)
        })
    }

    pub(super) fn take(&mut self, stream: &str, consumer: &str, most: usize) -> Vec<Delivery> {
        let store = self.streams.get_mut(stream);
        store.map(|store| store.take(consumer, most, Instant::now())).unwrap_or_default()
    }

    pub(super) fn publish(&mut self, message: Message) -> Result<Stored> {
        let fault = self.faults.publish(&message.subject);
        if fault == Some(Fault::Refused) {
            return Err(Error::new(ErrorCode::Unavailable, "this publish was made to fail")
                .with_context("subject", &message.subject));
        }
        self.listeners.tell(&message);
        let subject = message.subject.clone();
        let stored = self.store(message).ok_or_else(|| {
            Error::new(ErrorCode::NotFound, "no stream takes this subject")
                .with_context("subject", &subject)
        })?;
        if fault == Some(Fault::ReceiptLost) {
            return Err(Error::new(ErrorCode::TimedOut, "the receipt was made to be lost")
                .with_context("subject", subject));
        }
        Ok(stored)
    }

    pub(super) fn send(&mut self, message: Message) {
        self.listeners.tell(&message);
        self.store(message);
    }

    fn store(&mut self, message: Message) -> Option<Stored> {
        let store = self.streams.values_mut().find(|store| store.takes(&message.subject))?;
        Some(store.publish(message, Instant::now()))
    }

    /// Settles a delivery, unless that was made to be lost.
    pub(super) fn settle(&mut self, token: &AckToken, settlement: &Settlement) -> Result<()> {
        if self.faults.settlement() {
            return Err(Error::new(ErrorCode::TimedOut, "this settlement was made to be lost"));
        }
        let heard = Token::read(token).is_some_and(|token| {
            self.stream_mut(token.stream).is_some_and(|store| {
                store.settle(token.consumer, token.sequence, settlement, Instant::now())
            })
        });
        if heard {
            Ok(())
        } else {
            Err(Error::new(ErrorCode::NotFound, "no consumer knows this delivery"))
        }
    }
}
