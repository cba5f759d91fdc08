//! Answers on their way back: one inbox for all requests of a connection.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytestring::ByteString;
use slab::Slab;
use tokio::time::Instant;

use super::error::{closed, denied, disconnected, timed_out};
use super::link::{Violation, lock};
use crate::error::{Error, Result};

type Answer = Result<async_nats::Message>;

/// The requests that wait for their answers. A lost connection or a denied permission ends them at
/// once instead of letting them run into their time limit.
#[derive(Debug)]
pub(super) struct Replies {
    /// The part of the reply subjects they share, with the dot.
    prefix: String,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    places: Slab<Place>,
    /// For each place, which subject its answer comes to. The server has to look up a subject that it has not
    /// seen lately, so that of a place stays the same as long as no late answer can come.
    turns: Vec<u64>,
    /// The server does not let this connection hear its answers.
    deaf: bool,
}

#[derive(Debug)]
struct Place {
    id: u64,
    subject: ByteString,
    deadline: Instant,
    state: State,
}

/// The answer is kept in its place until it is fetched, so that a request costs no channel.
#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    Answered(Answer),
    Fetched,
}

impl Default for Replies {
    fn default() -> Self {
        // Unguessable to other clients, unique among the connections of all processes.
        let prefix = format!("_INBOX.{}.", uuid::Uuid::now_v7().simple());
        Self { prefix, table: Mutex::default() }
    }
}

impl Replies {
    /// The subject that hears every answer.
    pub(super) fn inbox(&self) -> String {
        format!("{}*", self.prefix)
    }

    /// Makes a place for the answer to a request on this subject.
    pub(super) fn expect(
        self: &Arc<Self>,
        subject: &ByteString,
        deadline: Instant,
    ) -> Result<Ticket> {
        let mut table = lock(&self.table);
        if table.deaf {
            return Err(denied("subscribe", &self.inbox()));
        }
        let id = table.next_id();
        let state = State::Waiting(None);
        table.places.insert(Place { id, subject: subject.clone(), deadline, state });
        drop(table);
        let replies = Arc::clone(self);
        Ok(Ticket { id, subject: subject.clone(), replies, is_over: false })
    }

