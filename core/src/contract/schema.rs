//! What all schemas have in common.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The definitions of a schema, by the names of their types.
pub(super) type Definitions = Map<String, Value>;

/// How options are read.
pub(super) fn read() -> SchemaSettings {
    SchemaSettings::draft2020_12().for_deserialize().with_transform(RecursiveTransform(reflow))
}

/// How documents are written: with no other members than the schema names.
pub(super) fn written() -> SchemaSettings {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(RecursiveTransform(reflow))
        .with_transform(RecursiveTransform(close))
}

/// The definitions of what `add` asks the generator for.
pub(super) fn definitions(
    settings: SchemaSettings,
    add: impl FnOnce(&mut SchemaGenerator),
) -> Definitions {
    let mut generator = settings.into_generator();
    add(&mut generator);
    generator.take_definitions(true)
}

/// A schema file: each of its documents is one of the definitions.
pub(super) fn file(title: &str, description: &str, definitions: &Definitions) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": prose(description),
        "$defs": definitions,
    })
}

/// The text of a doc comment as paragraphs of one line each.
pub(super) fn prose(doc: &str) -> String {
    let paragraphs = doc.split("\n\n").map(|paragraph| {
        paragraph.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>()
    });
    paragraphs.map(|lines| lines.join(" ")).collect::<Vec<_>>().join("\n\n")
}

fn reflow(schema: &mut Schema) {
    if let Some(Value::String(doc)) = schema.get_mut("description") {
        *doc = prose(doc);
    }
}

fn close(schema: &mut Schema) {
    let named = schema.get("properties").is_some();
    if named && schema.get("additionalProperties").is_none() {
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}
