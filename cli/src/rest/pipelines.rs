//! `/pipelines`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::Shared;
use super::answer::{Refusal, json_of};
use crate::control_plane::Pipeline;

pub(super) async fn create(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let document = json_of(&headers, &body)
        .and_then(|body| serde_json::from_slice::<Value>(body).ok())
        .ok_or_else(|| Refusal::bad("Invalid request payload"))?;
    let pipeline: Pipeline = serde_json::from_value(document.clone())
        .map_err(|_| Refusal::bad("Invalid request payload"))?;
    shared.control_plane.pipeline(pipeline);
    Ok((StatusCode::CREATED, Json(document)))
}
