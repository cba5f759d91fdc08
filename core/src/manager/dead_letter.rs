//! Dead letters: messages that can never be answered, kept whole where a person can find them.

use std::borrow::Cow;

use bytes::Bytes;

use super::message_id;
use crate::error::{ErrorCode, Result};
use crate::stream::{Delivery, EventStream, Message, Retention, StreamConfig};
use crate::subject::{
    self, ATTEMPTS_HEADER, DEAD_LETTERS, DEAD_LETTERS_STREAM, MESSAGES_STREAM, ORIGIN_HEADER,
    ORIGINAL_HEADER_PREFIX, PART_HEADER, REASON_HEADER, SUBJECT_HEADER,
};

/// Stores a delivery as a dead letter: its bytes, its headers, the reason and the attempts. Makes the
/// stream `dead-letters` when it is missing.
///
/// # Errors
/// When it is not certainly stored; the delivery must then be given back.
pub(super) async fn store(
    stream: &dyn EventStream,
    driver: &str,
    delivery: &Delivery,
    reason: &str,
) -> Result<()> {
    for letter in letters(driver, delivery, reason, stream.max_payload()) {
        let stored = publish(stream, letter.clone()).await;
        if stored.as_ref().is_err_and(|error| error.code() == ErrorCode::NotFound) {
            let config = StreamConfig::new(DEAD_LETTERS_STREAM, &[DEAD_LETTERS], Retention::Limits);
            stream.put_stream(&config).await?;
            publish(stream, letter).await?;
        } else {
            stored?;
        }
    }
    Ok(())
}

async fn publish(stream: &dyn EventStream, letter: Message) -> Result<()> {
    stream.publish(letter).await?.await.map(|_| ())
}

/// JetStream takes no more bytes of headers with a message.
const MOST_HEADER_BYTES: usize = u16::MAX as usize;

/// One message, or two when the headers leave too little room for the bytes, or are too many with
/// those that say why it is dead.
fn letters(driver: &str, delivery: &Delivery, reason: &str, limit: usize) -> Vec<Message> {
    let head = |headers: &[(Cow<'static, str>, String)], payload: Bytes, part: &str| {
        let mut letter = Message::new(subject::dead_letters(driver), payload)
            .with_id(message_id::of_dead_letter(driver, delivery, part))
            .with_header(REASON_HEADER, one_line(reason))
            .with_header(ATTEMPTS_HEADER, delivery.attempt.to_string())
            .with_header(SUBJECT_HEADER, &*delivery.subject)
            .with_header(ORIGIN_HEADER, format!("{MESSAGES_STREAM}/{}", delivery.sequence));
        let kept = headers.iter().map(|(name, value)| (kept_name(name.clone()), value.clone()));
        let kept: Vec<_> = kept.filter(|(name, _)| letter.header(name).is_none()).collect();
        letter.headers.extend(kept);
        letter
    };
    let whole = head(&delivery.headers, delivery.payload.clone(), "0");
    let header_bytes = whole.wire_bytes() - whole.payload.len();
    if whole.wire_bytes() <= limit && header_bytes <= MOST_HEADER_BYTES {
        return vec![whole];
    }
    let crowded = header_bytes > MOST_HEADER_BYTES.min(limit / 2);
    let (first, second) = if crowded {
        delivery.headers.split_at(delivery.headers.len() / 2)
    } else {
        (&*delivery.headers, &*delivery.headers)
    };
    let middle = delivery.payload.len() / 2;
    vec![
        head(first, delivery.payload.slice(..middle), "1").with_header(PART_HEADER, "1/2"),
        head(second, delivery.payload.slice(middle..), "2").with_header(PART_HEADER, "2/2"),
    ]
}

/// Headers of NATS are orders to the server, such as which stream to expect, and one without a name
/// cannot be sent.
fn kept_name(name: Cow<'static, str>) -> Cow<'static, str> {
    if name.is_empty() || name.starts_with("Nats-") {
        format!("{ORIGINAL_HEADER_PREFIX}{name}").into()
    } else {
        name
    }
}

/// A header value cannot hold line breaks, and a reason should stay short.
fn one_line(reason: &str) -> String {
    const MAX_CHARS: usize = 1_000;
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect()
}
