//! One connection as the rest of this folder uses it: queue, request, subscribe.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_nats::client::Statistics;
use async_nats::client::traits::Publisher;
use async_nats::connection::State;
use async_nats::message::OutboundMessage;
use async_nats::{Client, StatusCode, Subscriber};
use bytes::Bytes;
use bytestring::ByteString;
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::error::{closed, denied, disconnected, not_queued, not_subscribed};
use super::headers;
use super::link::{Link, Violation, lock};
use super::replies::{Replies, Ticket};
use crate::error::{Error, ErrorCode, Result};
use crate::stream::Message;

/// Looks again after this when an event of the client was lost.
const SECOND_LOOK: Duration = Duration::from_secs(1);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Session {
    client: Client,
    /// The client as it takes messages that it has room for: without a future, which would be moved.
    outlet: Mutex<Client>,
    statistics: Arc<Statistics>,
    pub(super) link: Arc<Link>,
    pub(super) closed: CancellationToken,
    /// Ends the task that reads answers when nobody holds the session any more.
    _last: DropGuard,
    pub(super) request_timeout: Duration,
}

impl Session {
    pub(super) async fn start(
        client: Client,
        link: Arc<Link>,
        request_timeout: Duration,
    ) -> Result<Arc<Self>> {
        let inbox = link.replies.inbox();
        let answers =
            client.subscribe(inbox.clone()).await.map_err(|e| not_subscribed(&inbox, &e))?;
        let closed = CancellationToken::new();
        tokio::spawn(hand_over(Arc::clone(&link.replies), answers, closed.clone()));
        let statistics = client.statistics();
        let _last = closed.clone().drop_guard();
        let outlet = Mutex::new(client.clone());
        Ok(Arc::new(Self { client, outlet, statistics, link, closed, _last, request_timeout }))
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// How often this client has been connected: inboxes of an earlier count are stale.
    pub(super) fn epoch(&self) -> u64 {
        self.statistics.connects.load(Ordering::Relaxed)
    }

    /// Whether another server of the cluster may turn out to offer JetStream.
    pub(super) fn may_learn_of_jetstream(&self) -> bool {
        let info = self.client.server_info();
        info.jetstream || info.cluster.is_some()
    }

    pub(super) fn check_open(&self) -> Result<()> {
        if self.closed.is_cancelled() { Err(closed()) } else { Ok(()) }
    }

    /// Waits for the connection, however long it takes.
    ///
    /// Nothing is given to the client before that: it would keep some two thousand commands and then
    /// block, and it would send them long after their callers gave up.
    pub(super) async fn connected(&self) -> Result<()> {
        self.check_open()?;
        if self.link.is_connected() {
            return Ok(());
        }
        // Seldom, and large: every call would carry the room for it.
        Box::pin(self.connected_again()).await
    }

    async fn connected_again(&self) -> Result<()> {
        let mut state = self.link.watch();
        loop {
            tokio::select! {
                biased;
                () = self.closed.cancelled() => return Err(closed()),
                changed = state.wait_for(|state| state.connected) => {
                    return changed.map(|_| ()).map_err(|_| closed());
                }
                () = tokio::time::sleep(SECOND_LOOK) => {
                    if self.client.connection_state() == State::Connected {
                        self.link.found_connected();
                    }
                }
            }
        }
    }

    /// Gives a message to the client, behind those given before.
    pub(super) fn queue(&self, message: OutboundMessage) -> impl Future<Output = Result<()>> {
        let queued = self.queue_now(message);
        let queued = queued.map_err(|message| Box::pin(self.queue_in_turn(message)));
        async move {
            match queued {
                Ok(queued) => queued,
                Err(in_turn) => in_turn.await,
            }
        }
    }

    /// Gives a message to the client if it has room; gives it back if not.
    #[allow(clippy::result_large_err, reason = "it is the message, and goes on its way")]
    fn queue_now(&self, message: OutboundMessage) -> Result<Result<()>, OutboundMessage> {
        // The client checks subjects on its other way only.
        let breaks_the_wire = |byte: u8| byte <= b' ';
        if message.subject.is_empty() || message.subject.bytes().any(breaks_the_wire) {
            return Err(message);
        }
        let mut outlet = lock(&self.outlet);
        match outlet.poll_ready_unpin(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => {}
            _ => return Err(message),
        }
        let subject = message.subject.clone();
        Ok(outlet.start_send_unpin(message).map_err(|error| not_queued(&subject, &error)))
    }

    async fn queue_in_turn(&self, message: OutboundMessage) -> Result<()> {
        let subject = message.subject.clone();
        let published = self.or_closed(self.client.publish_message(message)).await?;
        published.map_err(|error| not_queued(&subject, &error))
    }

    /// Publishes without headers, without waiting for anything but the connection.
    pub(super) async fn tell(&self, subject: ByteString, payload: impl Into<Bytes>) -> Result<()> {
        self.connected().await?;
        let (payload, subject) = (payload.into(), headers::subject(subject));
        self.queue(OutboundMessage { subject, reply: None, payload, headers: None }).await
    }

    /// Makes a message a request; the ticket waits for the answer, until the deadline.
    pub(super) fn expecting(
        &self,
        message: Message,
        deadline: Instant,
    ) -> Result<(Ticket, OutboundMessage)> {
        let ticket = self.link.replies.expect(&message.subject, deadline)?;
        let message = OutboundMessage {
            subject: headers::subject(message.subject),
            reply: Some(ticket.reply_subject().into()),
            payload: message.payload,
            headers: headers::to_wire(message.headers)?,
        };
        Ok((ticket, message))
    }

    /// Sends a request and waits for the answer, both within the request's time limit. The answer
    /// may be that nobody listens there: look at its status.
    pub(super) async fn request(
        &self,
        subject: &str,
        payload: impl Into<Bytes>,
    ) -> Result<async_nats::Message> {
        let deadline = Instant::now() + self.request_timeout;
        let sent = async {
            self.connected().await?;
            let (ticket, message) = self.expecting(Message::new(subject, payload), deadline)?;
            self.queue(message).await.map(|()| ticket)
        };
        let mut ticket =
            timeout(self.request_timeout, sent).await.map_err(|_| disconnected())??;
        ticket.answer().await
    }

    /// Waits until the server has read all that was given to the client before.
    ///
    /// The client's own flush ends when the bytes have left this process. A request nobody can
    /// answer comes back as such, in its turn; a refusal is as good.
    pub(super) async fn round_trip(&self) -> Result<()> {
        let nobody = self.client.new_inbox();
        match self.request(&nobody, Bytes::new()).await {
            Err(error) if error.code() == ErrorCode::TimedOut => Err(Error::new(
                ErrorCode::Unavailable,
                "NATS did not confirm what was sent in time",
            )),
            Err(error) if error.code() != ErrorCode::PermissionDenied => Err(error),
            _ => Ok(()),
        }
    }

    /// Listens to a subject; returns when the server does, too.
    pub(super) async fn listen(&self, subject: &str) -> Result<Subscriber> {
        self.connected().await?;
        let asked = Instant::now();
        let subscriber = self.subscribe(subject).await?;
        match self.round_trip().await {
            Err(error) if error.code() == ErrorCode::Closed => return Err(error),
            // After a lost connection the client subscribes again by itself.
            _ => {}
        }
        let refusal = Violation::Subscribe(subject.to_owned());
        if self.link.violation_since(asked, |violation| *violation == refusal).is_some() {
            return Err(denied("subscribe", subject));
        }
        Ok(subscriber)
    }

    pub(super) async fn subscribe(&self, subject: &str) -> Result<Subscriber> {
        self.or_closed(self.client.subscribe(subject.to_owned()))
            .await?
            .map_err(|error| not_subscribed(subject, &error))
    }

    /// The client's commands wait in a queue that nothing empties while it is disconnected.
    pub(super) async fn or_closed<T>(&self, command: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            biased;
            done = command => Ok(done),
            () = self.closed.cancelled() => Err(closed()),
        }
    }

    pub(super) async fn close(&self) {
        if self.closed.is_cancelled() {
            return;
        }
        if self.link.is_connected() {
            let flushed = timeout(CLOSE_TIMEOUT, self.round_trip()).await;
            if !matches!(flushed, Ok(Ok(()))) {
                tracing::warn!("NATS did not confirm the last messages before the end");
            }
        }
        self.link.close();
        // The queue may be full while disconnected; the tasks end all the same.
        let _ = timeout(SECOND_LOOK, self.client.drain()).await;
        self.closed.cancel();
        self.link.replies.closed();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.link.close();
    }
}

/// Whether a message only says that nobody listens where the request went.
pub(super) fn nobody_listens(message: &async_nats::Message) -> bool {
    message.status == Some(StatusCode::NO_RESPONDERS)
}

async fn hand_over(replies: Arc<Replies>, mut answers: Subscriber, closed: CancellationToken) {
    let mut look = interval(Replies::LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            answer = answers.next() => match answer {
                Some(answer) => replies.hand_over(answer),
                None => break,
            },
            now = look.tick() => replies.expire(now),
            () = closed.cancelled() => break,
        }
    }
    replies.closed();
}
