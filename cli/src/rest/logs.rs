//! `/logs`: stored lines.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use conveyor_driver::message::LogEntry;
use serde::Deserialize;

use super::Shared;
use super::answer::json_of;
use crate::control_plane::LogQuery;

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    pipeline: String,
    #[serde(default)]
    driver: String,
    #[serde(default)]
    runid: String,
}

pub(super) async fn query(
    State(shared): State<Shared>,
    Query(wanted): Query<Wanted>,
) -> Json<Vec<LogEntry>> {
    let given = |text: String| (!text.is_empty()).then_some(text);
    Json(shared.control_plane.logs(&LogQuery {
        run: given(wanted.runid).map(Into::into),
        driver: given(wanted.driver),
        pipeline: given(wanted.pipeline),
    }))
}

pub(super) async fn store(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let Some(body) = json_of(&headers, &body) else {
        return (StatusCode::BAD_REQUEST, "Unprocessable Entity".to_owned());
    };
    match LogEntry::decode(body) {
        Ok(line) => {
            shared.control_plane.keep_line(line);
            (StatusCode::CREATED, "Created".to_owned())
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
    }
}
