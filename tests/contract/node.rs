//! What JavaScript has of the contract: the error codes, and types for the documents.

use std::fmt::Write as _;

use conveyor_driver::contract::{
    client_schema, errors, host_schema, messages_schema, options_schema,
};
use serde_json::Value;

use super::prose::{plain, wrapped};

const HEADER: &str =
    "// Generated from the runtime's own definitions; the test `contract` writes it.\n\n";
const WIDTH: usize = 100;

/// `codes.ts`.
pub(crate) fn codes() -> String {
    let mut out = HEADER.to_owned()
        + "/** The codes of all errors of the runtime, with their numbers, the same in every language. */\n\
           export const ERROR_CODES = {\n";
    for row in errors() {
        let _ = writeln!(out, "{}  {}: {},", comment(&row.doc, "  "), row.name, row.number);
    }
    out += "} as const;\n\n/** The code of an error. */\nexport type ErrorCode = keyof typeof ERROR_CODES;\n\n";
    out += "/** Those after which the same call may succeed later. */\n\
            export const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([\n";
    for row in errors().iter().filter(|row| row.retryable) {
        let _ = writeln!(out, "  \"{}\",", row.name);
    }
    out + "]);\n"
}

/// How a document is told.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// The user writes it: nothing has to be given but what the schema requires, in JavaScript's names.
    Given,
    /// The runtime hands it out, in JavaScript's names.
    Told,
    /// The runtime hands it out as it is on the wire.
    Wire,
}

/// `documents.ts`.
pub(crate) fn documents() -> String {
    let [options, messages, host, client] =
        [options_schema(), messages_schema(), host_schema(), client_schema()]
            .map(|schema| schema["$defs"].clone());
    let all: [(&Value, &str, Form); 20] = [
        (&options, "Serialization", Form::Given),
        (&options, "TlsOptions", Form::Given),
        (&options, "ConnectionOptions", Form::Given),
        (&options, "ClientOptions", Form::Given),
        (&options, "ManagerOptions", Form::Given),
        (&options, "DriverOptions", Form::Given),
        (&messages, "Level", Form::Wire),
        (&messages, "Resource", Form::Wire),
        (&messages, "LogEntry", Form::Wire),
        (&client, "NewResource", Form::Wire),
        (&client, "CreatedResource", Form::Told),
        (&client, "ResourceDefinition", Form::Wire),
        (&client, "PipelineStep", Form::Wire),
        (&client, "Pipeline", Form::Wire),
        (&client, "NewLogEntry", Form::Wire),
        (&client, "GapReason", Form::Told),
        (&client, "LogEvent", Form::Told),
        (&host, "CancelReason", Form::Told),
        (&host, "ExecOutput", Form::Told),
        (&host, "DriverReport", Form::Told),
    ];
    let mut out = HEADER.to_owned() + "import type { ConveyorError } from \"./error.js\";\n";
    for (schemas, name, form) in all {
        out += &definition(name, &schemas[name], form);
    }
    out
}

fn definition(name: &str, schema: &Value, form: Form) -> String {
    let doc = comment(schema["description"].as_str().unwrap_or_default(), "");
    if !schema["properties"].is_object() {
        return format!("\n{doc}export type {name} ={};\n", kinds(schema, form));
    }
    let generic = if name == "Resource" { "<Spec = any>" } else { "" };
    let mut fields = fields(schema, form, "  ");
    if name == "Resource" {
        fields = fields.replace("  spec: unknown;", "  spec: Spec;");
    }
    if schema["additionalProperties"] == true {
        fields += "  [label: string]: unknown;\n";
    }
    format!("\n{doc}export interface {name}{generic} {{\n{fields}}}\n")
}

/// The kinds of an enumeration, one on a line.
fn kinds(schema: &Value, form: Form) -> String {
    let mut out = String::new();
    for kind in schema["oneOf"].as_array().into_iter().flatten() {
        let doc = comment(kind["description"].as_str().unwrap_or_default(), "  ");
        let told = if kind["properties"].is_object() {
            format!("{{\n{}    }}", fields(kind, form, "      "))
        } else {
            kind["const"].to_string()
        };
        let _ = write!(out, "\n{doc}  | {told}");
    }
    out
}

fn fields(schema: &Value, form: Form, indent: &str) -> String {
    let required: Vec<String> =
        serde_json::from_value(schema["required"].clone()).unwrap_or_default();
    let mut out = String::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let optional = if required.contains(name) { "" } else { "?" };
        let told = if form == Form::Wire { name.clone() } else { camel(name) };
        out += &comment(property["description"].as_str().unwrap_or_default(), indent);
        let _ = writeln!(out, "{indent}{told}{optional}: {};", type_of(property));
    }
    out
}

fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return match name {
            "Error" => "ConveyorError".to_owned(),
            "RunId" => "string".to_owned(),
            "LogLabels" => "Record<string, unknown>".to_owned(),
            name => name.to_owned(),
        };
    }
    if schema["const"].is_string() {
        return schema["const"].to_string();
    }
    if let Some(kinds) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        return kinds.iter().map(type_of).collect::<Vec<_>>().join(" | ");
    }
    let of = |name: &str| match name {
        "string" | "boolean" | "null" => name.to_owned(),
        "integer" | "number" => "number".to_owned(),
        "array" => format!("readonly {}[]", type_of(&schema["items"])),
        "object" => match &schema["additionalProperties"] {
            members @ Value::Object(_) => format!("Record<string, {}>", type_of(members)),
            _ => "Record<string, any>".to_owned(),
        },
        other => panic!("no TypeScript type for {other}"),
    };
    match &schema["type"] {
        Value::String(name) => of(name),
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).map(of).collect::<Vec<_>>().join(" | ")
        }
        _ => "unknown".to_owned(),
    }
}

fn comment(doc: &str, indent: &str) -> String {
    let lines = wrapped(&told(doc), WIDTH - indent.len() - 3);
    match lines.as_slice() {
        [one] if one.is_empty() => String::new(),
        [one] => format!("{indent}/** {one} */\n"),
        lines => {
            let told: String = lines
                .iter()
                .map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n")
                .collect();
            format!("{indent}/**\n{told}{indent} */\n")
        }
    }
}

/// Members have JavaScript's names.
fn told(doc: &str) -> String {
    let mut quoted = true;
    let doc = plain(doc);
    let parts = doc.split('`').map(|part| {
        quoted = !quoted;
        if quoted && is_member(part) { camel(part) } else { part.to_owned() }
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Whether a member of any document is called so; others may use such names, too.
fn is_member(name: &str) -> bool {
    [options_schema(), host_schema(), client_schema()].iter().any(|schema| {
        let definitions = schema["$defs"].as_object().into_iter().flatten();
        definitions.into_iter().any(|(_, definition)| definition["properties"].get(name).is_some())
    })
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        out += &first.to_ascii_uppercase();
        out += rest;
    }
    out
}
