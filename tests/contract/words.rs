//! What the schemas say to their readers.

use conveyor_driver::contract::{host_schema, messages_schema, options_schema};
use serde_json::Value;

/// Calls `look` with the name and schema of every property.
fn every_property(schema: &Value, look: &mut impl FnMut(&str, &Value)) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        properties.iter().for_each(|(name, property)| look(name, property));
    }
    match schema {
        Value::Object(members) => members.values().for_each(|inner| every_property(inner, look)),
        Value::Array(items) => items.iter().for_each(|inner| every_property(inner, look)),
        _ => {}
    }
}

fn description(property: &Value) -> &str {
    property["description"].as_str().unwrap_or_default()
}

#[test]
fn every_schema_file_is_a_schema() {
    for file in [host_schema(), messages_schema(), options_schema()] {
        jsonschema::meta::validate(&file).unwrap();
    }
}

#[test]
fn every_member_is_described_in_words_for_every_language() {
    for file in [host_schema(), messages_schema(), options_schema()] {
        let mut seen = 0;
        every_property(&file, &mut |name, property| {
            let text = description(property);
            // The tag of a choice is described with what it stands for.
            assert!(!text.is_empty() || property.get("const").is_some(), "{name}: no description");
            assert!(!text.contains("](") && !text.contains("::"), "{name}: for Rust only: {text}");
            seen += 1;
        });
        assert!(seen > 10);
    }
}

#[test]
fn every_variable_is_told_to_machines_and_to_people() {
    let mut variables = 0;
    every_property(&options_schema(), &mut |name, property| {
        let mut told: Vec<_> = description(property)
            .split('`')
            .filter(|word| word.starts_with("CONVEYOR_"))
            .map(str::to_owned)
            .collect();
        let filled = property.get("x-environment").and_then(Value::as_array);
        let mut read: Vec<_> = filled
            .into_iter()
            .flatten()
            .map(|variable| variable["variable"].as_str().unwrap().to_owned())
            .collect();
        variables += read.len();
        told.sort();
        read.sort();
        assert_eq!(told, read, "{name}");
    });
    assert!(variables > 5);
}

#[test]
fn secrets_are_only_written() {
    let mut secrets = Vec::new();
    every_property(&options_schema(), &mut |name, property| {
        if property.get("writeOnly").is_some() {
            secrets.push(name.to_owned());
        }
    });
    assert_eq!(secrets, ["creds", "nkey", "password", "token", "key"]);
}
