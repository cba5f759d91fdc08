//! The event stream: what the runtime asks of JetStream, and nothing of how it is done.
//!
//! [`MemoryStream`] keeps the same promises in process. [`NatsStream`] is the real one. One suite of
//! behaviours (`tests/stream.rs`) runs on both.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

mod config;
mod delivery;
mod memory;
mod message;
#[cfg(feature = "nats")]
mod nats;
mod request;

pub use config::{ConsumerConfig, ConsumerInfo, Retention, StreamConfig};
pub use delivery::{AckToken, Delivery, Settlement};
pub use memory::MemoryStream;
pub use message::{Headers, Message, Receipt, Stored};
#[cfg(feature = "nats")]
pub use nats::NatsStream;
pub use request::request;

use crate::error::Result;

/// An event stream shared by all drivers of a manager.
pub type SharedStream = Arc<dyn EventStream>;

/// One connection to an event stream. Every call may be made from any task; none blocks a thread.
///
/// Messages of one caller are sent in the order of its calls.
#[async_trait]
pub trait EventStream: Debug + Send + Sync + 'static {
    /// Makes the stream, or changes it to this configuration.
    ///
    /// # Errors
    /// `PermissionDenied`, `Conflict` when the server refuses the change, `Unavailable`, `TimedOut`.
    async fn put_stream(&self, config: &StreamConfig) -> Result<()>;

    /// The configuration of a stream, or nothing when it does not exist.
    ///
    /// # Errors
    /// `PermissionDenied`, `Unavailable`, `TimedOut`.
    async fn stream(&self, name: &str) -> Result<Option<StreamConfig>>;

    /// Makes the pull consumer, or changes it to this configuration, and says what the server made
    /// of it. What the server keeps against the request shows only in the reply.
    ///
    /// # Errors
    /// `NotFound` when the stream does not exist, `Conflict` when the server refuses the change,
    /// `PermissionDenied`, `Unavailable`, `TimedOut`.
    async fn put_consumer(&self, stream: &str, config: &ConsumerConfig) -> Result<ConsumerInfo>;

    /// A consumer as the server has it, or nothing when it does not exist.
    ///
    /// # Errors
    /// `NotFound` when the stream does not exist, `PermissionDenied`, `Unavailable`, `TimedOut`.
    async fn consumer(&self, stream: &str, name: &str) -> Result<Option<ConsumerInfo>>;

    /// Removes a consumer, and with it what only it was holding. Nothing happens when there is none.
    ///
    /// # Errors
    /// `PermissionDenied`, `Unavailable`, `TimedOut`.
    async fn delete_consumer(&self, stream: &str, name: &str) -> Result<()>;

    /// Starts to pull from a consumer. Nothing is asked for until [`Pull::request`].
    ///
    /// # Errors
    /// `Unavailable`, `PermissionDenied`.
    async fn pull(&self, stream: &str, consumer: &str) -> Result<Box<dyn Pull>>;

    /// Puts a message on its way into a stream, in the order of the calls. The receipt resolves
    /// once the message is stored; after an error it may or may not have been.
    ///
    /// # Errors
    /// `TooLarge` when the message is above [`max_payload`](Self::max_payload), `Closed`.
    async fn publish(&self, message: Message) -> Result<Receipt>;

    /// Publishes messages in their order, up to the first that fails. There is a receipt for each that
    /// was put on its way.
    ///
    /// # Errors
    /// That of [`publish`](Self::publish) for the first message without a receipt.
    async fn publish_all(&self, messages: Vec<Message>, receipts: &mut Vec<Receipt>) -> Result<()> {
        for message in messages {
            receipts.push(self.publish(message).await?);
        }
        Ok(())
    }

    /// Sends a message to those who listen now; nothing is kept.
    ///
    /// # Errors
    /// `TooLarge`, `Closed`.
    async fn send(&self, message: Message) -> Result<()>;

    /// Sends messages in their order. One that fails does not hold up those behind it.
    ///
    /// # Errors
    /// That of [`send`](Self::send) for the first message that failed.
    async fn send_all(&self, messages: Vec<Message>) -> Result<()> {
        let mut outcome = Ok(());
        for message in messages {
            let sent = self.send(message).await;
            outcome = outcome.and(sent);
        }
        outcome
    }

    /// Listens to a subject, wildcards allowed, from now on. Ends when the stream is closed.
    ///
    /// # Errors
    /// `Closed`.
    async fn subscribe(&self, subject: &str) -> Result<BoxStream<'static, Message>>;

    /// Tells what became of a delivery. Sent, not confirmed: a lost settlement means redelivery.
    ///
    /// # Errors
    /// `Closed`.
    async fn settle(&self, token: &AckToken, settlement: Settlement) -> Result<()>;

    /// Tells what became of a delivery and waits for the server's word.
    ///
    /// # Errors
    /// `NotFound` when no consumer answered, `Unavailable`, `TimedOut`, `Closed`.
    async fn settle_confirmed(&self, token: &AckToken, settlement: Settlement) -> Result<()>;

    /// Acknowledges deliveries and waits for the server's word on all of them.
    ///
    /// # Errors
    /// As [`settle_confirmed`](Self::settle_confirmed); some may have been acknowledged all the same.
    async fn acknowledge(&self, tokens: &[&AckToken]) -> Result<()> {
        let mut outcome = Ok(());
        for token in tokens {
            if let Err(error) = self.settle_confirmed(token, Settlement::Ack).await {
                outcome = Err(error);
            }
        }
        outcome
    }

    /// Waits until the server can be reached; at once when it can.
    async fn ready(&self);

    /// Waits until all that was sent has reached the server.
    ///
    /// # Errors
    /// `Unavailable`, `Closed`.
    async fn flush(&self) -> Result<()>;

    /// How many bytes a message may have, headers included.
    fn max_payload(&self) -> usize;

    /// Flushes and ends the connection. Later calls fail with `Closed`.
    async fn close(&self);
}

/// Deliveries from one consumer, as many as were asked for and never more.
#[async_trait]
pub trait Pull: Debug + Send {
    /// Allows this many further deliveries.
    fn request(&mut self, more: usize);

    /// The deliveries that have come, at least one. May be dropped and called again; nothing is lost
    /// by it. Survives reconnects, leader changes and server restarts.
    ///
    /// A message that no delivery can bring here, since its headers are malformed, is looked up and
    /// handed over with its [`fault`](Delivery::fault).
    ///
    /// # Errors
    /// `NotFound` when the consumer or its stream is gone: make the consumer again, then pull anew.
    /// `Conflict` when the server will never answer such pulls. `PermissionDenied`. `Closed`.
    async fn next(&mut self) -> Result<Vec<Delivery>>;

    /// Withdraws what was asked for and hands over the deliveries that came meanwhile, so that they
    /// can be given back.
    async fn stop(&mut self) -> Vec<Delivery>;
}

/// Connects to the event stream that the options name.
///
/// # Errors
/// As [`NatsStream::connect`]; `Unsupported` in a build without the feature `nats`.
#[cfg_attr(not(feature = "nats"), allow(clippy::unused_async))]
pub(crate) async fn connect(
    options: &crate::options::ConnectionOptions,
    default_name: &str,
) -> Result<SharedStream> {
    #[cfg(feature = "nats")]
    {
        Ok(Arc::new(NatsStream::connect(options, default_name).await?))
    }
    #[cfg(not(feature = "nats"))]
    {
        let _unused = (options, default_name);
        Err(crate::Error::new(crate::ErrorCode::Unsupported, "built without the feature nats"))
    }
}
