//! Server-sent events, as far as the API uses them: data and comments.

use bytes::{Buf, BytesMut};

/// Takes bytes as they come and gives the data of whole events.
#[derive(Debug, Default)]
pub(super) struct ServerEvents {
    buffer: BytesMut,
    /// The data of the event that is not whole yet.
    data: Option<Vec<u8>>,
    searched: usize,
}

impl ServerEvents {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// How much waits for the rest of its event.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.buffer.len() + self.data.as_ref().map_or(0, Vec::len)
    }

    /// The data of the next event that is whole.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let Some(end) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n')
            else {
                self.searched = self.buffer.len();
                return None;
            };
            let line = self.buffer.split_to(self.searched + end);
            self.buffer.advance(1);
            self.searched = 0;
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            if line.is_empty() {
                if let Some(data) = self.data.take() {
                    return Some(data);
                }
                continue;
            }
            // Comments keep the connection alive. Other lines are the rest of data with line breaks.
            if line.starts_with(b":") {
                continue;
            }
            let value = line.strip_prefix(b"data:").unwrap_or(line);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                none => *none = Some(value.to_vec()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] =
        b": heartbeat\n\ndata: {\"a\":1}\n\ndata: x\r\n\r\n:\n\ndata:y\ndata: z\n\n";

    #[test]
    fn data_comes_and_comments_do_not() {
        let mut events = ServerEvents::default();
        events.add(TEXT);
        let found: Vec<_> = std::iter::from_fn(|| events.next()).collect();
        assert_eq!(found, [&b"{\"a\":1}"[..], b"x", b"y\nz"]);
        events.add(b"data: rest");
        assert_eq!((events.next(), events.waiting_bytes()), (None, 10));
    }

    proptest! {
        #[test]
        fn wherever_the_bytes_are_cut_the_events_are_the_same(cuts in proptest::collection::vec(1..9_usize, 0..40)) {
            let (mut events, mut found, mut rest) = (ServerEvents::default(), Vec::new(), TEXT);
            for cut in cuts.into_iter().chain([TEXT.len()]) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                rest = later;
                events.add(now);
                found.extend(std::iter::from_fn(|| events.next()));
            }
            prop_assert_eq!(found, [&b"{\"a\":1}"[..], b"x", b"y\nz"]);
        }
    }
}
