//! The state of the connection, and what the server said about it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::{ClientError, Event, ServerError};
use tokio::sync::watch;
use tokio::time::Instant;

use super::replies::Replies;

/// What changes while a connection lives. Every event wakes those who watch it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LinkState {
    pub(super) connected: bool,
    violations: u64,
}

/// A permission the server said this client lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    Publish(String),
    Subscribe(String),
}

impl Violation {
    /// Reads the text of a server's error.
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("Permissions Violation for ")?;
        let (what, rest) = rest.split_once(" to \"")?;
        let subject = rest.split('"').next()?.to_owned();
        match what {
            "Publish" => Some(Self::Publish(subject)),
            "Subscription" => Some(Self::Subscribe(subject)),
            _ => None,
        }
    }

    fn subject(&self) -> &str {
        let (Self::Publish(subject) | Self::Subscribe(subject)) = self;
        subject
    }
}

/// Hears every event of one connection.
#[derive(Debug, Default)]
pub(super) struct Link {
    state: watch::Sender<LinkState>,
    pub(super) replies: std::sync::Arc<Replies>,
    violations: Mutex<VecDeque<(Instant, Violation)>>,
    said: Mutex<HashMap<String, Instant>>,
    was_connected: AtomicBool,
    closed: AtomicBool,
}

impl Link {
    const REMEMBERED_VIOLATIONS: usize = 64;
    const REMINDER: Duration = Duration::from_secs(30);

    pub(super) fn on_event(&self, event: Event) {
        match event {
            Event::Connected => self.connected(),
            Event::Disconnected => {
                tracing::warn!("disconnected from NATS, connecting again");
                self.state.send_modify(|state| state.connected = false);
                self.replies.disconnected();
            }
            Event::LameDuckMode => {
                tracing::warn!("the NATS server is about to stop, another one will be used");
            }
            Event::SlowConsumer(subscription) if self.is_news("slow") => {
                tracing::warn!(subscription, "messages were dropped: they came faster than read");
            }
            Event::ServerError(ServerError::Other(text)) => self.server_said(&text),
            Event::ServerError(error) if self.is_news("server") => {
                tracing::warn!(%error, "NATS reports an error");
            }
            Event::ClientError(ClientError::Other(error)) if self.is_news("client") => {
                tracing::warn!(%error, "cannot connect to NATS again, still trying");
            }
            event => tracing::debug!(%event, "NATS connection event"),
        }
    }

    fn connected(&self) {
        if self.was_connected.swap(true, Ordering::Relaxed) {
            tracing::info!("connected to NATS again");
        } else {
            tracing::debug!("connected to NATS");
        }
        self.replies.connected();
        self.state.send_modify(|state| state.connected = true);
    }

    fn server_said(&self, text: &str) {
        let Some(violation) = Violation::parse(text) else {
            if self.is_news(text) {
                tracing::warn!(error = text, "NATS reports an error");
            }
            return;
        };
        // The later tokens of ack and reply subjects differ from message to message.
        let topic: String = violation.subject().split('.').take(4).collect::<Vec<_>>().join(".");
        if self.is_news(&topic) {
            tracing::warn!(?violation, "NATS denies a permission");
        }
        self.replies.denied(&violation);
        let mut violations = lock(&self.violations);
        if violations.len() == Self::REMEMBERED_VIOLATIONS {
            violations.pop_front();
        }
        violations.push_back((Instant::now(), violation));
        drop(violations);
        self.state.send_modify(|state| state.violations += 1);
    }

    /// Whether something matching was denied at this moment or later.
    pub(super) fn violation_since(
        &self,
        since: Instant,
        matches: impl Fn(&Violation) -> bool,
    ) -> Option<Violation> {
        let violations = lock(&self.violations);
        violations
            .iter()
            .rev()
            .take_while(|(at, _)| *at >= since)
            .find(|(_, violation)| matches(violation))
            .map(|(_, violation)| violation.clone())
    }

    /// Whether a topic was not logged lately.
    fn is_news(&self, topic: &str) -> bool {
        let now = Instant::now();
        let mut said = lock(&self.said);
        said.retain(|_, at| now - *at < Self::REMINDER);
        if said.contains_key(topic) {
            return false;
        }
        said.insert(topic.to_owned(), now);
        true
    }

    pub(super) fn watch(&self) -> watch::Receiver<LinkState> {
        self.state.subscribe()
    }

    /// Corrects the state when an event was missed.
    pub(super) fn found_connected(&self) {
        self.state.send_if_modified(|state| !std::mem::replace(&mut state.connected, true));
    }

    pub(super) fn is_connected(&self) -> bool {
        self.state.borrow().connected
    }

    pub(super) fn was_connected(&self) -> bool {
        self.was_connected.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

/// A panic elsewhere leaves these tables whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_are_read_from_the_servers_words() {
        assert_eq!(
            Violation::parse("Permissions Violation for Publish to \"logs.r1\""),
            Some(Violation::Publish("logs.r1".into()))
        );
        assert_eq!(
            Violation::parse(
                "Permissions Violation for Subscription to \"_INBOX.x.*\" using queue \"q\""
            ),
            Some(Violation::Subscribe("_INBOX.x.*".into()))
        );
        assert_eq!(Violation::parse("Stale Connection"), None);
    }

    #[tokio::test]
    async fn violations_are_remembered_by_time_and_subject() {
        let link = Link::default();
        let before = Instant::now();
        let text = "Permissions Violation for Publish to \"a.b\"".to_owned();
        link.on_event(Event::ServerError(ServerError::Other(text)));
        let found = |since, subject: &str| {
            link.violation_since(since, |v| *v == Violation::Publish(subject.into())).is_some()
        };
        assert!(found(before, "a.b"));
        assert!(!found(before, "a"));
        assert!(!found(Instant::now() + Duration::from_secs(1), "a.b"));
    }

    #[tokio::test]
    async fn the_state_follows_the_events() {
        let link = Link::default();
        assert!(!link.is_connected() && !link.was_connected());
        link.on_event(Event::Connected);
        assert!(link.is_connected() && link.was_connected());
        link.on_event(Event::Disconnected);
        assert!(!link.is_connected() && link.was_connected());
    }
}
