//! The headers of a message as bytes, and whether the client library can read them.
//!
//! It gives up its connection when it cannot, and with a stray carriage return itself.

use std::str;

use async_nats::StatusCode;
use async_nats::header::{HeaderName, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::stream::Headers;
use crate::subject::RAW_HEADERS_HEADER;

/// So much of a block goes into one header: a few of them can be shared out between messages.
const PIECE: usize = 8 * 1024;

/// Why the client cannot read a message with these headers; nothing when it can. The rules are those
/// of the client's connection, step by step.
pub(super) fn fault(block: &[u8]) -> Option<&'static str> {
    if block.is_empty() { None } else { read(block).err() }
}

fn read(block: &[u8]) -> Result<(), &'static str> {
    let text = str::from_utf8(block).map_err(|_| "its headers are not UTF-8")?;
    let mut lines = text.lines().peekable();
    let version = lines.next().and_then(|line| line.strip_prefix("NATS/1.0")).map(str::trim);
    let version = version.ok_or("its headers do not begin with their version")?;
    let status = version.split_once(' ').map_or(version, |(status, _)| status.trim());
    if !status.is_empty() && status.parse::<StatusCode>().is_err() {
        return Err("its headers have a status that is none");
    }
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or("a line of its headers has no colon")?;
        name.parse::<HeaderName>().map_err(|_| "a header's name has forbidden characters")?;
        let mut value = value.trim_start().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with(char::is_whitespace)) {
            value.push_str(more);
        }
        let value = value.trim_end().parse::<HeaderValue>();
        value.map_err(|_| "a header's value has a stray carriage return")?;
    }
    Ok(())
}

/// The bytes in a form that can be sent.
pub(super) fn to_headers(block: &[u8]) -> Headers {
    let pieces = block.chunks(PIECE);
    pieces.map(|piece| (RAW_HEADERS_HEADER.into(), STANDARD.encode(piece))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_reads_has_no_fault() {
        for good in [
            "",
            "NATS/1.0\r\n\r\n",
            "NATS/1.0\n\n",
            "NATS/1.0",
            "NATS/1.0 503\r\n\r\n",
            "NATS/1.0   404 No Messages\r\n\r\n",
            "NATS/1.0\r\nA: 1\r\nA:2\r\n\r\n",
            "NATS/1.0\r\nA: b:c\r\n d\r\n\r\n",
            "NATS/1.0\r\nA: \u{e4}\r\r\n\r\n",
            "NATS/1.0\r\n: nameless\r\n\r\n",
            "NATS/1.0\r\nA: no end",
        ] {
            assert_eq!(fault(good.as_bytes()), None, "{good:?}");
        }
    }

    #[test]
    fn what_the_client_cannot_read_says_why() {
        let bad: [&[u8]; 10] = [
            b"\r\n\r\n",
            b"garbage\r\n\r\n",
            b"NATS/2.0\r\nA: 1\r\n\r\n",
            b"NATS/1.0 1000\r\n\r\n",
            b"NATS/1.0 what\r\n\r\n",
            b"NATS/1.0\r\nno colon\r\n\r\n",
            b"NATS/1.0\r\nA b: 1\r\n\r\n",
            b"NATS/1.0\r\n folded: 1\r\n\r\n",
            b"NATS/1.0\r\nA: \xff\r\n\r\n",
            b"NATS/1.0\r\nA: 1\r2\r\n\r\n",
        ];
        for block in bad {
            assert!(fault(block).is_some(), "{:?}", String::from_utf8_lossy(block));
        }
    }

    #[test]
    fn the_bytes_can_be_put_together_again() {
        let block: Vec<u8> = (0..=u8::MAX).cycle().take(PIECE * 2 + 1).collect();
        let headers = to_headers(&block);
        assert_eq!(headers.len(), 3);
        let decoded = headers.iter().map(|(_, value)| STANDARD.decode(value).expect("base64"));
        assert_eq!(decoded.collect::<Vec<_>>().concat(), block);
    }
}
