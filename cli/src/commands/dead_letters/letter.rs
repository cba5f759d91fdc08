//! One dead letter.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use conveyor_driver::subject::{
    ATTEMPTS_HEADER, ORIGIN_HEADER, PART_HEADER, REASON_HEADER, SUBJECT_HEADER,
};
use serde_json::Value;

use crate::exit_code;
use crate::fault::Fault;

/// A dead letter as the stream has it.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) number: u64,
    pub(super) time: String,
    pub(super) driver: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) payload: Bytes,
}

impl Letter {
    /// Reads what JetStream says of a stored message.
    pub(super) fn read(message: &Value) -> Result<Self, Fault> {
        let text = |member: &str| message[member].as_str().unwrap_or_default();
        let bytes = |member| {
            STANDARD.decode(text(member)).map_err(|error| {
                Fault::new(exit_code::FAILED, "a dead letter cannot be read").with("cause", error)
            })
        };
        let subject = text("subject");
        Ok(Self {
            number: message["seq"].as_u64().unwrap_or_default(),
            time: text("time").to_owned(),
            driver: subject.strip_prefix("dead-letters.").unwrap_or(subject).to_owned(),
            headers: headers(&String::from_utf8_lossy(&bytes("hdrs")?)),
            payload: bytes("data")?.into(),
        })
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    pub(super) fn reason(&self) -> &str {
        self.header(REASON_HEADER)
    }

    pub(super) fn attempts(&self) -> &str {
        self.header(ATTEMPTS_HEADER)
    }

    /// Where the message was published.
    pub(super) fn subject(&self) -> &str {
        self.header(SUBJECT_HEADER)
    }

    /// The stream it was in and its number there, the same for both parts of one message.
    pub(super) fn origin(&self) -> &str {
        self.header(ORIGIN_HEADER)
    }

    /// `1/2` or `2/2` for one of two parts.
    pub(super) fn part(&self) -> &str {
        self.header(PART_HEADER)
    }
}

/// Reads a block of headers: a line with the version, then names and values.
fn headers(block: &str) -> Vec<(String, String)> {
    let lines = block.split("\r\n").skip(1);
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim_start().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_stored_message_is_read() {
        let block = format!("NATS/1.0\r\n{REASON_HEADER}: not: JSON\r\nX:\r\n\r\n");
        let letter = Letter::read(&json!({
            "subject": "dead-letters.git", "seq": 7, "time": "t",
            "hdrs": STANDARD.encode(block), "data": STANDARD.encode([0xff, b'{']),
        }))
        .unwrap();
        assert_eq!((letter.number, letter.driver.as_str()), (7, "git"));
        assert_eq!((letter.reason(), letter.attempts()), ("not: JSON", ""));
        assert_eq!(&letter.payload[..], [0xff, b'{']);
    }
}
