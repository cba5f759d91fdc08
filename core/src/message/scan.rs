//! A quick look at JSON text: where the members of an object stand, and what a text says.
//!
//! Every event passes here, and a parser that builds nothing still takes several times as long. What
//! is found is what the parser would find (the tests hold the two together); for whatever needs a
//! closer look, such as deep nesting or half a surrogate pair, nothing is found.

use std::borrow::Cow;

use super::words::{WORD, plain_bytes, word_at};

/// The members of these names in a whole document that is an object; of doubled ones the last. And what the
/// member with the name at `told` says if it is text: found on the way, since that of an event is nearly all
/// of it.
pub(super) fn members_and_said<'a, const N: usize>(
    text: &'a str,
    names: &[&str; N],
    told: usize,
) -> Option<([Option<&'a str>; N], Option<String>)> {
    let (mut found, mut said) = ([None; N], None);
    let scan = each_member(text, |name, scan| {
        let known = names.iter().position(|known| *known == name);
        let start = scan.at;
        match scan.peek() {
            Some(b'"') if known == Some(told) => said = Some(scan.said()?),
            _ => {
                scan.value()?;
                said = said.take().filter(|_| known != Some(told));
            }
        }
        if let Some(at) = known {
            found[at] = Some(&text[start..scan.at]);
        }
        Some(())
    })?;
    (scan.at == text.len()).then_some((found, said))
}

/// Calls with every member of a whole document that is an object and that all parsers read alike: its
/// numbers are of ordinary size, and it names no halves of characters.
pub(crate) fn each_plain_member<'a>(
    text: &'a str,
    mut member: impl FnMut(&'a str, &'a str) -> Option<()>,
) -> Option<()> {
    let scan = each_member(text, |name, scan| {
        let start = scan.at;
        scan.value()?;
        member(name, &text[start..scan.at])
    })?;
    (scan.at == text.len() && scan.plain).then_some(())
}

/// Whether a document is an object whose members are all text.
pub(super) fn holds_texts_only(text: &str) -> bool {
    let scan = each_member(text, |_, scan| scan.string());
    scan.is_some_and(|scan| scan.at == text.len())
}

/// What a whole document says that is text, if no part of it is escaped.
pub(super) fn unescaped(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.as_bytes().contains(&b'\\')).then_some(inner)
}

/// What a document says that was found to be plain, if it is text; copied where it is escaped.
pub(crate) fn said_plainly(text: &str) -> Option<Cow<'_, str>> {
    unescaped(text).map(Cow::Borrowed).or_else(|| unescape(text).map(Cow::Owned))
}

/// What a whole document says that is text.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut scan = Scan::new(text);
    let said = scan.said()?;
    (scan.at == text.len()).then_some(said)
}

/// Calls with the name of every member of an object and the scan, which it takes past the value. The scan
/// that is given stands where the document ends, white space included.
fn each_member<'a>(
    text: &'a str,
    mut member: impl FnMut(&'a str, &mut Scan<'a>) -> Option<()>,
) -> Option<Scan<'a>> {
    let mut scan = Scan::new(text);
    scan.space();
    scan.one(b'{')?;
    scan.space();
    if scan.one(b'}').is_none() {
        loop {
            let name = scan.at;
            scan.string()?;
            let name = unescaped(&text[name..scan.at])?;
            scan.space();
            scan.one(b':')?;
            scan.space();
            member(name, &mut scan)?;
            scan.space();
            if scan.one(b'}').is_some() {
                break;
            }
            scan.one(b',')?;
            scan.space();
        }
    }
    scan.space();
    Some(scan)
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether nothing was met that some parsers refuse and others round or replace.
    plain: bool,
}

