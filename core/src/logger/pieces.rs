//! Cuts text into pieces that fit a message once they are escaped.

/// The pieces of `text`, each of which has at most `limit` bytes as the inside of a JSON string. Cut
/// between characters only. The empty text is one piece. A limit below one character's worth counts
/// as that.
pub(super) fn pieces(text: &str, limit: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let end = end_of_piece(text, limit);
        if end < text.len() {
            rest = Some(&text[end..]);
        }
        Some(&text[..end])
    })
}

/// The most bytes a character can take when escaped: `\u0000`.
const LONGEST_ESCAPE: usize = 6;

fn end_of_piece(text: &str, limit: usize) -> usize {
    if text.len() <= limit / LONGEST_ESCAPE {
        return text.len();
    }
    let limit = limit.max(LONGEST_ESCAPE);
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += match c {
            '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
            c if c < ' ' => LONGEST_ESCAPE,
            c => c.len_utf8(),
        };
        if used > limit {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_empty_text_is_one_piece() {
        assert_eq!(pieces("", 10).collect::<Vec<_>>(), [""]);
    }

    proptest! {
        #[test]
        fn pieces_fit_and_make_up_the_text(text in "(?s).{0,200}", limit in 6_usize..80) {
            let parts: Vec<_> = pieces(&text, limit).collect();
            prop_assert_eq!(parts.concat(), text.clone());
            for part in parts {
                let escaped = serde_json::to_string(part).unwrap().len() - 2;
                prop_assert!(escaped <= limit, "{:?} has {}", part, escaped);
            }
        }
    }
}
