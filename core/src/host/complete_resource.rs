//! Whether a host can read a resource by itself.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::message::each_plain_member;

/// Whether a payload is a resource that has all of its members and no others, so that parsing it as
/// JSON gives what [`Run::resource`](crate::Run::resource) does. For hosts with a fast parser of their
/// own; what is false may still be a resource.
#[must_use]
pub fn is_complete_resource(payload: &str) -> bool {
    looks_complete(payload) || is_read_as_complete(payload)
}

/// A quick look, which most payloads pass: each member once, and of its kind.
fn looks_complete(payload: &str) -> bool {
    const NAMES: [&str; 6] = ["id", "name", "resource", "metadata", "spec", "pipeline"];
    const NEEDED: u8 = 0b01_1111;
    let mut seen = 0_u8;
    let looked = each_plain_member(payload, |name, value| {
        let member = NAMES.iter().position(|known| *known == name)?;
        let fits = match name {
            "metadata" => value.starts_with('{'),
            "spec" => true,
            "pipeline" => value.starts_with('"') && value != "\"\"",
            _ => value.starts_with('"'),
        };
        let is_new = seen & (1 << member) == 0;
        seen |= 1 << member;
        (fits && is_new).then_some(())
    });
    looked.is_some() && seen & NEEDED == NEEDED
}

fn is_read_as_complete(payload: &str) -> bool {
    serde_json::from_str::<Complete>(payload).is_ok_and(|read| read.pipeline != Some(Text(true)))
        && payload.trim_start().starts_with('{')
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Complete {
    id: Text,
    name: Text,
    resource: Text,
    #[serde(default)]
    pipeline: Option<Text>,
    metadata: Members,
    #[serde(deserialize_with = "any")]
    spec: Any,
}

/// Any text; true when it is empty.
#[derive(PartialEq)]
struct Text(bool);

/// Any object.
pub(super) struct Members;

/// Any JSON that the parser takes, without keeping any of it.
pub(super) struct Any;

fn any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Any, D::Error> {
    deserializer.deserialize_any(Any)
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.is_empty()))
            }
        }
        deserializer.deserialize_str(Read)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Members, A::Error> {
                Any.visit_map(members).map(|Any| Members)
            }
        }
        deserializer.deserialize_map(Read)
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any(deserializer)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while let Some(Self) = items.next_element()? {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while let Some((Text(_), Self)) = members.next_entry()? {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Resource;
    use proptest::prelude::*;
    use serde_json::Value;

    proptest! {
        #[test]
        fn what_is_complete_is_read_the_same_by_any_parser(
            text in r#" ?\{("(id|name|resource|pipeline)":("[a-z]{0,2}"|null|7),){0,5}("metadata":(\{\}|\{"a":"b"\}|null),)?("spec":(null|\[1,2.5,true\]|\{"a":\{\}\}|1e999))?\}"#
        ) {
            if looks_complete(&text) {
                prop_assert!(is_read_as_complete(&text));
            }
            if is_complete_resource(&text) {
                let told: Value = serde_json::from_str(&text).unwrap();
                let read = Resource::decode(text.as_bytes()).unwrap();
                prop_assert_eq!(serde_json::to_value(read).unwrap(), told);
            }
        }
    }

    #[test]
    fn an_ordinary_resource_is_complete() {
        let ordinary =
            r#"{"id":"1","name":"a","resource":"b","metadata":{"x":"y"},"spec":{"z":[1,null]}}"#;
        assert!(is_complete_resource(ordinary));
        let piped = ordinary.replace("\"resource\"", "\"pipeline\":\"p\",\"resource\"");
        assert!(is_complete_resource(&piped) && looks_complete(ordinary) && looks_complete(&piped));
    }

    #[test]
    fn what_the_core_would_change_or_refuse_is_not() {
        let resource = |spec: &str, more: &str| {
            format!(r#"{{"id":"1","name":"a","resource":"b","metadata":{{}},"spec":{spec}{more}}}"#)
        };
        assert!(is_complete_resource(&resource("1.5e3", "")));
        let deep = "[".repeat(200) + &"]".repeat(200);
        for (spec, more) in [
            ("1e999", ""),
            (deep.as_str(), ""),
            ("1", r#","kind":"c""#),
            ("1", r#","id":"2""#),
            ("1", r#","pipeline":"""#),
        ] {
            assert!(!is_complete_resource(&resource(spec, more)), "{spec}{more}");
        }
        for spec in ["1e3".to_owned(), "1".repeat(400), r#""\ud800""#.to_owned()] {
            assert!(!looks_complete(&resource(&spec, "")), "{spec}");
        }
        assert!(!is_complete_resource(r#"["1","a","b",{},1]"#));
        assert!(!is_complete_resource("not JSON"));
    }
}
