//! Where one pull hears the server, for as long as one connection lasts.

use async_nats::Subscriber;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Duration, Instant};

use super::session::Session;
use crate::error::Result;

/// How long the server may take to say the last on an inbox that was given up.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A subscription of its own for each connection. The requests of an earlier connection would
/// otherwise come back to life with the subscription, beside the new ones.
pub(super) struct Inbox {
    subscriber: Subscriber,
    /// Its subjects start so, with the dot; the number of a request follows.
    prefix: String,
    epoch: u64,
    ends: Option<Instant>,
}

impl Inbox {
    pub(super) async fn open(session: &Session) -> Result<Self> {
        // Read first: if the connection changes meanwhile, the inbox is only renewed too often.
        let epoch = session.epoch();
        let prefix = format!("{}.", session.client().new_inbox());
        let subscriber = session.subscribe(&format!("{prefix}*")).await?;
        Ok(Self { subscriber, prefix, epoch, ends: None })
    }

    pub(super) fn subject(&self, request: u64) -> String {
        format!("{}{request}", self.prefix)
    }

    /// Whether this subject, as the server names it, is the inbox's.
    pub(super) fn is(&self, subject: &str) -> bool {
        subject.starts_with(&self.prefix)
    }

    pub(super) fn is_stale(&self, session: &Session) -> bool {
        self.epoch != session.epoch()
    }

    /// When to stop to listen for the last words, once the inbox was given up.
    pub(super) fn ends(&self) -> Option<Instant> {
        self.ends
    }

    /// Has the server forget the inbox, and with it its requests; what is on its way still arrives.
    pub(super) async fn give_up(&mut self, session: &Session) -> Result<()> {
        let drained = session.or_closed(self.subscriber.drain()).await?;
        // The client is gone and nothing more arrives.
        let wait = if drained.is_ok() { LAST_WORDS } else { Duration::ZERO };
        self.ends = Some(Instant::now() + wait);
        Ok(())
    }

    /// What has arrived already.
    pub(super) fn arrived(&mut self) -> Option<async_nats::Message> {
        self.subscriber.next().now_or_never().flatten()
    }

    /// What arrives next; nothing when nothing more will.
    pub(super) async fn next(&mut self) -> Option<async_nats::Message> {
        self.subscriber.next().await
    }
}
