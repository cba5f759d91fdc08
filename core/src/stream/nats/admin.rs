//! Streams and consumers, over JetStream's request subjects.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::documents::{
    ConsumerDocument, Held, HeldDocument, StreamDocument, Unsettled, new_stream, put_consumer,
};
use super::error::{ApiError, malformed};
use super::session::{Session, nobody_listens};
use crate::error::{Error, ErrorCode, Result};
use crate::stream::{ConsumerConfig, ConsumerInfo, StreamConfig};

pub(super) async fn put_stream(session: &Session, config: &StreamConfig) -> Result<()> {
    let name = &config.name;
    let create = format!("$JS.API.STREAM.CREATE.{name}");
    let existing = match stream_document(session, name).await? {
        Some(document) => document,
        None => match call::<Value>(session, &create, &new_stream(config)).await? {
            Ok(_) => return Ok(()),
            // Another instance was faster.
            Err(error) if error.is_stream_name_in_use() => {
                match stream_document(session, name).await? {
                    Some(document) => document,
                    None => return Err(error.into_error(&create)),
                }
            }
            Err(error) => return Err(error.into_error(&create)),
        },
    };
    // An update that changes nothing is not free: in a cluster it can drop delayed messages.
    if existing.to_config() == *config {
        return Ok(());
    }
    let update = format!("$JS.API.STREAM.UPDATE.{name}");
    call::<Value>(session, &update, &existing.changed_to(config))
        .await?
        .map(|_| ())
        .map_err(|error| error.into_error(&update))
}

pub(super) async fn stream(session: &Session, name: &str) -> Result<Option<StreamConfig>> {
    Ok(stream_document(session, name).await?.map(|document| document.to_config()))
}

async fn stream_document(session: &Session, name: &str) -> Result<Option<StreamDocument>> {
    let subject = format!("$JS.API.STREAM.INFO.{name}");
    match call(session, &subject, &Value::Null).await? {
        Ok(document) => Ok(Some(document)),
        Err(error) if error.is_stream_not_found() => Ok(None),
        Err(error) => Err(error.into_error(&subject)),
    }
}

/// Whether there is a stream that should take a subject, though none may answer just now.
pub(super) async fn has_stream_for(session: &Session, subject: &str) -> Result<bool> {
    #[derive(Deserialize)]
    struct Names {
        streams: Option<Vec<String>>,
    }
    const NAMES: &str = "$JS.API.STREAM.NAMES";
    call::<Names>(session, NAMES, &json!({ "subject": subject }))
        .await?
        .map(|names| names.streams.is_some_and(|streams| !streams.is_empty()))
        .map_err(|error| error.into_error(NAMES))
}

pub(super) async fn put(
    session: &Session,
    stream: &str,
    config: &ConsumerConfig,
) -> Result<ConsumerInfo> {
    let subject = format!("$JS.API.CONSUMER.CREATE.{stream}.{}", config.name);
    call::<ConsumerDocument>(session, &subject, &put_consumer(stream, config))
        .await?
        .map(ConsumerDocument::into_info)
        .map_err(|error| error.into_error(&subject))
}

pub(super) async fn consumer(
    session: &Session,
    stream: &str,
    name: &str,
) -> Result<Option<ConsumerInfo>> {
    Ok(consumer_document(session, stream, name).await?.map(ConsumerDocument::into_info))
}

/// Where a consumer may have messages that were delivered again and again.
pub(super) async fn redelivered(
    session: &Session,
    stream: &str,
    name: &str,
) -> Result<Option<Unsettled>> {
    Ok(consumer_document(session, stream, name).await?.and_then(|found| found.redelivered()))
}

async fn consumer_document(
    session: &Session,
    stream: &str,
    name: &str,
) -> Result<Option<ConsumerDocument>> {
    let subject = format!("$JS.API.CONSUMER.INFO.{stream}.{name}");
    match call::<ConsumerDocument>(session, &subject, &Value::Null).await? {
        Ok(document) => Ok(Some(document)),
        Err(error) if error.is_consumer_not_found() => Ok(None),
        Err(error) => Err(error.into_error(&subject)),
    }
}

pub(super) async fn delete_consumer(session: &Session, stream: &str, name: &str) -> Result<()> {
    let subject = format!("$JS.API.CONSUMER.DELETE.{stream}.{name}");
    match call::<Value>(session, &subject, &Value::Null).await? {
        Ok(_) => Ok(()),
        Err(error) if error.is_consumer_not_found() || error.is_stream_not_found() => Ok(()),
        Err(error) => Err(error.into_error(&subject)),
    }
}

/// The first message on these subjects from this sequence on. Its headers come as bytes in a document,
/// so that the client does not read them.
pub(super) async fn held_from(
    session: &Session,
    stream: &str,
    sequence: u64,
    filter: &str,
) -> Result<Option<Held>> {
    let subject = format!("$JS.API.STREAM.MSG.GET.{stream}");
    let from = json!({ "seq": sequence, "next_by_subj": filter });
    match call::<HeldDocument>(session, &subject, &from).await? {
        Ok(document) => document.into_held().map(Some).map_err(|error| {
            Error::new(ErrorCode::Internal, "the server's answer has an unknown form")
                .with_context("subject", subject)
                .with_source(error)
        }),
        Err(error) if error.is_no_message_found() => Ok(None),
        Err(error) => Err(error.into_error(&subject)),
    }
}

/// One request to JetStream: the outer error is ours, the inner one JetStream's own word.
async fn call<T: DeserializeOwned>(
    session: &Session,
    subject: &str,
    body: &Value,
) -> Result<Result<T, ApiError>> {
    #[derive(Deserialize)]
    struct Refusal {
        error: Option<ApiError>,
    }
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let reply = session.request(subject, body).await?;
    if nobody_listens(&reply) {
        return Err(Error::new(ErrorCode::Unavailable, "JetStream does not answer")
            .with_context("subject", subject));
    }
    let read = |error| malformed(subject, error);
    if let Refusal { error: Some(error) } = serde_json::from_slice(&reply.payload).map_err(read)? {
        return Ok(Err(error));
    }
    serde_json::from_slice(&reply.payload).map(Ok).map_err(read)
}
