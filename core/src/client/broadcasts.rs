//! Messages to whoever listens on NATS outside of any stream.

use super::Client;
use super::request::{Method, Repeat, Request};
use super::resources::nothing;
use crate::error::Result;
use crate::message::DriverMessage;

/// The broadcasts of the API.
#[derive(Clone, Copy, Debug)]
pub struct Broadcasts<'a>(pub(super) &'a Client);

impl Broadcasts<'_> {
    /// Has the API publish a message on the NATS subject `application`, with an `id` that it makes. No
    /// stream keeps it and no driver listens there: post a resource to start a run.
    ///
    /// # Errors
    /// Those of every call. It is not repeated when it may have been done.
    pub async fn send(&self, message: &DriverMessage) -> Result<()> {
        self.0.call(&send(message), nothing).await
    }
}

/// Asks for a message to be published.
#[must_use]
pub fn send(message: &DriverMessage) -> Request {
    let place = "/drivers/broadcast-message".to_owned();
    let mut request = Request::new(Method::Post, place, Repeat::OnlyUnsent);
    request.body = Some(message.encode());
    request
}
