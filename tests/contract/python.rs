//! What Python has of the contract: a class for each error code, and types for the documents.

use std::fmt::Write as _;

use conveyor_driver::contract::{
    client_schema, errors, host_schema, messages_schema, options_schema,
};
use serde_json::{Map, Value};

use super::prose::{plain, wrapped};

const HEADER: &str =
    "# Generated from the runtime's own definitions; the test `contract` writes it.\n";
const WIDTH: usize = 100;

/// `_codes.py`.
pub(crate) fn codes() -> String {
    let mut out =
        format!("{HEADER}\"\"\"The errors of the runtime: a class for each code.\"\"\"\n\n");
    out +=
        "from __future__ import annotations\n\nfrom ._error import ConveyorError\n\n__all__ = [\n";
    for row in errors() {
        let _ = writeln!(out, "    \"{}\",", row.name);
    }
    out += "]\n";
    for row in errors() {
        let retryable = if row.retryable { "True" } else { "False" };
        let _ = write!(
            out,
            "\n\nclass {name}(ConveyorError):\n{doc}\n    code = {number}\n    name = \"{name}\"\n    \
             retryable = {retryable}\n",
            name = row.name,
            number = row.number,
            doc = docstring(&row.doc),
        );
    }
    out += "\n\n#: The class of each code.\nBY_NUMBER: dict[int, type[ConveyorError]] = {\n";
    for row in errors() {
        let _ = writeln!(out, "    {}: {},", row.number, row.name);
    }
    out + "}\n"
}

/// How a document is told in Python.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// A dict that the user writes: nothing has to be given but what the schema requires.
    Given,
    /// The same without what is required, for keywords.
    Settings,
    /// A dict with all that the schema has.
    Whole,
    /// A dict that the runtime hands out; what the schema does not require may be missing.
    Told,
    /// An object that the runtime hands out.
    Object,
}

/// `_documents.py`.
pub(crate) fn documents() -> String {
    let [options, messages, host, client] =
        [options_schema(), messages_schema(), host_schema(), client_schema()]
            .map(|schema| schema["$defs"].clone());
    let mut out =
        format!("{HEADER}\"\"\"The documents of the runtime, as Python has them.\"\"\"\n\n");
    out += "from __future__ import annotations\n\nfrom collections.abc import Sequence\n";
    out += "from dataclasses import dataclass\nfrom typing import Any, Literal, TypedDict\n\n";
    out += "from ._error import ConveyorError\n\n__all__ = [\n";
    let told: [(&Value, &str, &str, Form); 22] = [
        (&options, "Serialization", "Serialization", Form::Told),
        (&options, "TlsOptions", "TlsOptions", Form::Given),
        (&options, "ConnectionOptions", "ConnectionOptions", Form::Given),
        (&options, "ClientOptions", "ClientOptions", Form::Given),
        (&options, "ManagerOptions", "ManagerOptions", Form::Given),
        (&options, "DriverOptions", "DriverSettings", Form::Settings),
        (&options, "DriverOptions", "DriverOptions", Form::Whole),
        (&options, "Command", "Command", Form::Whole),
        (&messages, "Level", "Level", Form::Told),
        (&messages, "Resource", "Resource", Form::Told),
        (&messages, "LogEntry", "LogEntry", Form::Told),
        (&client, "NewResource", "NewResource", Form::Given),
        (&client, "CreatedResource", "CreatedResource", Form::Told),
        (&client, "ResourceDefinition", "ResourceDefinition", Form::Given),
        (&client, "PipelineStep", "PipelineStep", Form::Given),
        (&client, "Pipeline", "Pipeline", Form::Given),
        (&client, "NewLogEntry", "NewLogEntry", Form::Given),
        (&client, "GapReason", "GapReason", Form::Told),
        (&client, "LogEvent", "LogEvent", Form::Told),
        (&host, "CancelReason", "CancelReason", Form::Told),
        (&host, "ExecOutput", "ExecOutput", Form::Object),
        (&host, "DriverReport", "DriverReport", Form::Object),
    ];
    let report = [(&host, "DrainReport", "DrainReport", Form::Object)];
    let all: Vec<_> = told.into_iter().chain(report).collect();
    let mut names: Vec<_> = all.iter().map(|(_, _, name, _)| *name).collect();
    names.sort_unstable();
    for name in names {
        let _ = writeln!(out, "    \"{name}\",");
    }
    out += "]\n";
    for (schemas, schema, name, form) in all {
        out += &definition(name, &schemas[schema], form);
    }
    out
}

