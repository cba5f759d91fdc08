//! Request and reply over what every event stream has: send and subscribe.

use std::time::Duration;

use bytestring::ByteString;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{EventStream, Message};
use crate::error::{Error, ErrorCode, Result};

/// Sends a message and waits for the first answer to it.
///
/// # Errors
/// `NotFound` when nobody listens to the subject, `TimedOut` when nobody answered in time, and those
/// of sending.
pub async fn request(
    stream: &dyn EventStream,
    message: Message,
    most: Duration,
) -> Result<Message> {
    let subject = message.subject.clone();
    let inbox = ByteString::from(format!("_INBOX.{}", uuid::Uuid::now_v7().simple()));
    let mut answers = stream.subscribe(&inbox).await?;
    stream.send(Message { reply: Some(inbox), ..message }).await?;
    match timeout(most, answers.next()).await {
        // The server itself answers where nobody listens, and says nothing.
        Ok(Some(answer)) if answer.payload.is_empty() => {
            Err(Error::new(ErrorCode::NotFound, "nobody listens").with_context("subject", subject))
        }
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(Error::new(ErrorCode::Closed, "the event stream was closed")),
        Err(_) => Err(Error::new(ErrorCode::TimedOut, "nobody answered in time")
            .with_context("subject", subject)),
    }
}
