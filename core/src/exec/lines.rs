//! Bytes into lines.

use bytes::{Buf, BytesMut};

/// How many bytes of one line are handed over at once; a longer line goes on as the next.
pub(super) const LINE_LIMIT: usize = 256 * 1024;

/// How many bytes are asked of a pipe at a time.
const CHUNK: usize = 16 * 1024;

/// Splits bytes into lines of text, the same however the bytes arrive.
///
/// A line without its end (`\n` or `\r\n`) longer than the limit is cut into pieces of at most the
/// limit, never inside a character. It holds at most the limit and one chunk.
pub(super) struct LineSplitter {
    buffer: BytesMut,
    /// How much of the buffer is known to hold no `\n`.
    scanned: usize,
    limit: usize,
}

impl LineSplitter {
    /// The limit is in bytes and at least 4, the longest character.
    pub(super) fn new(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), scanned: 0, limit: limit.max(4) }
    }

    /// Where the next bytes go. Take all lines before asking again.
    pub(super) fn room(&mut self) -> &mut BytesMut {
        self.buffer.reserve(CHUNK);
        &mut self.buffer
    }

    /// The next line that is surely complete.
    pub(super) fn next_line(&mut self) -> Option<String> {
        let fresh = &self.buffer[self.scanned..];
        let Some(end) = fresh.iter().position(|byte| *byte == b'\n') else {
            self.scanned = self.buffer.len();
            // The next bytes may be a line end, which does not count: "\n", or the "\n" of "\r\n".
            return (self.scanned >= self.limit + 2).then(|| self.cut());
        };
        let end = self.scanned + end;
        let length = if self.buffer[..end].ends_with(b"\r") { end - 1 } else { end };
        if length > self.limit {
            self.scanned = end;
            return Some(self.cut());
        }
        let line = self.take(length);
        self.buffer.advance(end + 1 - length);
        self.scanned = 0;
        Some(line)
    }

    /// The next piece of what is left when no more bytes come.
    pub(super) fn rest(&mut self) -> Option<String> {
        self.next_line().or_else(|| match self.buffer.len() {
            0 => None,
            length if length > self.limit => Some(self.cut()),
            length => {
                self.scanned = 0;
                Some(self.take(length))
            }
        })
    }

    /// Takes the longest piece within the limit that ends between two characters; more must follow.
    fn cut(&mut self) -> String {
        let continues = |at: usize| self.buffer[at] & 0b1100_0000 == 0b1000_0000;
        // No character has more than three continuation bytes; where there are four, any cut is as
        // good as another.
        let at = (self.limit - 3..=self.limit).rev().find(|at| !continues(*at));
        let at = at.unwrap_or(self.limit);
        self.scanned -= at;
        self.take(at)
    }

    fn take(&mut self, length: usize) -> String {
        String::from_utf8_lossy(&self.buffer.split_to(length)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BufMut;
    use proptest::prelude::*;

    fn split<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> Vec<String> {
        let mut splitter = LineSplitter::new(limit);
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.room().put_slice(chunk);
            lines.extend(std::iter::from_fn(|| splitter.next_line()));
            assert!(splitter.buffer.len() < limit + 2);
        }
        lines.extend(std::iter::from_fn(|| splitter.rest()));
        lines
    }

    /// The lines of all bytes at once, without any limit.
    fn plain(bytes: &[u8]) -> Vec<String> {
        let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        let last = lines.pop().filter(|last| !last.is_empty());
        let ended = lines.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        ended.chain(last).map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    #[test]
    fn empty_lines_and_the_last_partial_line_are_kept() {
        assert_eq!(split([&b"a\n\nb\r\n\r\n\rc\r\r\nd"[..]], 64), ["a", "", "b", "", "\rc\r", "d"]);
        assert_eq!(split([&b"a\n"[..]], 64), ["a"]);
        assert_eq!(split([&b"a\r"[..]], 64), ["a\r"]);
        assert!(split([&b""[..]], 64).is_empty());
    }

    #[test]
    fn a_character_in_two_reads_survives() {
        assert_eq!(split([&b"gr\xc3"[..], &b"\xbc\xc3"[..], &b"\x9fe\n"[..]], 64), ["grüße"]);
    }

    #[test]
    fn a_line_end_does_not_count_towards_the_limit() {
        assert_eq!(split([&b"12345678\r\n9"[..]], 8), ["12345678", "9"]);
        assert_eq!(split([&b"12345678\r"[..], &b"\n9"[..]], 8), ["12345678", "9"]);
        assert_eq!(split([&b"123456789\r\n"[..]], 8), ["12345678", "9"]);
        assert_eq!(split([&b"12345678"[..]], 8), ["12345678"]);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(split(["1234567ü9".as_bytes()], 8), ["1234567", "ü9"]);
        assert_eq!(split(["12345😀7\n".as_bytes()], 8), ["12345", "😀7"]);
    }

    /// Any bytes, often those that matter here.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"\n".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"\r\n".to_vec()),
            "[a-zü€😀]{1,12}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 1..8),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn chunking_changes_nothing(
            bytes in bytes(),
            sizes in proptest::collection::vec(1_usize..20, 1..200),
            limit in 4_usize..40,
        ) {
            let mut rest = &bytes[..];
            let mut chunks = Vec::new();
            for size in sizes {
                let (chunk, after) = rest.split_at(size.min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            chunks.push(rest);
            prop_assert_eq!(split(chunks, limit), split([&bytes[..]], limit));
        }

        #[test]
        fn without_long_lines_it_is_plain_splitting(bytes in bytes()) {
            prop_assert_eq!(split([&bytes[..]], 4096), plain(&bytes));
        }

        #[test]
        fn pieces_are_bounded_and_lose_nothing(bytes in bytes(), limit in 4_usize..40) {
            let pieces = split([&bytes[..]], limit);
            // An invalid byte becomes three.
            prop_assert!(pieces.iter().all(|piece| piece.len() <= 3 * limit));
            prop_assert_eq!(pieces.concat(), plain(&bytes).concat());
        }
    }
}
