//! The one door for options that come as a document.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::fault::Faults;
use crate::error::Result;

/// Reads options from a document and reports every member that is unknown or of the wrong type.
///
/// Limits are checked later, when the options are used, with the same error.
///
/// # Errors
/// `OptionsInvalid`, with one context entry for each fault.
pub fn from_document<T: DeserializeOwned>(mut document: Value) -> Result<T> {
    let mut faults = Faults::default();
    loop {
        let error = match serde_path_to_error::deserialize::<_, T>(&document) {
            Ok(options) => return faults.into_result().map(|()| options),
            Err(error) => error,
        };
        let path = error.path().clone();
        let reason = error.into_inner().to_string();
        faults.add(path.to_string(), with_nearest_name(reason));
        // Without the faulty member the next pass finds the next fault.
        if !remove(&mut document, &path) {
            return Err(faults.into_error());
        }
    }
}

/// What serde says of an unknown member, with the name that was most likely meant.
fn with_nearest_name(mut reason: String) -> String {
    let mut quoted = reason.split('`').skip(1).step_by(2);
    let unknown = reason.starts_with("unknown ").then(|| quoted.next()).flatten();
    let nearest = unknown.and_then(|unknown| nearest(unknown, quoted)).map(str::to_owned);
    if let Some(name) = nearest {
        reason.push_str("; did you mean `");
        reason.push_str(&name);
        reason.push_str("`?");
    }
    reason
}

/// The name that differs least, unless it is quite another one.
fn nearest<'a>(unknown: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.7;
    names
        .map(|name| (strsim::normalized_damerau_levenshtein(unknown, name), name))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

fn remove(document: &mut Value, path: &Path) -> bool {
    let mut here = document;
    let mut segments = path.iter().peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        here = match (segment, here) {
            (Segment::Map { key }, Value::Object(members)) if last => {
                return members.remove(key).is_some();
            }
            (Segment::Seq { index }, Value::Array(items)) if last && *index < items.len() => {
                items.remove(*index);
                return true;
            }
            (Segment::Map { key }, Value::Object(members)) => match members.get_mut(key) {
                Some(next) => next,
                None => return false,
            },
            (Segment::Seq { index }, Value::Array(items)) => match items.get_mut(*index) {
                Some(next) => next,
                None => return false,
            },
            _ => return false,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{ConnectionOptions, DriverOptions};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn every_fault_is_reported_with_its_path() {
        let error = from_document::<DriverOptions>(json!({
            "name": "git", "resources": ["a", 5, "b"], "concurency": 3, "ack_wait_ms": -1
        }))
        .unwrap_err();
        let mut paths: Vec<_> = error.context().iter().map(|(path, _)| path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["ack_wait_ms", "concurency", "resources[1]"]);
    }

    #[test]
    fn an_unknown_member_brings_the_nearest_name() {
        let reason = |document| {
            let error = from_document::<DriverOptions>(document).unwrap_err();
            error.context()[0].1.clone()
        };
        assert!(reason(json!({"concurency": 3})).ends_with("did you mean `concurrency`?"));
        assert!(reason(json!({"ack_wait": 3})).ends_with("did you mean `ack_wait_ms`?"));
        assert!(!reason(json!({"colour": 3})).contains("did you mean"));
    }

    #[test]
    fn nested_faults_have_nested_paths() {
        let error = from_document::<ConnectionOptions>(json!({"tls": {"ca": 7, "cert_fil": "x"}}))
            .unwrap_err();
        let mut paths: Vec<_> = error.context().iter().map(|(path, _)| path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["tls.ca", "tls.cert_fil"]);
    }

    #[test]
    fn a_document_of_another_kind_is_one_fault() {
        assert_eq!(from_document::<DriverOptions>(json!([1])).unwrap_err().context().len(), 1);
    }

    proptest! {
        #[test]
        fn any_members_get_a_verdict(members in proptest::collection::hash_map(
            "name|resources|events|ack_wait_ms|tls|x", "[a-z0-9]{0,4}", 0..6
        )) {
            let _verdict = from_document::<DriverOptions>(json!(members));
        }
    }
}
