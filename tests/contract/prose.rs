//! What the definitions say, for readers of other languages.

use std::fmt::Write as _;

/// Without links, which lead nowhere outside the Rust documentation, and without what concerns Rust alone.
pub(crate) fn plain(doc: &str) -> String {
    let mut out = String::new();
    let mut rest = doc;
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((name, after)) = after.split_once("`](") else { break };
        let after = after.split_once(')').map_or("", |(_, after)| after);
        let _ = write!(out, "{before}`{name}`");
        rest = after;
    }
    out += rest;
    let of_rust =
        |paragraph: &&str| ["`Debug`", "`Display`"].iter().any(|it| paragraph.starts_with(it));
    let kept = out.split("\n\n").filter(|paragraph| !of_rust(paragraph));
    kept.collect::<Vec<_>>().join("\n\n")
}

/// In lines of so many characters; an empty one between paragraphs.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split("\n\n") {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
        lines.push(line);
    }
    lines
}
