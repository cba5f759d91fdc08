//! What a test may see and do beyond what a driver can.

use super::MemoryStream;
use super::fault::Fault;
use super::link::Link;
use crate::stream::Message;

impl MemoryStream {
    /// Another connection to the same streams. It is cut and closed on its own.
    #[must_use]
    pub fn connection(&self) -> Self {
        Self::connected(self.server.clone(), self.max_payload)
    }

    /// What a stream holds, in its order; empty when there is no such stream.
    #[must_use]
    pub fn messages(&self, stream: &str) -> Vec<Message> {
        let server = self.server();
        server.stream(stream).map(|store| store.messages().cloned().collect()).unwrap_or_default()
    }

    /// How many messages a stream holds; 0 when there is no such stream.
    #[must_use]
    pub fn held(&self, stream: &str) -> usize {
        self.server().stream(stream).map_or(0, |store| store.len())
    }

    /// Removes a stream with its messages and consumers. Nothing happens when there is none.
    pub fn delete_stream(&self, name: &str) {
        self.server().delete_stream(name);
    }

    /// Makes the next publishes to subjects that match the pattern fail with `Unavailable`: they
    /// are neither stored nor heard. Orders are carried out one after another.
    pub fn fail_publishes(&self, pattern: &str, times: usize) {
        self.server().faults.order(pattern, Fault::Refused, times);
    }

    /// Lets the receipts of the next publishes to subjects that match the pattern fail with
    /// `TimedOut` although the messages are stored.
    pub fn lose_receipts(&self, pattern: &str, times: usize) {
        self.server().faults.order(pattern, Fault::ReceiptLost, times);
    }

    /// Lets the next settlements get lost on their way, of all connections. One that was to be
    /// confirmed fails with `TimedOut`.
    pub fn lose_settlements(&self, times: usize) {
        self.server().faults.order_settlements(times);
    }

    /// Cuts this connection. Until [`restore`](Self::restore) publishes and requests fail with
    /// `Unavailable`, what is sent, settled or listened to is lost, and pulls pause.
    pub fn cut(&self) {
        self.change(Link::Cut);
    }

    /// Ends a [`cut`](Self::cut). A closed connection stays closed.
    pub fn restore(&self) {
        self.change(Link::Up);
    }
}
