//! A resource in parts of its payload, for hosts with a JSON reader of their own.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde_json::value::RawValue;

use super::complete_resource::{Any, Members};
use crate::error::Result;
use crate::message::{Resource, each_plain_member, said_plainly};

/// The members of a resource: texts as they are meant, and the rest as JSON text. What stands so in the payload is
/// lent from there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceParts<'a> {
    /// The id made when the resource was created.
    pub id: Cow<'a, str>,
    /// The name, unique for its type.
    pub name: Cow<'a, str>,
    /// The pipeline that the resource starts; empty when none.
    pub pipeline: Cow<'a, str>,
    /// The type.
    pub resource: Cow<'a, str>,
    /// A JSON object.
    pub metadata: Cow<'a, str>,
    /// JSON.
    pub spec: Cow<'a, str>,
}

impl<'a> ResourceParts<'a> {
    /// Reads a payload as [`Run::resource`](crate::Run::resource) does.
    ///
    /// # Errors
    /// As that.
    pub fn read(payload: &'a str) -> Result<Self> {
        if let Some(parts) = Self::seen(payload).or_else(|| Self::lent(payload)) {
            return Ok(parts);
        }
        let resource = Resource::decode(payload.as_bytes())?;
        let json = |value| serde_json::to_string(value).unwrap_or_default();
        Ok(Self {
            metadata: serde_json::to_string(&resource.metadata).unwrap_or_default().into(),
            spec: json(&resource.spec).into(),
            id: resource.id.into(),
            name: resource.name.into(),
            pipeline: resource.pipeline.into(),
            resource: resource.resource.into(),
        })
    }

    /// By a quick look, which is enough for most.
    fn seen(payload: &'a str) -> Option<Self> {
        const NAMES: [&str; 6] = ["id", "name", "pipeline", "resource", "metadata", "spec"];
        let mut found = [None; NAMES.len()];
        each_plain_member(payload, |name, value| {
            if let Some(at) = NAMES.iter().position(|known| *known == name) {
                found[at] = Some(value);
            }
            Some(())
        })?;
        let [id, name, pipeline, resource, metadata, spec] =
            found.map(|value| value.filter(|value| *value != "null"));
        Some(Self {
            id: text_in(id)?,
            name: text_in(name)?,
            pipeline: text_in(pipeline)?,
            resource: text_in(resource)?,
            metadata: metadata.map_or(Some("{}"), |it| it.starts_with('{').then_some(it))?.into(),
            spec: spec.unwrap_or("null").into(),
        })
    }

    /// Nothing for whatever needs a closer look.
    fn lent(payload: &'a str) -> Option<Self> {
        // A list would be read as well.
        let object = payload.trim_start().starts_with('{').then_some(payload)?;
        let sent: Sent<'a> = serde_json::from_str(object).ok()?;
        let text = |text: Option<Text<'a>>| text.map_or(Cow::Borrowed(""), |Text(text)| text);
        Some(Self {
            id: text(sent.id),
            name: text(sent.name),
            pipeline: text(sent.pipeline),
            resource: text(sent.resource),
            metadata: checked::<Members>(sent.metadata, "{}")?,
            spec: checked::<Any>(sent.spec, "null")?,
        })
    }
}

fn text_in(value: Option<&str>) -> Option<Cow<'_, str>> {
    value.map_or(Some(Cow::Borrowed("")), said_plainly)
}

/// JSON that the core can read, too; the other when there is none.
fn checked<'a, T: DeserializeOwned>(
    raw: Option<&'a RawValue>,
    absent: &'static str,
) -> Option<Cow<'a, str>> {
    let Some(raw) = raw else { return Some(absent.into()) };
    serde_json::from_str::<T>(raw.get()).ok().map(|_read| raw.get().into())
}

#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    pipeline: Option<Text<'a>>,
    #[serde(borrow)]
    resource: Option<Text<'a>>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    spec: Option<&'a RawValue>,
}

/// Text that is lent where nothing in it is escaped.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(text.to_owned().into()))
            }
        }
        deserializer.deserialize_str(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn document(parts: &ResourceParts<'_>) -> Resource {
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        Resource {
            id: parts.id.to_string(),
            name: parts.name.to_string(),
            pipeline: parts.pipeline.to_string(),
            resource: parts.resource.to_string(),
            metadata: json(&parts.metadata).as_object().unwrap().clone(),
            spec: json(&parts.spec),
        }
    }

    proptest! {
        #[test]
        fn the_parts_are_those_of_the_resource(
            text in r#" ?[\[{]("(id|name|metadata|spec|x|ID)":("[a-z\\/]{0,3}"|"\\u(003c|d800)"|null|7|1e999|\{\}|\{"a":1\}|\[2, 3\]),?){0,5}[\]}]"#
        ) {
            match (ResourceParts::read(&text), Resource::decode(text.as_bytes())) {
                (Ok(parts), Ok(resource)) => prop_assert_eq!(document(&parts), resource),
                (parts, resource) => prop_assert_eq!(parts.is_ok(), resource.is_ok()),
            }
        }
    }

    #[test]
    fn nothing_is_copied_that_stands_so_in_the_payload() {
        let payload =
            r#"{"id":"1","name":"\u0061","resource":"b","metadata":{"x": 1},"spec":{"z":[1.50]}}"#;
        let parts = ResourceParts::read(payload).unwrap();
        assert!(matches!(parts.spec, Cow::Borrowed(r#"{"z":[1.50]}"#)));
        assert!(matches!(parts.metadata, Cow::Borrowed(r#"{"x": 1}"#)));
        assert!(matches!(parts.id, Cow::Borrowed("1")));
        assert_eq!(parts.name, "a");
        assert_eq!(parts.pipeline, "");
        assert_eq!(Some(parts), ResourceParts::seen(payload));
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let deep = format!(r#"{{"spec":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        assert!(ResourceParts::read(&deep).is_err());
    }
}
