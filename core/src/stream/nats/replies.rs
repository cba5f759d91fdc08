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
    last: u64,
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
        table.last += 1;
        let id = table.last << INDEX_BITS | table.places.vacant_key() as u64;
        let state = State::Waiting(None);
        table.places.insert(Place { id, subject: subject.clone(), deadline, state });
        drop(table);
        Ok(Ticket { id, subject: subject.clone(), replies: Arc::clone(self) })
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

/// Places are fewer than 2²⁴, and no id is given out twice.
const INDEX_BITS: u32 = 24;

impl Table {
    fn place(&mut self, id: u64) -> Option<&mut Place> {
        self.places.get_mut(index(id)).filter(|place| place.id == id)
    }

    fn clear(&mut self, id: u64) {
        if self.place(id).is_some() {
            self.places.remove(index(id));
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
            State::Answered(_) => None,
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
}

impl Ticket {
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
        // Only a ticket that had its answer has no place.
        let Some(place) = table.place(self.id) else { return Poll::Ready(Err(closed())) };
        let waiting = State::Waiting(Some(cx.waker().clone()));
        match std::mem::replace(&mut place.state, waiting) {
            State::Waiting(_) => Poll::Pending,
            State::Answered(answer) => {
                table.places.remove(index(self.id));
                Poll::Ready(answer)
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.replies.table).clear(self.id);
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
    async fn a_deaf_connection_fails_every_request_until_the_next_one() {
        let replies = Arc::new(Replies::default());
        replies.denied(&Violation::Subscribe(replies.inbox()));
        assert_eq!(expect(&replies, "a").expect_err("deaf").code(), ErrorCode::PermissionDenied);
        replies.connected();
        assert!(expect(&replies, "a").is_ok());
    }
}
