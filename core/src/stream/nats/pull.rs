//! The pull loop: as many deliveries as were asked for, through every fault of the server.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_nats::message::OutboundMessage;
use async_trait::async_trait;
use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::error::denied;
use super::health::HEARTBEAT;
use super::inbox::Inbox;
use super::intake::Intake;
use super::link::Violation;
use super::publish;
use super::question::Question;
use super::search::Search;
use super::session::Session;
use crate::error::{Error, Result};
use crate::stream::{Delivery, Pull, Settlement};

/// How long a request stays at the server before it is made again.
const EXPIRES: Duration = Duration::from_secs(30);

/// One pull. Whatever must outlive a dropped [`Pull::next`] stands in here.
pub(super) struct NatsPull {
    session: Arc<Session>,
    stream: String,
    consumer: String,
    /// Where pull requests go.
    subject: String,
    intake: Intake,
    inbox: Option<Inbox>,
    requests: u64,
    /// Since when a denied permission is a matter of this pull.
    since: Instant,
    question: Question,
    search: Search,
}

impl fmt::Debug for NatsPull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsPull").field("intake", &self.intake).finish_non_exhaustive()
    }
}

#[async_trait]
impl Pull for NatsPull {
    fn request(&mut self, more: usize) {
        self.intake.demand.want(more);
    }

