//! JSON as the server writes it, to the byte: a driver that stumbles over its escapes or its
//! rounded numbers should do so on the laptop.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// The text of a document. Numbers of untyped members are 64-bit floats to the server, so that
/// integers past 2^53 are rounded.
#[must_use]
pub fn to_string(document: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let written = document.serialize(&mut Serializer::with_formatter(&mut bytes, GoFormatter));
    match (written, String::from_utf8(bytes)) {
        (Ok(()), Ok(text)) => text,
        // Only maps with keys that are not text end here, and no document has one.
        _ => String::new(),
    }
}

struct GoFormatter;

impl Formatter for GoFormatter {
    #[allow(clippy::cast_precision_loss)]
    fn write_i64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        self.write_f64(writer, value as f64)
    }

    #[allow(clippy::cast_precision_loss)]
    fn write_u64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        self.write_f64(writer, value as f64)
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let size = value.abs();
        if size != 0.0 && !(1e-6..1e21).contains(&size) {
            let text = format!("{value:e}");
            let signed = if size < 1.0 { text } else { text.replacen('e', "e+", 1) };
            writer.write_all(signed.as_bytes())
        } else {
            write!(writer, "{value}")
        }
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(at);
            let mut characters = special.chars();
            writer.write_all(plain.as_bytes())?;
            if let Some(character) = characters.next() {
                write!(writer, "\\u{:04x}", u32::from(character))?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn numbers_are_floats() {
        for (from, to) in [
            ("9007199254740993", "9007199254740992"),
            ("-9007199254740993", "-9007199254740992"),
            ("18446744073709551615", "18446744073709552000"),
            ("1.50", "1.5"),
            ("1e2", "100"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("-1.5e300", "-1.5e+300"),
            ("0.000001", "0.000001"),
            ("1e-7", "1e-7"),
            ("5e-324", "5e-324"),
            ("-0.0", "-0"),
            ("0", "0"),
        ] {
            let value: Value = serde_json::from_str(from).unwrap();
            assert_eq!(to_string(&value), to, "{from}");
        }
    }

    #[test]
    fn text_is_safe_inside_html() {
        assert_eq!(
            to_string(&json!({ "<a>": "&\u{2028}\u{2029}\u{e4}\n\u{1f}\"\\/" })),
            r#"{"\u003ca\u003e":"\u0026\u2028\u2029"#.to_owned() + "\u{e4}" + r#"\n\u001f\"\\/"}"#
        );
    }
}
