//! Messages between the client's form and the runtime's.

use std::borrow::Cow;

use async_nats::header::{HeaderName, HeaderValue};
use async_nats::{HeaderMap, Subject};
use bytestring::ByteString;

use crate::error::{Error, ErrorCode, Result};
use crate::stream::{Headers, Message};

/// The same bytes as the client's subject.
pub(super) fn subject(text: ByteString) -> Subject {
    // What is text stays text.
    Subject::from_utf8(text.into_bytes()).unwrap_or_else(|_| Subject::from_static(""))
}

/// The same bytes as the client's subject says.
pub(super) fn text(subject: Subject) -> ByteString {
    ByteString::from(subject.into_string())
}

/// The client's headers; it panics on values it cannot send, so they are checked here.
pub(super) fn to_wire(headers: Headers) -> Result<Option<HeaderMap>> {
    if headers.is_empty() {
        return Ok(None);
    }
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let invalid = |what: &str| {
            Error::new(ErrorCode::MessageInvalid, format!("a header's {what} cannot be sent"))
                .with_context("header", &name)
        };
        let key: HeaderName = name.parse().map_err(|_| invalid("name"))?;
        if name.is_empty() {
            return Err(invalid("name"));
        }
        if value.contains(['\r', '\n']) {
            return Err(invalid("value"));
        }
        map.append(key, HeaderValue::from(value));
    }
    Ok(Some(map))
}

/// The client keeps the order of one name's values, but not of the names: they are sorted, so that
/// equal messages look equal.
pub(super) fn from_wire(headers: Option<&HeaderMap>) -> Headers {
    let mut pairs: Vec<_> = headers
        .into_iter()
        .flat_map(HeaderMap::iter)
        .flat_map(|(name, values)| {
            values.iter().map(move |value| (name.to_string().into(), value.as_str().to_owned()))
        })
        .collect();
    pairs.sort_by(|a: &(Cow<'_, str>, _), b| a.0.cmp(&b.0));
    pairs
}

pub(super) fn message(message: async_nats::Message) -> Message {
    Message {
        subject: text(message.subject),
        payload: message.payload,
        headers: from_wire(message.headers.as_ref()),
        reply: message.reply.map(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&'static str, &str)]) -> Headers {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect()
    }

    #[test]
    fn headers_survive_both_ways() {
        let headers = pairs(&[("A", "2"), ("A", "1"), ("Nats-Msg-Id", "x")]);
        assert_eq!(from_wire(to_wire(headers.clone()).expect("sendable").as_ref()), headers);
        assert_eq!(from_wire(None), []);
    }

    #[test]
    fn what_would_break_the_wire_is_refused() {
        for bad in [pairs(&[("a\r\nb", "x")]), pairs(&[("a", "x\r\ny")]), pairs(&[("", "x")])] {
            let error = to_wire(bad).expect_err("refused");
            assert_eq!(error.code(), ErrorCode::MessageInvalid);
        }
    }
}
