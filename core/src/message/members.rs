//! The known members of a JSON object: last of duplicates wins, unknown ones are ignored, nothing
//! is built that nobody asked for.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::scan;
use crate::error::{Error, ErrorCode, Result};

/// The nesting that the control plane itself accepts; deeper text is never parsed.
const MAX_DEPTH: usize = 10_000;
/// The largest payload a NATS server can be configured to carry.
const MAX_BYTES: usize = 64 * 1024 * 1024;

pub(super) fn invalid(field: &str, reason: impl fmt::Display) -> Error {
    Error::new(ErrorCode::MessageInvalid, "the document does not have its kind's form")
        .with_context(field, reason)
}

/// The text of a document, after the checks that hold for every document.
pub(super) fn text<'a>(document: &str, bytes: &'a [u8]) -> Result<&'a str> {
    if bytes.len() > MAX_BYTES {
        return Err(invalid(document, format_args!("is larger than {MAX_BYTES} bytes")));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| invalid(document, format_args!("is not UTF-8: {error}")))?;
    check_depth(document, text)?;
    Ok(text)
}

/// Refuses text nested deeper than the control plane's own limit. Brackets inside strings do not
/// count; a text too short to hold that many brackets costs nothing.
pub(super) fn check_depth(document: &str, text: &str) -> Result<()> {
    if text.len() <= MAX_DEPTH {
        return Ok(());
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(invalid(
                        document,
                        format_args!("is nested deeper than {MAX_DEPTH}"),
                    ));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// The text of the members with these keys. `null` counts as absent.
pub(super) fn members<'a, const N: usize>(
    document: &str,
    text: &'a str,
    keys: [&'static str; N],
) -> Result<[Option<&'a str>; N]> {
    members_and_said(document, text, keys, N).map(|(found, _)| found)
}

/// The same, and what the member with the key at `told` says, where the quick look found text there.
pub(super) fn members_and_said<'a, const N: usize>(
    document: &str,
    text: &'a str,
    keys: [&'static str; N],
    told: usize,
) -> Result<([Option<&'a str>; N], Option<String>)> {
    let (found, said) = match scan::members_and_said(text, &keys, told) {
        Some(found) => found,
        None => (parsed(document, text, keys)?, None),
    };
    Ok((found.map(|value| value.filter(|value| *value != "null")), said))
}

/// The same with the parser, which says what is wrong.
pub(super) fn parsed<'a, const N: usize>(
    document: &str,
    text: &'a str,
    keys: [&'static str; N],
) -> Result<[Option<&'a str>; N]> {
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_map(Members(keys))
        .and_then(|found| json.end().map(|()| found))
        .map(|found| found.map(|value| value.map(RawValue::get)))
        .map_err(|error| invalid(document, error))
}

/// A member that must be text when it is there; absent reads as empty.
pub(super) fn string(field: &str, value: Option<&str>) -> Result<String> {
    said(field, value).map(Cow::into_owned)
}

/// The same, copied only where it is escaped.
pub(super) fn said<'a>(field: &str, value: Option<&'a str>) -> Result<Cow<'a, str>> {
    let Some(value) = value else { return Ok(Cow::default()) };
    match scan::said_plainly(value) {
        Some(said) => Ok(said),
        None => parse(field, value).map(Cow::Owned),
    }
}

/// A member of any other type.
pub(super) fn parse<'a, T: Deserialize<'a>>(field: &str, value: &'a str) -> Result<T> {
    serde_json::from_str(value).map_err(|error| invalid(field, error))
}

struct Members<const N: usize>([&'static str; N]);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, const N: usize> Visitor<'de> for Members<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(Key(key)) = map.next_key()? {
            match self.0.iter().position(|known| *known == key) {
                Some(index) => found[index] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}
