//! Messages on their way into a stream, and settlements of deliveries.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use tokio::time::Instant;

use super::admin;
use super::arrival::origin;
use super::error::{ApiError, malformed, too_large};
use super::headers;
use super::replies::Ticket;
use super::session::{Session, nobody_listens};
use crate::error::{Error, ErrorCode, Result};
use crate::stream::{AckToken, Message, Receipt, Settlement, Stored};

/// Queues a message behind those queued before; the receipt waits for the server's word.
pub(super) async fn publish(session: &Arc<Session>, message: Message) -> Result<Receipt> {
    check_size(session, &message)?;
    session.connected().await?;
    let deadline = Instant::now() + session.request_timeout;
    let (ticket, message) = session.expecting(message, deadline)?;
    session.queue(message).await?;
    Ok(Receipt::new(Confirmation { session: Arc::clone(session), ticket, doubt: None }))
}

/// The server's word on one message. There are many of them at a time, so they are small.
struct Confirmation {
    session: Arc<Session>,
    ticket: Ticket,
    /// Nobody took the message: looks for the reason.
    doubt: Option<BoxFuture<'static, Error>>,
}

impl Future for Confirmation {
    type Output = Result<Stored>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { session, ticket, doubt } = &mut *self;
        if doubt.is_none() {
            let reply = match ready!(ticket.poll_answer(cx)) {
                Ok(reply) if nobody_listens(&reply) => None,
                reply => Some(reply),
            };
            if let Some(reply) = reply {
                let stored = reply.and_then(|reply| stored(ticket.subject(), &reply.payload));
                if stored.is_ok() {
                    ticket.over();
                }
                return Poll::Ready(stored);
            }
        }
        let (session, subject) = (Arc::clone(session), ticket.subject());
        let reason = doubt.get_or_insert_with(|| {
            let subject = subject.to_owned();
            async move { not_taken(&session, &subject).await }.boxed()
        });
        reason.poll_unpin(cx).map(Err)
    }
}

/// A stream without a leader answers as little as one that does not exist; only one of them mends.
async fn not_taken(session: &Session, subject: &str) -> Error {
    match admin::has_stream_for(session, subject).await {
        Ok(false) => Error::new(ErrorCode::NotFound, "no stream takes this subject")
            .with_context("subject", subject),
        Ok(true) => Error::new(ErrorCode::Unavailable, "the stream does not answer")
            .with_context("subject", subject),
        Err(error) if error.code() == ErrorCode::PermissionDenied => {
            Error::new(ErrorCode::NotFound, "no stream takes this subject now")
                .with_context("subject", subject)
        }
        Err(error) if error.code().retryable() => {
            Error::new(ErrorCode::Unavailable, "JetStream does not answer")
                .with_context("subject", subject)
                .with_source(error)
        }
        Err(error) => error,
    }
}

/// Sends a message to those who listen now.
pub(super) async fn send(session: &Session, message: Message) -> Result<()> {
    check_size(session, &message)?;
    let headers = headers::to_wire(message.headers)?;
    session.connected().await?;
    session
        .queue(async_nats::message::OutboundMessage {
            subject: headers::subject(message.subject),
            reply: message.reply.map(headers::subject),
            payload: message.payload,
            headers,
        })
        .await
}

fn check_size(session: &Session, message: &Message) -> Result<()> {
    let (bytes, limit) = (message.wire_bytes(), session.client().max_payload());
    if bytes > limit { Err(too_large(&message.subject, bytes, limit)) } else { Ok(()) }
}

fn stored(subject: &str, answer: &[u8]) -> Result<Stored> {
    #[derive(Deserialize)]
    struct Answer {
        error: Option<ApiError>,
        #[serde(default)]
        seq: u64,
        #[serde(default)]
        duplicate: bool,
    }
    let answer: Answer =
        serde_json::from_slice(answer).map_err(|error| malformed(subject, error))?;
    match answer.error {
        Some(error) => Err(error.into_error(subject)),
        None => Ok(Stored { sequence: answer.seq, duplicate: answer.duplicate }),
    }
}

