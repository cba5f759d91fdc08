//! The answer to an event: its bytes, which always fit, and its way into the stream.

use std::pin::pin;

use bytes::Bytes;
use bytestring::ByteString;
use serde_json::{Value, json};

use super::event::Event;
use super::life::{Life, rarely};
use super::message_id;
use super::settle::CutOff;
use crate::error::{Error, ErrorCode, Result};
use crate::fault_point;
use crate::message::{DriverMessage, DriverResult, Echo, encode_answer};
use crate::patience::Patience;
use crate::stream::Message;
use crate::subject::DRIVER_RESULT;

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    Stored,
    LeaseLost,
    Stopped,
}

/// Publishes the answer, and tries again until it is stored, the lease is lost or the driver ends.
///
/// # Errors
/// `TooLarge` when not even the shortest answer is accepted.
pub(super) async fn publish(
    life: &Life,
    event: &Event,
    result: &DriverResult,
) -> Result<Published> {
    let (stream, driver) = (&life.stream, &*life.name);
    let id = message_id::of_result(driver, &event.message, event.delivery.sequence);
    let mut patience = Patience::for_server();
    // The stream may take less than the server.
    let mut ceiling = usize::MAX;
    let mut composed: Option<(usize, Bytes)> = None;
    loop {
        let limit = stream.max_payload().min(ceiling);
        let room = limit.saturating_sub(HEADER_BYTES + id.len());
        if composed.as_ref().is_none_or(|(for_room, _)| *for_room != room) {
            let bytes = if is_large(&event.message, result) {
                rarely(compose_aside(driver, &event.message, result, room)).await?
            } else {
                compose(driver, &event.message, result, room)?
            };
            composed = Some((room, bytes));
        }
        let bytes = composed.as_ref().map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        let size = bytes.len();
        let letter = Message::new(ByteString::from_static(DRIVER_RESULT), bytes).with_id(&id);
        let storing = async move {
            stream.ready().await;
            stream.publish(letter).await?.await
        };
        let error = match life.unless_cut_off(event, pin!(storing)).await {
            Ok(Ok(_)) => {
                fault_point::reached("after-result-ack");
                return Ok(Published::Stored);
            }
            Ok(Err(error)) => error,
            Err(cut_off) => return Ok(cut_off.into()),
        };
        match error.code() {
            ErrorCode::Closed => return Ok(Published::Stopped),
            ErrorCode::TooLarge => {
                ceiling = size / 2;
                continue;
            }
            _ => {}
        }
        if patience.speaks() {
            tracing::warn!(
                driver, run_id = %event.message.run_id, %error,
                "a result cannot be stored; it is kept and tried again"
            );
        }
        let waited = life.unless_cut_off(event, pin!(rarely(patience.wait()))).await;
        if let Err(cut_off) = waited {
            return Ok(cut_off.into());
        }
    }
}

impl From<CutOff> for Published {
    fn from(cut_off: CutOff) -> Self {
        match cut_off {
            CutOff::LeaseLost => Self::LeaseLost,
            CutOff::End => Self::Stopped,
        }
    }
}

/// What the id header takes beside the id itself.
const HEADER_BYTES: usize = 64;

fn is_large(message: &DriverMessage, result: &DriverResult) -> bool {
    const LARGE_BYTES: usize = 256 * 1024;
    let mut budget = LARGE_BYTES.saturating_sub(message.payload.len());
    budget == 0 || !fits(&result.data, &mut budget)
}

/// What a large answer takes to compose must not hold up leases: it is done on another thread.
async fn compose_aside(
    driver: &str,
    message: &DriverMessage,
    result: &DriverResult,
    room: usize,
) -> Result<Bytes> {
    let (driver, message, result) = (driver.to_owned(), message.clone(), result.clone());
    let composing = tokio::task::spawn_blocking(move || compose(&driver, &message, &result, room));
    composing.await.map_err(|error| {
        Error::new(ErrorCode::Internal, "an answer could not be composed").with_source(error)
    })?
}

/// Whether a value has about this many bytes at most; takes what it has off the budget.
fn fits(value: &Value, budget: &mut usize) -> bool {
    const SCALAR_BYTES: usize = 8;
    let bytes = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => return items.iter().all(|item| fits(item, budget)),
        Value::Object(members) => {
            return members.iter().all(|(name, value)| {
                *budget = budget.saturating_sub(name.len());
                fits(value, budget)
            });
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => SCALAR_BYTES,
    };
    *budget = budget.saturating_sub(bytes);
    *budget > 0
}

/// The answer in at most `room` bytes. What does not fit is left out and the message says so.
fn compose(
    driver: &str,
    message: &DriverMessage,
    result: &DriverResult,
    room: usize,
) -> Result<Bytes> {
    let mut echo = Echo::of_message(message);
    let whole = encode_answer(&message.run_id, driver, result, &echo);
    if whole.len() <= room {
        return Ok(whole.into());
    }
    // The engine looks the resource up by name and type and reads no more of the echo.
    echo.shorten();
    let without_spec = encode_answer(&message.run_id, driver, result, &echo);
    if without_spec.len() <= room {
        return Ok(without_spec.into());
    }
    tracing::warn!(
        driver, run_id = %message.run_id, bytes = whole.len(), limit_bytes = room,
        "a result is above the server's payload limit: its data is left out"
    );
    let data_bytes = result.data.to_string().len();
    let mut short = DriverResult {
        success: result.success,
        message: format!("{} [data left out: {data_bytes} bytes are too many]", result.message),
        data: json!({"left_out": {"bytes": data_bytes, "limit_bytes": room}}),
    };
    let mut bytes = encode_answer(&message.run_id, driver, &short, &echo);
    if bytes.len() > room {
        const KEPT_CHARS: usize = 1_000;
        short.message = short.message.chars().take(KEPT_CHARS).collect();
        bytes = encode_answer(&message.run_id, driver, &short, &echo);
    }
    if bytes.len() > room {
        return Err(Error::new(ErrorCode::TooLarge, "not even a short answer fits")
            .with_context("bytes", bytes.len())
            .with_context("limit_bytes", room));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Resource, ResultEvent};
    use proptest::prelude::*;

    fn message(spec: &str) -> DriverMessage {
        let resource = Resource {
            name: "app".into(),
            resource: "build".into(),
            pipeline: "ship".into(),
            spec: spec.into(),
            ..Resource::default()
        };
        DriverMessage::new("create", &resource, "id", "run".into())
    }

    proptest! {
        #[test]
        fn whatever_is_too_long_the_answer_fits_and_keeps_its_verdict(
            text in 0_usize..20_000, data in 0_usize..20_000, spec in 0_usize..20_000,
            success in any::<bool>(),
        ) {
            let result = DriverResult {
                success,
                message: "m".repeat(text),
                data: "d".repeat(data).into(),
            };
            let bytes = compose("git", &message(&"s".repeat(spec)), &result, 8_000).unwrap();
            prop_assert!(bytes.len() <= 8_000);
            let read = ResultEvent::decode(&bytes).unwrap();
            prop_assert_eq!(read.result.success, success);
            prop_assert_eq!(&*read.resource.name, "app");
            prop_assert_eq!(&*read.resource.pipeline, "ship");
        }
    }
}
