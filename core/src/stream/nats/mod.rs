//! The real event stream: NATS JetStream. Only the files of this folder name the client library.
//!
//! Of the client library the connection is used and nothing else. Requests, pulls and acks are made
//! here, because theirs run into time limits where the server has given its reason, and lose count
//! of what was asked for when a connection is lost.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::{
    AckToken, ConsumerConfig, ConsumerInfo, EventStream, Message, Pull, Receipt, Settlement,
    StreamConfig,
};
use crate::error::Result;
use crate::options::ConnectionOptions;

mod admin;
mod arrival;
mod connect;
mod credentials;
mod demand;
mod documents;
mod error;
mod header_block;
mod headers;
mod health;
mod inbox;
mod intake;
mod link;
mod probe;
mod publish;
mod pull;
mod question;
mod replies;
mod search;
mod session;
mod status;

/// One connection to NATS JetStream. It is made again for as long as it takes when it is lost.
///
/// While it is down, calls that only send wait for it, so nothing is sent long after its time; calls
/// that want an answer fail with `Unavailable` after the request's time limit, and receipts of what
/// was under way fail with `Unavailable` at once: publish again with the same id. The end of
/// [`close`](EventStream::close) ends every wait.
pub struct NatsStream(Arc<session::Session>);

impl NatsStream {
    /// Connects. Waits for a server that cannot be reached yet, until `connect_timeout_ms` if it is
    /// given, and says so in the log. The name is the connection's when the options give none.
    ///
    /// # Errors
    /// What will not mend by waiting is reported at once: `OptionsInvalid` with the paths of the
    /// options, `TlsFailed`, `Unauthenticated`, and `Unsupported` for a server before 2.10 or
    /// without JetStream. `Unavailable` after `connect_timeout_ms`.
    pub async fn connect(options: &ConnectionOptions, default_name: &str) -> Result<Self> {
        connect::connect(options, default_name).await.map(Self)
    }
}

impl fmt::Debug for NatsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsStream")
            .field("connected", &self.0.link.is_connected())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl EventStream for NatsStream {
    async fn put_stream(&self, config: &StreamConfig) -> Result<()> {
        admin::put_stream(&self.0, config).await
    }

    async fn stream(&self, name: &str) -> Result<Option<StreamConfig>> {
        admin::stream(&self.0, name).await
    }

    async fn put_consumer(&self, stream: &str, config: &ConsumerConfig) -> Result<ConsumerInfo> {
        admin::put(&self.0, stream, config).await
    }

    async fn consumer(&self, stream: &str, name: &str) -> Result<Option<ConsumerInfo>> {
        admin::consumer(&self.0, stream, name).await
    }

    async fn delete_consumer(&self, stream: &str, name: &str) -> Result<()> {
        admin::delete_consumer(&self.0, stream, name).await
    }

    async fn pull(&self, stream: &str, consumer: &str) -> Result<Box<dyn Pull>> {
        self.0.check_open()?;
        Ok(Box::new(pull::NatsPull::new(Arc::clone(&self.0), stream, consumer)))
    }

    async fn publish(&self, message: Message) -> Result<Receipt> {
        publish::publish(&self.0, message).await
    }

    async fn publish_all(&self, messages: Vec<Message>, receipts: &mut Vec<Receipt>) -> Result<()> {
        for message in messages {
            receipts.push(publish::publish(&self.0, message).await?);
        }
        Ok(())
    }

    async fn send(&self, message: Message) -> Result<()> {
        publish::send(&self.0, message).await
    }

    async fn send_all(&self, messages: Vec<Message>) -> Result<()> {
        let mut outcome = Ok(());
        for message in messages {
            let sent = publish::send(&self.0, message).await;
            outcome = outcome.and(sent);
        }
        outcome
    }

    async fn subscribe(&self, subject: &str) -> Result<BoxStream<'static, Message>> {
        let messages = self.0.listen(subject).await?;
        let closed = self.0.closed.clone();
        let messages = messages.map(headers::message).take_until(closed.cancelled_owned());
        Ok(messages.boxed())
    }

    async fn settle(&self, token: &AckToken, settlement: Settlement) -> Result<()> {
        publish::settle(&self.0, token, &settlement).await
    }

    async fn settle_confirmed(&self, token: &AckToken, settlement: Settlement) -> Result<()> {
        publish::settle_confirmed(&self.0, token, &settlement).await
    }

    async fn acknowledge(&self, tokens: &[&AckToken]) -> Result<()> {
        publish::acknowledge(&self.0, tokens).await
    }

    async fn ready(&self) {
        // A closed stream will never be ready; whoever waits learns it from the next call.
        let _ = self.0.connected().await;
    }

    async fn flush(&self) -> Result<()> {
        self.0.round_trip().await
    }

    fn max_payload(&self) -> usize {
        self.0.client().max_payload()
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
