//! `/resources`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use conveyor_driver::ErrorCode;
use conveyor_driver::message::Resource;
use serde_json::{Value, json};

use super::Shared;
use super::answer::{Refusal, json_of};
use super::segments::Segments;
use crate::control_plane::go_json;

pub(super) async fn create(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let resource = read(&headers, &body)?;
    let (resource_type, name, pipeline) =
        (resource.resource.clone(), resource.name.clone(), resource.pipeline.clone());
    let posted = shared.control_plane.post(resource).await;
    let run = posted.map_err(|error| match error.code() {
        ErrorCode::Conflict => Refusal::failed(format!(
            "Failed to insert resource: resource with name {name} and type {resource_type} already exists"
        )),
        ErrorCode::NotFound => Refusal::failed("Failed to get pipeline: pipeline not found"),
        ErrorCode::MessageInvalid if !pipeline.is_empty() => {
            Refusal::bad(format!("Pipeline {pipeline} is for another resource type"))
        }
        ErrorCode::MessageInvalid => Refusal::bad("Resource type cannot be part of a subject"),
        _ => Refusal::failed(format!("Failed to publish: {error}")),
    })?;
    let answer = json!({
        "message": "Resource created successfully", "name": name, "runid": run, "version": "1",
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

/// The server has this route, and its handler wants what the route lacks.
pub(super) async fn list() -> Refusal {
    Refusal::bad("Resource type is required")
}

pub(super) async fn get(
    State(shared): State<Shared>,
    Segments([resource_type, name]): Segments<2>,
) -> Result<Response, Refusal> {
    let found = shared.control_plane.resource(&resource_type, &name);
    found.as_ref().map(document).ok_or_else(|| {
        not_found(&format!("resource with name {name} and type {resource_type} not found"))
    })
}

pub(super) async fn version(
    State(shared): State<Shared>,
    Segments([resource_type, name, version]): Segments<3>,
) -> Result<Response, Refusal> {
    let found = shared.control_plane.version(&resource_type, &name, &version);
    found.as_ref().map(document).ok_or_else(|| {
        not_found(&format!(
            "resource with name {name}, type {resource_type} and version {version} not found"
        ))
    })
}

pub(super) async fn update(
    State(shared): State<Shared>,
    Segments([resource_type, name]): Segments<2>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let resource = read(&headers, &body)?;
    let updated = shared.control_plane.update(&resource_type, &name, resource);
    updated.as_ref().map(document).map_err(|_| {
        let reason = format!("resource with name {name} and type {resource_type} not found");
        Refusal::failed(format!("Failed to update resource: {reason}: {reason}"))
    })
}

pub(super) async fn delete(
    State(shared): State<Shared>,
    Segments([resource_type, name]): Segments<2>,
) -> StatusCode {
    // The server does not say whether there was one.
    let _there = shared.control_plane.delete(&resource_type, &name);
    StatusCode::NO_CONTENT
}

fn read(headers: &HeaderMap, body: &Bytes) -> Result<Resource, Refusal> {
    let resource = json_of(headers, body).and_then(|body| Resource::decode(body).ok());
    let resource = resource.ok_or_else(|| Refusal::bad("Invalid request payload"))?;
    if resource.metadata.values().any(|value| !value.is_string()) {
        return Err(Refusal::bad("Invalid request payload"));
    }
    if resource.resource.is_empty() {
        return Err(Refusal::bad("Resource type is required"));
    }
    Ok(resource)
}

fn not_found(reason: &str) -> Refusal {
    Refusal::failed(format!("Failed to find resource: {reason}"))
}

fn document(resource: &Resource) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], go_json::to_string(resource)).into_response()
}
