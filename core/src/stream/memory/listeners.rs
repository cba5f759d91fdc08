//! Those who listen to subjects as messages pass.

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::{mpsc, watch};

use super::link::Link;
use crate::stream::Message;
use crate::subject;

struct Listener {
    subject: String,
    link: watch::Receiver<Link>,
    sink: mpsc::UnboundedSender<Message>,
}

/// Everybody who listens, over all connections.
#[derive(Default)]
pub(super) struct Listeners(Vec<Listener>);

impl Listeners {
    pub(super) fn add(
        &mut self,
        subject: &str,
        link: watch::Receiver<Link>,
    ) -> BoxStream<'static, Message> {
        let (sink, source) = mpsc::unbounded_channel();
        self.0.push(Listener { subject: subject.to_owned(), link, sink });
        stream::unfold(source, async |mut source| Some((source.recv().await?, source))).boxed()
    }

    /// Hands the message to all who listen to its subject and are connected.
    pub(super) fn tell(&mut self, message: &Message) {
        self.0.retain(|listener| {
            let link = *listener.link.borrow();
            if link == Link::Up && subject::matches(&listener.subject, &message.subject) {
                listener.sink.send(message.clone()).is_ok()
            } else {
                !listener.sink.is_closed()
            }
        });
    }

    /// Ends the subscriptions of closed connections.
    pub(super) fn end_closed(&mut self) {
        self.0.retain(|listener| *listener.link.borrow() != Link::Closed);
    }
}