fn definition(name: &str, schema: &Value, form: Form) -> String {
    let doc = schema["description"].as_str().unwrap_or_default();
    let (properties, required) = members(schema);
    if properties.is_empty() {
        let comment = comment(doc, "");
        return format!("\n\n{comment}{name} = {}\n", python_type(schema, form));
    }
    let is_required = |member: &String| required.contains(member);
    let mut out = "\n\n".to_owned();
    if form == Form::Object {
        let _ = write!(out, "@dataclass(frozen=True)\nclass {name}:\n{}", docstring(doc));
        return out + &fields(properties.iter(), form);
    }
    if matches!(form, Form::Settings | Form::Given) {
        let _ = write!(out, "class {name}(TypedDict, total=False):\n{}", docstring(doc));
        return out + &fields(properties.iter().filter(|(member, _)| !is_required(member)), form);
    }
    let absent: Vec<_> = properties
        .iter()
        .filter(|(member, _)| form == Form::Told && !is_required(member))
        .collect();
    if absent.is_empty() {
        let _ = write!(out, "class {name}(TypedDict):\n{}", docstring(doc));
        return out + &fields(properties.iter(), form);
    }
    let present = properties.iter().filter(|(member, _)| is_required(member));
    let _ = write!(
        out,
        "class _{name}(TypedDict):\n{}",
        fields(present, form).trim_start_matches('\n')
    );
    let _ = write!(out, "\n\nclass {name}(_{name}, total=False):\n{}", docstring(doc));
    out + &fields(absent.into_iter(), form)
}

/// All members of an object, or of all kinds that it may be, and those that are always there.
fn members(schema: &Value) -> (Map<String, Value>, Vec<String>) {
    let names = |schema: &Value| -> Vec<String> {
        serde_json::from_value(schema["required"].clone()).unwrap_or_default()
    };
    let Some(kinds) = schema["oneOf"].as_array().filter(|kinds| kinds[0]["properties"].is_object())
    else {
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        return (properties, names(schema));
    };
    let mut properties = Map::new();
    for (member, property) in
        kinds.iter().filter_map(|kind| kind["properties"].as_object()).flatten()
    {
        match properties.get_mut(member) {
            None => drop(properties.insert(member.clone(), property.clone())),
            Some(Value::Object(known)) => {
                let further = known.entry("oneOf").or_insert_with(|| Value::Array(Vec::new()));
                let further = further.as_array_mut().unwrap();
                further.push(property.clone());
            }
            Some(_) => unreachable!("a property is an object"),
        }
    }
    for property in properties.values_mut().filter_map(Value::as_object_mut) {
        if let Some(constant) = property.remove("const") {
            let kinds = property.entry("oneOf").or_insert_with(|| Value::Array(Vec::new()));
            kinds.as_array_mut().unwrap().insert(0, serde_json::json!({"const": constant}));
        }
    }
    let always = |member: &String| kinds.iter().all(|kind| names(kind).contains(member));
    let required = properties.keys().filter(|member| always(member)).cloned().collect();
    (properties, required)
}

fn fields<'a>(properties: impl Iterator<Item = (&'a String, &'a Value)>, form: Form) -> String {
    let mut out = "\n".to_owned();
    for (member, property) in properties {
        out += &comment(property["description"].as_str().unwrap_or_default(), "    ");
        let _ = writeln!(out, "    {member}: {}", python_type(property, form));
    }
    out
}

fn python_type(schema: &Value, form: Form) -> String {
    let one = |schema: &Value| python_type(schema, form);
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return match name {
            "Error" => "ConveyorError".to_owned(),
            "RunId" => "str".to_owned(),
            "LogLabels" => "dict[str, Any]".to_owned(),
            name => name.to_owned(),
        };
    }
    let kinds = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(kinds) = kinds {
        if kinds.iter().all(|kind| kind["const"].is_string()) {
            let words: Vec<_> = kinds.iter().map(|kind| kind["const"].to_string()).collect();
            return format!("Literal[{}]", words.join(", "));
        }
        return kinds.iter().map(one).collect::<Vec<_>>().join(" | ");
    }
    let of = |name: &str| match name {
        "string" => "str".to_owned(),
        "integer" => "int".to_owned(),
        "number" => "float".to_owned(),
        "boolean" => "bool".to_owned(),
        "null" => "None".to_owned(),
        "array" => {
            let is_given = matches!(form, Form::Given | Form::Settings);
            let kind = if is_given { "Sequence" } else { "list" };
            format!("{kind}[{}]", one(&schema["items"]))
        }
        "object" => {
            let members = match &schema["additionalProperties"] {
                members @ Value::Object(_) => one(members),
                _ => "Any".to_owned(),
            };
            format!("dict[str, {members}]")
        }
        other => panic!("no Python type for {other}"),
    };
    match &schema["type"] {
        Value::String(name) => of(name),
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).map(of).collect::<Vec<_>>().join(" | ")
        }
        _ => "Any".to_owned(),
    }
}

fn docstring(doc: &str) -> String {
    let lines = wrapped(&told(doc), WIDTH - 8);
    if lines.len() == 1 {
        return format!("    \"\"\"{}\"\"\"\n", lines[0]);
    }
    let mut out = format!("    \"\"\"{}\n", lines[0]);
    for line in &lines[1..] {
        let _ = writeln!(out, "{}", format!("    {line}").trim_end());
    }
    out + "    \"\"\"\n"
}

fn comment(doc: &str, indent: &str) -> String {
    let lines = wrapped(&told(doc), WIDTH - indent.len() - 3);
    lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| format!("{indent}#: {line}\n"))
        .collect()
}

/// Code has two backticks.
fn told(doc: &str) -> String {
    plain(doc).replace('`', "``")
}
