//! The text that names one delivery, in JetStream's shape.

use crate::stream::AckToken;

/// What a token says of its delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) stream: &'a str,
    pub(super) consumer: &'a str,
    pub(super) attempt: u64,
    pub(super) sequence: u64,
    /// Counts all deliveries of the consumer, repeated ones too.
    pub(super) delivered: u64,
    /// When the message was stored, in nanoseconds since 1970.
    pub(super) stored_at: u64,
    /// Messages the consumer had yet to deliver for the first time.
    pub(super) pending: u64,
}

impl<'a> Token<'a> {
    pub(super) fn write(&self) -> AckToken {
        let Self { stream, consumer, attempt, sequence, delivered, stored_at, pending } = self;
        let text = format!(
            "$JS.ACK.{stream}.{consumer}.{attempt}.{sequence}.{delivered}.{stored_at}.{pending}"
        );
        AckToken(text.into())
    }

    pub(super) fn read(token: &'a AckToken) -> Option<Self> {
        let mut parts = token.0.strip_prefix("$JS.ACK.")?.split('.');
        let (stream, consumer) = (parts.next()?, parts.next()?);
        let mut number = || parts.next()?.parse().ok();
        Some(Self {
            stream,
            consumer,
            attempt: number()?,
            sequence: number()?,
            delivered: number()?,
            stored_at: number()?,
            pending: number()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_as_it_was_written() {
        let token = Token {
            stream: "messages",
            consumer: "git",
            attempt: 2,
            sequence: 7,
            delivered: 9,
            stored_at: 1_767_225_600_000_000_001,
            pending: 3,
        };
        let text = token.write();
        assert_eq!(text.0, "$JS.ACK.messages.git.2.7.9.1767225600000000001.3");
        assert_eq!(Token::read(&text), Some(token));
        assert_eq!(Token::read(&AckToken("elsewhere".into())), None);
    }
}