    async fn next(&mut self) -> Result<Vec<Delivery>> {
        let session = Arc::clone(&self.session);
        let mut link = session.link.watch();
        loop {
            session.check_open()?;
            link.mark_unchanged();
            self.collect();
            if !self.intake.ready.is_empty() {
                return Ok(std::mem::take(&mut self.intake.ready));
            }
            if let Some(error) = self.intake.failed.take().or_else(|| self.denial()) {
                return Err(error);
            }
            self.give_back_surplus().await?;
            let connected = session.link.is_connected();
            self.tend_inbox(connected).await?;
            let wanting = self.intake.demand.is_wanting();
            if connected && wanting {
                self.search.begin(&session, &self.stream, &self.consumer);
            }
            if connected {
                self.ask().await?;
                self.intake.look(Instant::now());
                self.ask_consumer();
            }
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = session.closed.cancelled() => {}
                message = message_of(&mut self.inbox) => match message {
                    Some(message) => self.intake.take(message),
                    None => self.inbox_ended(),
                },
                found = self.search.next(), if wanting => self.intake.admit(found),
                answer = self.question.answer() => self.intake.judge(answer, Instant::now()),
                _ = link.changed() => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    async fn stop(&mut self) -> Vec<Delivery> {
        self.collect();
        let session = Arc::clone(&self.session);
        if session.link.is_connected()
            && let Some(inbox) = &mut self.inbox
            && (inbox.ends().is_some() || inbox.give_up(&session).await.is_ok())
        {
            let ends = inbox.ends().unwrap_or_else(Instant::now);
            while let Ok(Some(message)) = timeout_at(ends, message_of(&mut self.inbox)).await {
                self.intake.take(message);
            }
        }
        self.inbox_ended();
        self.intake.demand.want_nothing();
        self.question = Question::default();
        self.search = Search::default();
        if !session.link.is_connected() || self.give_back_surplus().await.is_err() {
            // Their ack wait gives them back.
            self.intake.surplus.clear();
        }
        std::mem::take(&mut self.intake.ready)
    }
}

impl NatsPull {
    pub(super) fn new(session: Arc<Session>, stream: &str, consumer: &str) -> Self {
        let now = Instant::now();
        Self {
            session,
            stream: stream.to_owned(),
            consumer: consumer.to_owned(),
            subject: format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"),
            intake: Intake::new(stream, consumer, now),
            inbox: None,
            requests: 0,
            since: now,
            question: Question::default(),
            search: Search::default(),
        }
    }

    /// Takes in what has arrived, without waiting.
    fn collect(&mut self) {
        while let Some(message) = self.inbox.as_mut().and_then(Inbox::arrived) {
            self.intake.take(message);
        }
    }

    /// The server does not answer requests without permission; it only reports them.
    fn denial(&mut self) -> Option<Error> {
        let inbox = self.inbox.as_ref();
        let violation =
            self.session.link.violation_since(self.since, |violation| match violation {
                Violation::Publish(subject) => *subject == self.subject,
                Violation::Subscribe(subject) => inbox.is_some_and(|inbox| inbox.is(subject)),
            })?;
        self.since = Instant::now();
        self.intake.renew = true;
        Some(match violation {
            Violation::Publish(subject) => denied("publish", &subject),
            Violation::Subscribe(subject) => denied("subscribe", &subject),
        })
    }

    async fn give_back_surplus(&mut self) -> Result<()> {
        while let Some(token) = self.intake.surplus.last() {
            publish::settle(&self.session, token, &Settlement::Nak(Duration::ZERO)).await?;
            self.intake.surplus.pop();
        }
        Ok(())
    }

    /// Gives up an inbox that has served its time, and opens one when something is due.
    async fn tend_inbox(&mut self, connected: bool) -> Result<()> {
        if let Some(inbox) = &mut self.inbox {
            let over = inbox.ends().is_some_and(|ends| ends <= Instant::now());
            if over || !connected {
                // Dropped while disconnected it is not made again on the next connection.
                self.inbox_ended();
            } else if inbox.ends().is_none() && (self.intake.renew || inbox.is_stale(&self.session))
            {
                inbox.give_up(&self.session).await?;
            }
        }
        if self.inbox.is_none() && connected && self.intake.demand.due().is_some() {
            self.since = Instant::now();
            self.inbox = Some(Inbox::open(&self.session).await?);
            self.intake.renew = false;
        }
        Ok(())
    }

    fn inbox_ended(&mut self) {
        self.inbox = None;
        self.intake.inbox_ended();
    }

    /// Sends a pull request when one is due.
    async fn ask(&mut self) -> Result<()> {
        let now = Instant::now();
        let Some(inbox) = self.inbox.as_ref().filter(|inbox| inbox.ends().is_none()) else {
            return Ok(());
        };
        let held = self.intake.health.paused(now).or(self.search.holds(now)).is_some();
        let Some(size) = self.intake.demand.due().filter(|_| !held) else {
            return Ok(());
        };
        let request = self.requests + 1;
        let body = json!({
            "batch": size,
            "expires": EXPIRES.as_nanos(),
            "idle_heartbeat": HEARTBEAT.as_nanos(),
        });
        let message = OutboundMessage {
            subject: self.subject.as_str().into(),
            reply: Some(inbox.subject(request).into()),
            payload: body.to_string().into(),
            headers: None,
        };
        self.session.queue(message).await?;
        if !self.intake.demand.is_waiting() {
            self.intake.health.waits_from(now);
        }
        self.requests = request;
        self.intake.demand.asked(request, size, now + EXPIRES);
        Ok(())
    }

    fn ask_consumer(&mut self) {
        if std::mem::take(&mut self.intake.doubt) {
            self.intake.health.asked_consumer(Instant::now());
            self.question.ask(&self.session, &self.stream, &self.consumer);
        }
    }

    /// When to look again although nothing happens.
    fn next_wake(&self) -> Instant {
        let now = Instant::now();
        let Intake { demand, health, renew, .. } = &self.intake;
        let ends = self.inbox.as_ref().and_then(Inbox::ends);
        if *renew && self.inbox.is_some() && ends.is_none() {
            return now;
        }
        let looks = demand.is_waiting() && ends.is_none();
        let held = health.paused(now).max(self.search.holds(now));
        [ends, demand.due().and(held), looks.then(|| health.next_look())]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now + EXPIRES)
    }
}

async fn message_of(inbox: &mut Option<Inbox>) -> Option<async_nats::Message> {
    match inbox {
        Some(inbox) => inbox.next().await,
        None => pending().await,
    }
}
