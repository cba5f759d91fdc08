//! `/resource-definitions`: kept and given back; the schemas are not looked at.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::Shared;
use super::answer::{Refusal, json_of};
use super::segments::Segments;

type Definition = Map<String, Value>;

pub(super) async fn create(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Definition>), Refusal> {
    let mut definition = read(&headers, &body)?;
    definition.insert("id".to_owned(), uuid::Uuid::now_v7().to_string().into());
    let name = name_of(&definition);
    let mut definitions = shared.definitions();
    if definitions.contains_key(&name) {
        return Err(Refusal::failed(format!(
            "Failed to insert resource definition: resource definition with name {name} already exists"
        )));
    }
    definitions.insert(name, definition.clone());
    Ok((StatusCode::CREATED, Json(definition)))
}

pub(super) async fn apply(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Definition>), Refusal> {
    let definition = read(&headers, &body)?;
    let name = name_of(&definition);
    if name.is_empty() {
        return Err(Refusal::bad("Resource name is required"));
    }
    shared.definitions().insert(name, definition.clone());
    Ok((StatusCode::CREATED, Json(definition)))
}

/// A definition may be called `apply`.
pub(super) async fn get_apply(shared: State<Shared>) -> Result<Json<Definition>, Refusal> {
    get(shared, Segments(["apply".to_owned()])).await
}

pub(super) async fn get(
    State(shared): State<Shared>,
    Segments([name]): Segments<1>,
) -> Result<Json<Definition>, Refusal> {
    let found = shared.definitions().get(&name).cloned();
    found.map(Json).ok_or_else(|| unknown("find", &name))
}

pub(super) async fn update(
    State(shared): State<Shared>,
    Segments([name]): Segments<1>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Definition>, Refusal> {
    let mut definition = read(&headers, &body)?;
    let mut definitions = shared.definitions();
    let stored = definitions.get_mut(&name).ok_or_else(|| unknown("update", &name))?;
    let id = stored.get("id").cloned().unwrap_or_default();
    definition.insert("id".to_owned(), id);
    stored.clone_from(&definition);
    Ok(Json(definition))
}

pub(super) async fn delete(
    State(shared): State<Shared>,
    Segments([name]): Segments<1>,
) -> Result<StatusCode, Refusal> {
    let removed = shared.definitions().remove(&name);
    removed.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| unknown("delete", &name))
}

/// The definition with every member that the server's has.
fn read(headers: &HeaderMap, body: &Bytes) -> Result<Definition, Refusal> {
    let bad = || Refusal::bad("Invalid request payload");
    let body = json_of(headers, body).ok_or_else(bad)?;
    let mut given: Definition = serde_json::from_slice(body).map_err(|_| bad())?;
    let mut definition = Definition::new();
    for member in ["id", "name", "description", "version"] {
        let text = match given.remove(member) {
            None | Some(Value::Null) => Value::String(String::new()),
            Some(Value::String(text)) => Value::String(text),
            Some(_) => return Err(bad()),
        };
        definition.insert(member.to_owned(), text);
    }
    definition.insert("schema".to_owned(), given.remove("schema").unwrap_or_default());
    Ok(definition)
}

fn name_of(definition: &Definition) -> String {
    definition.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn unknown(what: &str, name: &str) -> Refusal {
    Refusal::failed(format!(
        "Failed to {what} resource definition: resource definition with name {name} not found"
    ))
}
