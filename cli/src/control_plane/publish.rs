//! Publishing until the message is stored.

use std::future::Future;
use std::time::Duration;

use conveyor_driver::stream::{EventStream, Message, Stored};
use conveyor_driver::{Error, ErrorCode, Result};
use tokio::time::sleep;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Publishes the message, again and again while that may help, until it is stored or it is time to
/// give up. It must carry an id, so that it is stored once.
///
/// # Errors
/// The last error when given up; `TooLarge`, `Closed` and whatever else cannot pass at once.
pub(super) async fn store(
    stream: &dyn EventStream,
    message: &Message,
    give_up: impl Future<Output = ()>,
) -> Result<Stored> {
    let mut pause = FIRST_PAUSE;
    tokio::pin!(give_up);
    loop {
        let error = match attempt(stream, message).await {
            Ok(stored) => return Ok(stored),
            Err(error) if may_pass(&error) => error,
            Err(error) => return Err(error),
        };
        tokio::select! {
            () = &mut give_up => return Err(error),
            () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

async fn attempt(stream: &dyn EventStream, message: &Message) -> Result<Stored> {
    stream.publish(message.clone()).await?.await
}

/// A stream without a leader looks like none at all.
fn may_pass(error: &Error) -> bool {
    error.code().retryable() || error.code() == ErrorCode::NotFound
}
