//! `/drivers/broadcast-message`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use conveyor_driver::stream::Message;
use serde_json::{Map, Value, json};

use super::Shared;
use super::answer::{Refusal, json_of};

/// Where the server sends it: no driver listens there.
const APPLICATION: &str = "application";

pub(super) async fn send(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let bad = || Refusal::bad("could not parse request body");
    let body = json_of(&headers, &body).ok_or_else(bad)?;
    let mut message: Map<String, Value> = serde_json::from_slice(body).map_err(|_| bad())?;
    if message.get("payload").is_some_and(|payload| !payload.is_string()) {
        return Err(bad());
    }
    message.insert("id".to_owned(), uuid::Uuid::now_v7().simple().to_string().into());
    let message = Message::new(APPLICATION, Value::Object(message).to_string());
    shared.stream.send(message).await.map_err(|error| Refusal::failed(error.to_string()))?;
    Ok(Json(json!({ "message": "message published" })))
}
