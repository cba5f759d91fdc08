//! Questions to JetStream that only operators ask, as it answers them.

use std::time::Duration;

use conveyor_driver::stream::{EventStream, Message, request};
use conveyor_driver::{Error, ErrorCode, Result, subject};
use serde_json::{Value, json};

/// How long an answer may take.
pub(crate) const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Asks on a subject of the JetStream API.
///
/// # Errors
/// `NotFound` when what was asked for does not exist; `Unavailable` when JetStream does not answer;
/// `Internal` with its own words for all else.
pub(crate) async fn ask(stream: &dyn EventStream, subject: &str, body: &Value) -> Result<Value> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = request(stream, Message::new(subject, body), ANSWERS_WITHIN).await;
    let answer = answer.map_err(|error| match error.code() {
        ErrorCode::NotFound => Error::new(ErrorCode::Unavailable, "JetStream does not answer")
            .with_context("subject", subject),
        _ => error,
    })?;
    let answer: Value = serde_json::from_slice(&answer.payload).map_err(|error| {
        Error::new(ErrorCode::Internal, "JetStream's answer is not JSON").with_source(error)
    })?;
    match answer.get("error") {
        None => Ok(answer),
        Some(error) => Err(refusal(error).with_context("subject", subject)),
    }
}

fn refusal(error: &Value) -> Error {
    const NOT_FOUND: u64 = 404;
    let text = error["description"].as_str().unwrap_or("JetStream refused");
    let code = match error["code"].as_u64() {
        Some(NOT_FOUND) => ErrorCode::NotFound,
        _ => ErrorCode::Internal,
    };
    Error::new(code, text)
}

/// The consumers of a stream, as JetStream describes them.
pub(crate) async fn consumers(stream: &dyn EventStream, name: &str) -> Result<Vec<Value>> {
    let subject = format!("$JS.API.CONSUMER.LIST.{name}");
    let mut all = Vec::new();
    loop {
        let page = ask(stream, &subject, &json!({ "offset": all.len() })).await?;
        let found = page["consumers"].as_array().cloned().unwrap_or_default();
        let total = page["total"].as_u64().unwrap_or(0);
        let none = found.is_empty();
        all.extend(found);
        if none || all.len() as u64 >= total {
            return Ok(all);
        }
    }
}

/// Whether an event published to this subject would be kept for anyone.
pub(crate) async fn is_wanted(stream: &dyn EventStream, event: &str) -> Result<bool> {
    let consumers = consumers(stream, subject::MESSAGES_STREAM).await?;
    Ok(consumers.iter().flat_map(filters).any(|filter| subject::matches(&filter, event)))
}

/// The subjects that a consumer takes.
pub(crate) fn filters(consumer: &Value) -> Vec<String> {
    let config = &consumer["config"];
    let many = config["filter_subjects"].as_array().into_iter().flatten();
    let filters: Vec<_> = many
        .chain([&config["filter_subject"]])
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if filters.is_empty() { vec![">".to_owned()] } else { filters }
}
