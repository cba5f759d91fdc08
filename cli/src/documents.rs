//! Files: YAML, JSON and TOML, and where in them a fault is.

use std::io::Read;
use std::path::Path;

use conveyor_driver::Error;
use conveyor_driver::message::Resource;
use conveyor_driver::options::from_document;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fault::Fault;

/// Reads a file whole; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<String, Fault> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| {
        Fault::usage("the file cannot be read").with("file", path.display()).with("cause", error)
    })
}

/// The documents of a YAML or JSON file, one at least.
pub(crate) fn documents(path: &Path) -> Result<Vec<Value>, Fault> {
    let documents = parse(&read(path)?, path)?;
    if documents.is_empty() {
        return Err(Fault::usage("there is nothing in the file").with("file", path.display()));
    }
    Ok(documents)
}

/// JSON is taken by itself, so that its numbers are not touched.
fn parse(text: &str, path: &Path) -> Result<Vec<Value>, Fault> {
    let wrong = |error: String| {
        Fault::usage("the file is neither JSON nor YAML")
            .with("file", path.display())
            .with("cause", error)
    };
    if text.trim_start().starts_with(['{', '[']) && path.extension().is_none_or(|e| e == "json") {
        let document: Value =
            serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        return Ok(match document {
            Value::Array(documents) => documents,
            document => vec![document],
        });
    }
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| wrong(error.to_string()))?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// Reads a resource that stands at `at` in a file.
pub(crate) fn resource(document: &Value, path: &Path, at: &str) -> Result<Resource, Fault> {
    let resource = Resource::decode(document.to_string().as_bytes())
        .map_err(|error| located(&error, path, at))?;
    let faulty = |member: &str, reason: &str| {
        let place = if at.is_empty() { member.to_owned() } else { format!("{at}.{member}") };
        Err(Fault::usage("the document is no resource")
            .with("file", path.display())
            .with(place, reason))
    };
    if resource.resource.is_empty() {
        return faulty("resource", "is missing: the type of the resource");
    }
    // The server reads no other members, and says nothing.
    let members = document.as_object().into_iter().flatten().map(|(member, _)| member);
    const KNOWN: [&str; 6] = ["id", "name", "pipeline", "resource", "metadata", "spec"];
    for member in members {
        if !KNOWN.contains(&member.as_str()) {
            return faulty(
                member,
                "is no member of a resource; what it should be belongs into spec",
            );
        }
    }
    Ok(resource)
}

/// A TOML file as a document.
pub(crate) fn toml(path: &Path) -> Result<Value, Fault> {
    toml::from_str(&read(path)?).map_err(|error| {
        Fault::usage("the file is not TOML").with("file", path.display()).with("cause", error)
    })
}

/// Reads a document that stands at `at` in a file.
pub(crate) fn parsed<T: DeserializeOwned>(
    document: Value,
    path: &Path,
    at: &str,
) -> Result<T, Fault> {
    from_document(document).map_err(|error| located(&error, path, at))
}

/// A fault of options as one of the file that they stand in.
pub(crate) fn located(error: &Error, path: &Path, at: &str) -> Fault {
    let mut fault = Fault::usage(error.message()).with("file", path.display());
    for (place, reason) in error.context() {
        let place = match (at, place.as_str()) {
            ("", place) => place.to_owned(),
            (at, "." | "") => at.to_owned(),
            (at, place) => format!("{at}.{place}"),
        };
        fault = fault.with(place, reason);
    }
    fault
}
