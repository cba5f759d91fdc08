//! A text as JSON.

use super::words::{WORD, plain_bytes, word_at};

/// Writes a text as a document of its own: what stands between escapes is copied at once.
pub(super) fn escape(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    while from < bytes.len() {
        let mut to = from;
        while to < bytes.len() {
            let plain = plain_bytes(word_at(bytes, to));
            to += plain;
            if plain < WORD {
                break;
            }
        }
        let to = to.min(bytes.len());
        out.extend_from_slice(&bytes[from..to]);
        let Some(&byte) = bytes.get(to) else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            _ => {
                const HEX: [u8; 16] = *b"0123456789abcdef";
                let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        }
        from = to + 1;
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_is_escaped_as_the_serializer_does(text in "(.|[\\x00-\\x20\"\\\\])*") {
            let mut escaped = Vec::new();
            escape(&text, &mut escaped);
            prop_assert_eq!(escaped, serde_json::to_vec(&text).unwrap());
        }
    }
}
