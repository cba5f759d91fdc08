//! The embedded event stream: JetStream's promises, in process and without a server.

use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use tokio::sync::watch;

use super::{
    AckToken, ConsumerConfig, ConsumerInfo, EventStream, Message, Pull, Receipt, Settlement,
    StreamConfig,
};
use crate::error::{Error, ErrorCode, Result};

mod claim;
mod consumer;
mod control;
mod duplicates;
mod fault;
mod filters;
mod link;
mod listeners;
mod pull;
mod server;
mod shelf;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod unsettled;

use claim::Claim;
use link::Link;
use pull::MemoryPull;
use server::Server;

/// An event stream in this process that keeps JetStream's promises: retention, redelivery after
/// the ack wait, delayed nak, duplicates refused by message id, order.
///
/// It is passive: no task and no thread of its own. Deadlines go by tokio's clock, so a test may
/// pause it. Clones are the same connection; [`connection`](Self::connection) makes another one to
/// the same streams. What it holds is gone with the last of them.
///
/// ```
/// # use conveyor_driver::stream::{EventStream, MemoryStream, Message, Retention, StreamConfig};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> conveyor_driver::Result<()> {
/// let stream = MemoryStream::new();
/// stream.put_stream(&StreamConfig::new("logs", &["logs.>"], Retention::Limits)).await?;
/// stream.publish(Message::new("logs.r1", "hello")).await?.await?;
/// assert_eq!(stream.messages("logs")[0].payload, "hello");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct MemoryStream {
    server: Arc<Mutex<Server>>,
    link: Arc<watch::Sender<Link>>,
    max_payload: usize,
}

impl MemoryStream {
    /// A connection to a server of its own, without any stream.
    #[must_use]
    pub fn new() -> Self {
        const NATS_DEFAULT: usize = 1024 * 1024;
        Self::connected(Arc::default(), NATS_DEFAULT)
    }

    /// The connection with another limit, in bytes, on messages with their headers.
    #[must_use]
    pub fn with_max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    fn connected(server: Arc<Mutex<Server>>, max_payload: usize) -> Self {
        Self { server, link: Arc::new(watch::Sender::new(Link::Up)), max_payload }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    fn change(&self, link: Link) {
        self.link.send_if_modified(|state| {
            let changes = *state != Link::Closed && *state != link;
            if changes {
                *state = link;
            }
            changes
        });
    }

    fn open(&self) -> Result<Link> {
        match *self.link.borrow() {
            Link::Closed => Err(closed()),
            link => Ok(link),
        }
    }

    fn reached(&self) -> Result<MutexGuard<'_, Server>> {
        match self.open()? {
            Link::Up => Ok(self.server()),
            Link::Cut | Link::Closed => Err(unreachable()),
        }
    }

    fn check_size(&self, message: &Message) -> Result<()> {
        let bytes = message.wire_bytes();
        if bytes <= self.max_payload {
            return Ok(());
        }
        Err(Error::new(ErrorCode::TooLarge, "the message is larger than the server accepts")
            .with_context("subject", &message.subject)
            .with_context("bytes", bytes)
            .with_context("max_payload", self.max_payload))
    }
}

impl Default for MemoryStream {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStream").field("link", &*self.link.borrow()).finish_non_exhaustive()
    }
}

fn closed() -> Error {
    Error::new(ErrorCode::Closed, "the event stream was closed")
}

fn unreachable() -> Error {
    Error::new(ErrorCode::Unavailable, "the connection to the event stream is cut")
}

#[async_trait]
impl EventStream for MemoryStream {
    async fn put_stream(&self, config: &StreamConfig) -> Result<()> {
        self.reached()?.put_stream(config)
    }

    async fn stream(&self, name: &str) -> Result<Option<StreamConfig>> {
        Ok(self.reached()?.stream(name).map(|store| store.config().clone()))
    }

    async fn put_consumer(&self, stream: &str, config: &ConsumerConfig) -> Result<ConsumerInfo> {
        self.reached()?.put_consumer(stream, config)
    }

    async fn consumer(&self, stream: &str, name: &str) -> Result<Option<ConsumerInfo>> {
        self.reached()?.consumer_info(stream, name)
    }

    async fn delete_consumer(&self, stream: &str, name: &str) -> Result<()> {
        if let Some(store) = self.reached()?.stream_mut(stream) {
            store.delete_consumer(name);
        }
        Ok(())
    }

    async fn pull(&self, stream: &str, consumer: &str) -> Result<Box<dyn Pull>> {
        drop(self.reached()?);
        Ok(Box::new(MemoryPull::new(self.clone(), Claim::new(stream, consumer))))
    }

    async fn publish(&self, message: Message) -> Result<Receipt> {
        // A loop that only publishes must let others run, as it does on a network.
        tokio::task::coop::consume_budget().await;
        let link = self.open()?;
        self.check_size(&message)?;
        let stored = match link {
            Link::Up => self.server().publish(message),
            Link::Cut | Link::Closed => Err(unreachable()),
        };
        Ok(Receipt::new(ready(stored)))
    }

    async fn send(&self, message: Message) -> Result<()> {
        tokio::task::coop::consume_budget().await;
        let link = self.open()?;
        self.check_size(&message)?;
        if link == Link::Up {
            self.server().send(message);
        }
        Ok(())
    }

    async fn subscribe(&self, subject: &str) -> Result<BoxStream<'static, Message>> {
        self.open()?;
        Ok(self.server().listeners.add(subject, self.watch()))
    }

    async fn settle(&self, token: &AckToken, settlement: Settlement) -> Result<()> {
        if self.open()? == Link::Up {
            // Not confirmed: whether anybody heard it stays unknown.
            let _ = self.server().settle(token, &settlement);
        }
        Ok(())
    }

    async fn settle_confirmed(&self, token: &AckToken, settlement: Settlement) -> Result<()> {
        self.reached()?.settle(token, &settlement)
    }

    async fn ready(&self) {
        // It ends with an error only when the sender is gone, and that is held here.
        let _ = self.watch().wait_for(|link| *link != Link::Cut).await;
    }

    async fn flush(&self) -> Result<()> {
        self.reached().map(drop)
    }

    fn max_payload(&self) -> usize {
        self.max_payload
    }

    async fn close(&self) {
        self.change(Link::Closed);
        self.server().listeners.end_closed();
    }
}