/// Tells the consumer what became of a delivery.
pub(super) async fn settle(session: &Session, token: &AckToken, how: &Settlement) -> Result<()> {
    session.tell(token.0.clone(), in_words(how)).await
}

/// The same, with the consumer's confirmation.
pub(super) async fn settle_confirmed(
    session: &Session,
    token: &AckToken,
    how: &Settlement,
) -> Result<()> {
    let reply = session.request(&token.0, in_words(how)).await?;
    // The client's own confirmed ack takes this answer for a confirmation.
    if nobody_listens(&reply) {
        return Err(not_confirmed(session, token).await);
    }
    Ok(())
}

/// Acknowledges deliveries. The server reads what comes on one connection in order, so its word on the
/// last one holds for all, as long as the connection was the same.
pub(super) async fn acknowledge(session: &Session, tokens: &[&AckToken]) -> Result<()> {
    let Some((last, others)) = tokens.split_last() else { return Ok(()) };
    session.connected().await?;
    let epoch = session.epoch();
    for token in others {
        session.tell(token.0.clone(), in_words(&Settlement::Ack)).await?;
    }
    settle_confirmed(session, last, &Settlement::Ack).await?;
    if session.epoch() == epoch {
        Ok(())
    } else {
        Err(Error::new(ErrorCode::Unavailable, "the connection was lost while acks were sent"))
    }
}

async fn not_confirmed(session: &Session, token: &AckToken) -> Error {
    let gone = Error::new(ErrorCode::NotFound, "the consumer of the delivery is gone");
    let Some((stream, consumer)) = origin(token) else { return gone };
    match admin::consumer(session, stream, consumer).await {
        Ok(None) => gone.with_context("consumer", consumer),
        Ok(Some(_)) => Error::new(ErrorCode::Unavailable, "the consumer does not answer")
            .with_context("consumer", consumer),
        Err(error) if error.code() == ErrorCode::PermissionDenied => gone,
        Err(error) => error,
    }
}

fn in_words(how: &Settlement) -> Bytes {
    let text = match how {
        Settlement::Ack => return Bytes::from_static(b"+ACK"),
        Settlement::Nak(delay) if delay.is_zero() => return Bytes::from_static(b"-NAK"),
        Settlement::Nak(delay) => format!("-NAK {{\"delay\": {}}}", delay.as_nanos()),
        Settlement::Term(reason) if reason.is_empty() => return Bytes::from_static(b"+TERM"),
        Settlement::Term(reason) => format!("+TERM {reason}"),
        Settlement::InProgress => return Bytes::from_static(b"+WPI"),
    };
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn settlements_are_said_as_jetstream_understands_them() {
        assert_eq!(in_words(&Settlement::Ack), "+ACK");
        assert_eq!(in_words(&Settlement::Nak(Duration::ZERO)), "-NAK");
        assert_eq!(
            in_words(&Settlement::Nak(Duration::from_millis(1500))),
            "-NAK {\"delay\": 1500000000}"
        );
        assert_eq!(in_words(&Settlement::Term("no such type".into())), "+TERM no such type");
        assert_eq!(in_words(&Settlement::InProgress), "+WPI");
    }

    #[test]
    fn an_answer_tells_what_was_stored() {
        let answer = br#"{"stream":"S","seq":7,"duplicate":true}"#;
        assert_eq!(stored("s", answer).expect("stored"), Stored { sequence: 7, duplicate: true });
        let refusal = br#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"S","seq":0}"#;
        assert_eq!(stored("s", refusal).expect_err("refused").code(), ErrorCode::Unavailable);
        assert_eq!(stored("s", b"?").expect_err("unknown").code(), ErrorCode::Internal);
    }
}