impl<'a> Scan<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0, plain: true }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn one(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Option<()> {
        self.one(b'"')?;
        loop {
            let plain = plain_bytes(word_at(self.text, self.at));
            self.at += plain;
            if plain == WORD {
                continue;
            }
            let special = self.peek()?;
            self.at += 1;
            match special {
                b'"' => return Some(()),
                b'\\' => match self.peek()? {
                    b'"' | b'\\' | b'/' | b'n' | b't' | b'r' | b'b' | b'f' => self.at += 1,
                    b'u' => {
                        self.at += 1;
                        self.plain &= char::from_u32(self.number_of_character()?).is_some();
                    }
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    /// The four digits that an escape names a character by.
    fn number_of_character(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |number, digit| {
            char::from(*digit).to_digit(16).map(|digit| number * 16 + digit)
        })
    }

    /// A text, and what it says.
    fn said(&mut self) -> Option<String> {
        self.one(b'"')?;
        // Whole words are copied, and what is too much of one is written over by the next.
        let mut said = vec![0; self.text.len() - self.at + WORD];
        let mut to = 0;
        loop {
            let word = word_at(self.text, self.at);
            said[to..to + WORD].copy_from_slice(&word.to_le_bytes());
            let plain = plain_bytes(word);
            self.at += plain;
            to += plain;
            if plain == WORD {
                continue;
            }
            let special = self.peek()?;
            self.at += 1;
            match special {
                b'"' => break,
                b'\\' => {}
                _ => return None,
            }
            let escaped = self.peek()?;
            self.at += 1;
            said[to] = match escaped {
                b'"' | b'\\' | b'/' => escaped,
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'b' => 8,
                b'f' => 12,
                b'u' => {
                    // Halves of a pair are no character.
                    let character = char::from_u32(self.number_of_character()?)?;
                    to += character.encode_utf8(&mut said[to..]).len();
                    continue;
                }
                _ => return None,
            };
            to += 1;
        }
        said.truncate(to);
        String::from_utf8(said).ok()
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        const ORDINARY_BYTES: usize = 100;
        let start = self.at;
        let _sign = self.one(b'-');
        if self.one(b'0').is_none() {
            self.digits()?;
        }
        if self.one(b'.').is_some() {
            self.digits()?;
        }
        self.plain &= self.at - start <= ORDINARY_BYTES;
        if self.one(b'e').or_else(|| self.one(b'E')).is_some() {
            self.plain = false;
            let _sign = self.one(b'+').or_else(|| self.one(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    /// A value of any kind, however it is nested, up to the depth that the bits of `open` hold.
    fn value(&mut self) -> Option<()> {
        // Innermost last: a set bit is an object, a clear one a list; the highest marks the end.
        let mut open: u64 = 1;
        loop {
            match self.peek()? {
                b'"' => self.string()?,
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                b'n' => self.word("null")?,
                bracket @ (b'{' | b'[') => {
                    self.at += 1;
                    if open.leading_zeros() == 0 {
                        return None;
                    }
                    let object = bracket == b'{';
                    open = open << 1 | u64::from(object);
                    self.space();
                    if !self.closes(&mut open) {
                        if object {
                            self.name()?;
                        }
                        continue;
                    }
                }
                _ => return None,
            }
            loop {
                if open == 1 {
                    return Some(());
                }
                self.space();
                if self.closes(&mut open) {
                    continue;
                }
                self.one(b',')?;
                self.space();
                if open & 1 == 1 {
                    self.name()?;
                }
                break;
            }
        }
    }

    /// Takes the bracket that closes the innermost object or list, if it is next.
    fn closes(&mut self, open: &mut u64) -> bool {
        let closed = self.one(if *open & 1 == 1 { b'}' } else { b']' }).is_some();
        if closed {
            *open >>= 1;
        }
        closed
    }

    /// The name of a member, up to its value.
    fn name(&mut self) -> Option<()> {
        self.string()?;
        self.space();
        self.one(b':')?;
        self.space();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::members::parsed;
    use proptest::prelude::*;

    const NAMES: [&str; 2] = ["a", "b"];

    /// Text that is JSON, or nearly so.
    fn json_like() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\":",
            "\"b\" : ",
            "\"c\":",
            "\"\"",
            "\"x\\n\"",
            "\"\\u00e4\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud800\"",
            "\"\\u00g0\"",
            "\"\\x\"",
            "\"\\",
            "null",
            "true",
            "fals",
            "0",
            "-1",
            "01",
            "1.5e+9",
            "1.",
            "-",
            "1e",
            " ",
            "\n",
            "\t",
            "ä",
            "\u{0}",
            "{}",
            "[]",
            "{\"a\":1}",
            "[1,2]",
            "\"a\"",
            "\"\\u0061\":1",
        ]);
        prop::collection::vec(token, 0..12).prop_map(|tokens| format!("{{{}}}", tokens.concat()))
    }

    /// A value of any kind as text, with space where it may be.
    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|yes| yes.to_string()),
            any::<f64>().prop_filter_map("JSON has no such number", |n| {
                n.is_finite().then(|| format!("{n:e}"))
            }),
            ".*".prop_map(|text: String| serde_json::Value::from(text).to_string()),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5)
                    .prop_map(|items| { format!("[ {} ]", items.join(" , ")) }),
                prop::collection::vec(("[abc\"\\\\]{0,2}", inner), 0..5).prop_map(|members| {
                    let members = members.into_iter().map(|(name, value)| {
                        format!("{} :\n{value}", serde_json::Value::from(name))
                    });
                    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    fn members(text: &str) -> Option<[Option<&str>; 2]> {
        members_and_said(text, &NAMES, NAMES.len()).map(|(found, _)| found)
    }

    fn agrees(text: &str) -> Result<(), TestCaseError> {
        let found = members(text);
        if let Some(found) = found {
            prop_assert_eq!(found, parsed("it", text, NAMES).expect("the parser reads it"));
        }
        for told in 0..NAMES.len() {
            if let Some((same, said)) = members_and_said(text, &NAMES, told) {
                prop_assert_eq!(Some(same), found);
                let text = same[told].filter(|value| value.starts_with('"'));
                prop_assert_eq!(said, text.map(|text| unescape(text).expect("it was read")));
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_the_parser_finds(text in json_like()) {
            agrees(&text)?;
        }

        #[test]
        fn what_is_found_in_documents_is_what_the_parser_finds(a in json(), b in json()) {
            let text = format!(" {{\"a\":{a},\"x\":[{b}], \"b\" :{b} }}");
            agrees(&text)?;
            if !text.contains("\\\"") && !text.contains("\\\\") {
                prop_assert!(members(&text).is_some(), "plain, and yet not found");
            }
        }

        #[test]
        fn what_is_unescaped_is_what_the_parser_reads(text in "\"(\\\\[\"\\\\/bfnrtux]|[0-9a-f]{4}|[a-zä+])*\"") {
            let told = serde_json::from_str::<String>(&text).ok();
            let mut scan = Scan::new(&text);
            let is_text = scan.string().is_some() && scan.at == text.len();
            // The parser puts halves together that meet.
            prop_assert!(is_text || told.is_none());
            prop_assert_eq!(unescape(&text), told.filter(|_| scan.plain));
        }
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |depth| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(members(&nested(63)).is_some());
        assert!(members(&nested(64)).is_none());
    }

    #[test]
    fn only_objects_of_texts_hold_texts_only() {
        assert!(holds_texts_only(r#"{"a":"x\n","b" : ""}"#) && holds_texts_only("{}"));
        for other in [r#"{"a":1}"#, r#"{"a":"x"} 1"#, r#"["a"]"#, r#"{"a":"x""#, ""] {
            assert!(!holds_texts_only(other), "{other}");
        }
    }
}
