//! What Go has of the contract: a constant for each error code, and the options.

use std::fmt::Write as _;

use conveyor_driver::contract::{errors, options_schema};
use serde_json::Value;

use super::prose::{plain, wrapped};

const HEADER: &str = "// Code generated from the runtime's own definitions; the test contract writes it. DO NOT EDIT.\n\n";

/// `codes.go`.
pub(crate) fn codes() -> String {
    let mut out = HEADER.to_owned()
        + "package conveyor\n\n// The codes of the runtime's errors, the same in every language.\nconst (\n";
    for row in errors() {
        for line in row.doc.lines() {
            let _ = writeln!(out, "\t// {line}");
        }
        let _ = writeln!(out, "\tCode{} Code = {}", row.name, row.number);
    }
    out += ")\n\nvar codeNames = map[Code]string{\n";
    let width = errors().iter().map(|row| row.name.len()).max().unwrap_or_default();
    for row in errors() {
        let name = row.name;
        let _ = writeln!(out, "\tCode{name}:{:pad$} \"{name}\",", "", pad = width - name.len());
    }
    out += "}\n\nvar retryableCodes = map[Code]bool{\n";
    let retryable: Vec<_> = errors().into_iter().filter(|row| row.retryable).collect();
    let width = retryable.iter().map(|row| row.name.len()).max().unwrap_or_default();
    for row in &retryable {
        let name = row.name;
        let _ = writeln!(out, "\tCode{name}:{:pad$} true,", "", pad = width - name.len());
    }
    out + "}\n"
}

/// `options.go`.
pub(crate) fn options() -> String {
    let schemas = options_schema()["$defs"].clone();
    let mut out = HEADER.to_owned() + "package conveyor\n\nimport \"time\"\n";
    out += &kinds("Serialization", &schemas["Serialization"]);
    for name in ["TlsOptions", "ConnectionOptions", "ClientOptions"] {
        out += &structure(name, &schemas[name]);
    }
    for (receiver, name) in [("Driver", "DriverOptions"), ("Manager", "ManagerOptions")] {
        for (option, schema) in schemas[name]["properties"].as_object().unwrap() {
            // Those that every driver is made with.
            if name != "DriverOptions" || !["name", "resources"].contains(&option.as_str()) {
                out += &setter(receiver, option, schema);
            }
        }
    }
    out
}

/// An enumeration of texts.
fn kinds(name: &str, schema: &Value) -> String {
    let mut out = format!(
        "\n{}type {name} string\n\nconst (\n",
        comment(schema, &format!("{name} says "), "")
    );
    for kind in schema["oneOf"].as_array().unwrap() {
        let value = kind["const"].as_str().unwrap();
        out += &comment(kind, "", "\t");
        let _ = writeln!(out, "\t{name}{} {name} = {value:?}", pascal(value));
    }
    out + ")\n"
}

/// Options within options. What is zero was not given, so that no option may have a zero that means anything.
fn structure(name: &str, schema: &Value) -> String {
    let properties = schema["properties"].as_object().unwrap();
    let go = pascal(&snake(name));
    let mut fields = String::new();
    let mut members = String::new();
    for (option, schema) in properties {
        let (field, kind) = (field(option), kind(option, schema));
        assert!(
            schema["minimum"] != 0 && schema["default"] != true,
            "{name}.{option}: its zero means something, and is not told from nothing"
        );
        let _ = write!(fields, "{}\t{field} {kind}\n", comment(schema, "", "\t"));
        let value = given(&format!("options.{field}"), kind);
        let set = match kind {
            "string" | "Secret" => format!("options.{field} != \"\""),
            "bool" => format!("options.{field}"),
            "TLSOptions" => format!("options.{field} != (TLSOptions{{}})"),
            _ => format!("options.{field} != 0"),
        };
        let _ = write!(members, "\tif {set} {{\n\t\tgiven[{option:?}] = {value}\n\t}}\n");
    }
    format!(
        "\n{}type {go} struct {{\n{fields}}}\n\n// document has what was given.\n\
         func (options {go}) document() map[string]any {{\n\tgiven := map[string]any{{}}\n{members}\treturn given\n}}\n",
        comment(schema, &format!("{go} are options: "), "")
    )
}

fn setter(receiver: &str, option: &str, schema: &Value) -> String {
    let (name, kind) = (field(option), kind(option, schema));
    let this = receiver.to_lowercase();
    let (parameter, value) = match kind {
        "[]string" => ("...string", "value".to_owned()),
        kind => (kind, given("value", kind)),
    };
    format!(
        "\n{}func ({this} *{receiver}) {name}(value {parameter}) *{receiver} {{\n\treturn {this}.Set({option:?}, {value})\n}}\n",
        comment(schema, &format!("{name} sets the option {option}: "), "")
    )
}

/// A value as the options' document has it.
fn given(value: &str, kind: &str) -> String {
    match kind {
        "time.Duration" => format!("int64(milliseconds({value}))"),
        "Secret" => format!("string({value})"),
        "TLSOptions" | "ConnectionOptions" | "ClientOptions" => format!("{value}.document()"),
        _ => value.to_owned(),
    }
}

fn kind(option: &str, schema: &Value) -> &'static str {
    if let Some(path) = schema["$ref"].as_str() {
        return match path.rsplit('/').next().unwrap() {
            "TlsOptions" => "TLSOptions",
            "ConnectionOptions" => "ConnectionOptions",
            "ClientOptions" => "ClientOptions",
            "Serialization" => "Serialization",
            other => panic!("no type of Go's for {other}"),
        };
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap();
    match kind {
        "string" if schema["writeOnly"] == true => "Secret",
        "string" => "string",
        "boolean" => "bool",
        "integer" if option.ends_with("_ms") => "time.Duration",
        "integer" => "int",
        "array" if schema["items"]["type"] == "string" => "[]string",
        other => panic!("no type of Go's for {other}"),
    }
}

/// What Go calls an option. A duration has no unit.
fn field(option: &str) -> String {
    pascal(option.strip_suffix("_ms").unwrap_or(option))
}

fn pascal(name: &str) -> String {
    let word = |word: &str| match word {
        "url" | "tls" | "ca" | "id" => word.to_uppercase(),
        word => word[..1].to_uppercase() + &word[1..],
    };
    name.split('_').map(word).collect()
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// A comment, which begins with what it is about, if that has to be said.
fn comment(schema: &Value, about: &str, indent: &str) -> String {
    let mut doc = told(schema["description"].as_str().unwrap());
    if !about.is_empty() {
        let first = doc[..1].to_lowercase();
        doc.replace_range(..1, &first);
        doc.insert_str(0, about);
    }
    let lines = wrapped(&doc, 115 - indent.len());
    lines.iter().map(|line| format!("{indent}// {line}").trim_end().to_owned() + "\n").collect()
}

/// Members have Go's names, and nothing is quoted.
fn told(doc: &str) -> String {
    let mut quoted = true;
    let doc = plain(doc);
    let parts = doc.split('`').map(|part| {
        quoted = !quoted;
        let schema = options_schema();
        let mut all = schema["$defs"].as_object().unwrap().values();
        let member = quoted && all.any(|definition| definition["properties"].get(part).is_some());
        if member { field(part) } else { part.to_owned() }
    });
    parts.collect()
}
