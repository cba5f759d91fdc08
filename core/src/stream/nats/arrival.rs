//! What arrives on a pull's inbox: a delivery, or a word about a request.

use tokio::time::Instant;

use super::headers;
use super::status::{self, Status};
use crate::stream::{AckToken, Delivery};

#[derive(Debug)]
pub(super) enum Arrival {
    Delivery(Delivery),
    Status { request: u64, status: Status },
}

impl Arrival {
    /// `None` for what no consumer would send here.
    pub(super) fn read(message: async_nats::Message) -> Option<Self> {
        let settled_by = message.reply.as_ref().map(|reply| reply.as_str());
        let delivery = settled_by.and_then(attempt_and_sequence);
        // A message may have been published with a status of its own; it is no word of the server.
        if let Some(code) = message.status.filter(|_| delivery.is_none()) {
            const LEFT: &str = "Nats-Pending-Messages";
            let left = message.headers.as_ref().and_then(|headers| headers.get(LEFT));
            let left = left.and_then(|left| left.as_str().parse().ok());
            let request = message.subject.rsplit('.').next()?.parse().unwrap_or_default();
            let description = message.description.unwrap_or_default();
            let status = status::read(code.as_u16(), &description, left);
            return Some(Self::Status { request, status });
        }
        let (attempt, sequence) = delivery?;
        Some(Self::Delivery(Delivery {
            subject: headers::text(message.subject),
            payload: message.payload,
            headers: headers::from_wire(message.headers.as_ref()),
            fault: None,
            attempt,
            sequence,
            received: Instant::now(),
            token: AckToken(headers::text(message.reply?)),
        }))
    }
}

fn attempt_and_sequence(token: &str) -> Option<(u64, u64)> {
    let [_, _, attempt, sequence] = parts(token)?;
    Some((attempt.parse().ok()?, sequence.parse().ok()?))
}

/// What settles a message that no delivery brought here. With explicit acknowledgement the server
/// looks at stream, consumer and sequence only.
pub(super) fn token(stream: &str, consumer: &str, sequence: u64) -> AckToken {
    AckToken(format!("$JS.ACK.{stream}.{consumer}.1.{sequence}.0.0.0").into())
}

/// The stream and the consumer a delivery came from.
pub(super) fn origin(token: &AckToken) -> Option<(&str, &str)> {
    parts(&token.0).map(|[stream, consumer, ..]| (stream, consumer))
}

/// Stream, consumer, attempt and sequence.
///
/// From `$JS.ACK.<stream>.<consumer>.<attempt>.<sequence>.<…>.<…>.<…>`, or the longer form with a
/// domain and an account in front of the stream and perhaps a random token at the end.
fn parts(token: &str) -> Option<[&str; 4]> {
    const SHORT: usize = 7;
    const LONG: usize = 9;
    let rest = token.strip_prefix("$JS.ACK.")?;
    let skipped = match rest.split('.').count() {
        SHORT => 0,
        LONG.. => 2,
        _ => return None,
    };
    let mut tokens = rest.split('.').skip(skipped);
    Some([tokens.next()?, tokens.next()?, tokens.next()?, tokens.next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_can_be_made() {
        let made = token("messages", "git", 71);
        assert_eq!(attempt_and_sequence(&made.0), Some((1, 71)));
        assert_eq!(origin(&made), Some(("messages", "git")));
    }

    #[test]
    fn attempt_and_sequence_stand_in_the_token() {
        let short = "$JS.ACK.messages.git.2.71.9.1700000000000000000.4";
        let long = "$JS.ACK._.ABCDEF.messages.git.2.71.9.1700000000000000000.4";
        let random = "$JS.ACK.hub.ABCDEF.messages.git.2.71.9.1700000000000000000.4.x7";
        for token in [short, long, random] {
            assert_eq!(attempt_and_sequence(token), Some((2, 71)), "{token}");
            assert_eq!(origin(&AckToken(token.into())), Some(("messages", "git")));
        }
        for bad in ["", "_INBOX.x.1", "$JS.ACK.a.b.1.2.3.4", "$JS.ACK.a.b.x.71.9.1.4"] {
            assert_eq!(attempt_and_sequence(bad), None, "{bad}");
        }
    }
}