    /// Hands an answer to the one who waits for it, if anybody still does.
    pub(super) fn hand_over(&self, message: async_nats::Message) {
        let id = message.subject.strip_prefix(self.prefix.as_str()).and_then(|id| id.parse().ok());
        // No place any more: the request was given up.
        let waker = id.and_then(|id| lock(&self.table).place(id)?.answer(Ok(message)));
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// How often to look for requests that ran out of time: one timer serves all of them.
    pub(super) const LOOK: Duration = Duration::from_millis(250);

    /// Ends the requests whose time is over.
    pub(super) fn expire(&self, now: Instant) {
        self.fail(|place| place.deadline <= now, |place| timed_out(&place.subject));
    }

    pub(super) fn connected(&self) {
        lock(&self.table).deaf = false;
    }

    pub(super) fn disconnected(&self) {
        self.fail(|_| true, |_| disconnected());
    }

    pub(super) fn closed(&self) {
        self.fail(|_| true, |_| closed());
    }

    pub(super) fn denied(&self, violation: &Violation) {
        match violation {
            Violation::Publish(subject) => {
                self.fail(|place| *place.subject == **subject, |_| denied("publish", subject));
            }
            Violation::Subscribe(subject) if *subject == self.inbox() => {
                lock(&self.table).deaf = true;
                self.fail(|_| true, |_| denied("subscribe", subject));
            }
            Violation::Subscribe(_) => {}
        }
    }

    fn fail(&self, which: impl Fn(&Place) -> bool, error: impl Fn(&Place) -> Error) {
        let mut table = lock(&self.table);
        let failed = table.places.iter_mut().filter(|(_, place)| which(place));
        let wakers: Vec<_> =
            failed.filter_map(|(_, place)| place.answer(Err(error(place)))).collect();
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Places are fewer than 2²⁴; the rest of an id is the turn.
const INDEX_BITS: u32 = 24;

impl Table {
    fn next_id(&mut self) -> u64 {
        let at = self.places.vacant_key();
        if self.turns.len() <= at {
            self.turns.resize(at + 1, 0);
        }
        self.turns[at] << INDEX_BITS | at as u64
    }

    fn place(&mut self, id: u64) -> Option<&mut Place> {
        self.places.get_mut(index(id)).filter(|place| place.id == id)
    }

    fn clear(&mut self, id: u64, is_over: bool) {
        if self.place(id).is_some() {
            self.places.remove(index(id));
            self.turns[index(id)] += u64::from(!is_over);
        }
    }
}

fn index(id: u64) -> usize {
    (id & ((1 << INDEX_BITS) - 1)) as usize
}

impl Place {
    /// Keeps an answer; the first stands. Gives who waits for it.
    fn answer(&mut self, answer: Answer) -> Option<Waker> {
        match &mut self.state {
            State::Answered(_) | State::Fetched => None,
            State::Waiting(waker) => {
                let waker = waker.take();
                self.state = State::Answered(answer);
                waker
            }
        }
    }
}

/// A place for one answer; giving it up clears the place.
#[derive(Debug)]
pub(super) struct Ticket {
    id: u64,
    subject: ByteString,
    replies: Arc<Replies>,
    is_over: bool,
}

impl Ticket {
    /// No further answer can come, so that the next request may have its answer sent to the same subject.
    pub(super) const fn over(&mut self) {
        self.is_over = true;
    }

    /// The subject the answer has to be sent to.
    pub(super) fn reply_subject(&self) -> String {
        let (mut digits, prefix) = (itoa::Buffer::new(), &*self.replies.prefix);
        [prefix, digits.format(self.id)].concat()
    }

    /// The subject the request went to.
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// Waits for the answer.
    pub(super) async fn answer(&mut self) -> Answer {
        poll_fn(|cx| self.poll_answer(cx)).await
    }

    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        let mut table = lock(&self.replies.table);
        let Some(place) = table.place(self.id) else { return Poll::Ready(Err(closed())) };
        match std::mem::replace(&mut place.state, State::Fetched) {
            State::Waiting(_) => {
                place.state = State::Waiting(Some(cx.waker().clone()));
                Poll::Pending
            }
            State::Answered(answer) => Poll::Ready(answer),
            State::Fetched => Poll::Ready(Err(closed())),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.replies.table).clear(self.id, self.is_over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use std::pin::pin;

    fn expect(replies: &Arc<Replies>, subject: &'static str) -> Result<Ticket> {
        replies.expect(&ByteString::from_static(subject), Instant::now() + Duration::from_secs(5))
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_ends_by_what_happens_to_it() {
        let replies = Arc::new(Replies::default());
        let mut a = expect(&replies, "a").expect("a place");
        let mut b = expect(&replies, "b").expect("a place");
        replies.denied(&Violation::Publish("a".into()));
        assert_eq!(a.answer().await.expect_err("denied").code(), ErrorCode::PermissionDenied);
        replies.disconnected();
        assert_eq!(b.answer().await.expect_err("lost").code(), ErrorCode::Unavailable);

        let mut late = expect(&replies, "c").expect("a place");
        let now = Instant::now();
        replies.expire(now);
        assert!(futures_util::poll!(pin!(late.answer())).is_pending());
        replies.expire(now + Duration::from_secs(5));
        assert_eq!(late.answer().await.expect_err("late").code(), ErrorCode::TimedOut);
        drop((a, b, late));
        assert!(lock(&replies.table).places.is_empty());
    }

    #[tokio::test]
    async fn a_subject_for_answers_comes_again_only_when_no_answer_can() {
        let replies = Arc::new(Replies::default());
        let subject = |over: bool, answered: bool| {
            let mut ticket = expect(&replies, "a").expect("a place");
            if answered {
                replies.hand_over(message(&ticket.reply_subject()));
                assert!(ticket.poll_answer(&mut Context::from_waker(Waker::noop())).is_ready());
            }
            if over {
                ticket.over();
            }
            ticket.reply_subject()
        };
        let first = subject(true, true);
        assert_eq!(subject(false, true), first, "its only answer came");
        let second = subject(false, false);
        assert_ne!(second, first, "it may be answered again");
        assert_ne!(subject(true, true), second, "it may still be answered");
    }

    #[tokio::test]
    async fn a_late_answer_is_not_the_next_requests() {
        let replies = Arc::new(Replies::default());
        let given_up = expect(&replies, "a").expect("a place").reply_subject();
        let mut next = expect(&replies, "a").expect("a place");
        replies.hand_over(message(&given_up));
        assert!(futures_util::poll!(pin!(next.answer())).is_pending());
        replies.hand_over(message(&next.reply_subject()));
        assert!(next.answer().await.is_ok());
    }

    fn message(subject: &str) -> async_nats::Message {
        async_nats::Message {
            subject: subject.into(),
            reply: None,
            payload: "".into(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        }
    }

    #[tokio::test]
    async fn a_deaf_connection_fails_every_request_until_the_next_one() {
        let replies = Arc::new(Replies::default());
        replies.denied(&Violation::Subscribe(replies.inbox()));
        assert_eq!(expect(&replies, "a").expect_err("deaf").code(), ErrorCode::PermissionDenied);
        replies.connected();
        assert!(expect(&replies, "a").is_ok());
    }
}
