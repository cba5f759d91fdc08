//! A message on its way, and the receipt for it.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use bytestring::ByteString;
use futures_util::future::BoxFuture;

use crate::error::Result;

/// Names and values of headers, in their order; a name may occur more than once.
pub type Headers = Vec<(Cow<'static, str>, String)>;

/// A message with its subject.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Message {
    /// Where it goes, or came from.
    pub subject: ByteString,
    /// Its body.
    pub payload: Bytes,
    /// Its headers.
    pub headers: Headers,
    /// Where an answer is expected, if one is.
    pub reply: Option<ByteString>,
}

impl Message {
    /// The header that makes a repeated publish harmless.
    pub const ID_HEADER: &'static str = "Nats-Msg-Id";

    /// A message without headers.
    pub fn new(subject: impl Into<ByteString>, payload: impl Into<Bytes>) -> Self {
        Self { subject: subject.into(), payload: payload.into(), headers: Vec::new(), reply: None }
    }

    /// The message with one more header.
    #[must_use]
    pub fn with_header(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Self {
        // Most have one.
        self.headers.reserve_exact(1);
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The message with an id: the stream stores one of that id within its duplicate window.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        self.with_header(Self::ID_HEADER, id)
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// How many bytes it has on the wire, headers included.
    #[must_use]
    pub fn wire_bytes(&self) -> usize {
        const VERSION_LINE_AND_END: usize = "NATS/1.0\r\n".len() + "\r\n".len();
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + ": ".len() + value.len() + "\r\n".len())
            .sum();
        self.payload.len() + if headers == 0 { 0 } else { headers + VERSION_LINE_AND_END }
    }
}

/// The server's word that a message is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The message's number in its stream.
    pub sequence: u64,
    /// Whether a message of that id was stored already, so that this one was not.
    pub duplicate: bool,
}

/// Resolves once a published message is stored.
///
/// # Errors
/// `NotFound` when no stream takes the subject, `Unavailable`, `TimedOut`, `TooLarge`, `Closed`. The
/// message may have been stored all the same: publish it again with the same id.
#[must_use = "a message is stored only once its receipt resolves"]
pub struct Receipt(BoxFuture<'static, Result<Stored>>);

impl Receipt {
    /// A receipt that resolves as the future does.
    pub fn new(future: impl Future<Output = Result<Stored>> + Send + 'static) -> Self {
        Self(Box::pin(future))
    }
}

impl Future for Receipt {
    type Output = Result<Stored>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt")
    }
}
