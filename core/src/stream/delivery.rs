//! A message handed to this process, and what became of it.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use tokio::time::Instant;

use super::message::Headers;

/// A message handed to this process until it is settled or its ack wait runs out.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where the message was published.
    pub subject: ByteString,
    /// Its body, unchanged.
    pub payload: Bytes,
    /// Its headers.
    pub headers: Headers,
    /// Why its headers cannot be read. Their bytes are then in `headers`, under
    /// [`RAW_HEADERS_HEADER`](crate::subject::RAW_HEADERS_HEADER). Only a message from NATS can have
    /// such headers.
    pub fault: Option<String>,
    /// Which delivery of this message it is, counted from 1 by the server; 0 for one with a fault,
    /// which no delivery brings here.
    pub attempt: u64,
    /// The message's number in its stream.
    pub sequence: u64,
    /// When it arrived here.
    pub received: Instant,
    /// What settles it.
    pub token: AckToken,
}

/// Names one delivery to the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AckToken(pub(super) ByteString);

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Done: never deliver it again.
    Ack,
    /// Not done: deliver it again, after this delay.
    Nak(Duration),
    /// Never to be done: do not deliver it again, for this reason.
    Term(String),
    /// Still at work: the ack wait starts anew.
    InProgress,
}
