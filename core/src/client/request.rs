//! What is asked of the API: built here, apart from any sending.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::error::{Error, ErrorCode, Result};

/// What need not be escaped in a segment of a path or in a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes something.
    Post,
    /// Replaces something.
    Put,
    /// Removes something.
    Delete,
}

/// Whether a request may be sent again without knowing what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Twice is the same as once.
    Safe,
    /// Only when it is certain that it was not sent.
    OnlyUnsent,
}

/// A request, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its path, escaped, with the query.
    pub path: String,
    /// A JSON document, sent as `application/json`.
    pub body: Option<Vec<u8>>,
    /// Whether it may be repeated.
    pub repeat: Repeat,
}

impl Method {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl Request {
    pub(super) const fn new(method: Method, path: String, repeat: Repeat) -> Self {
        Self { method, path, body: None, repeat }
    }

    pub(super) const fn get(path: String) -> Self {
        Self::new(Method::Get, path, Repeat::Safe)
    }

    /// The same with a document.
    pub(super) fn with(mut self, document: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(document).map_err(|error| {
            Error::new(ErrorCode::ArgumentInvalid, "the document cannot be written as JSON")
                .with_source(error)
        })?;
        self.body = Some(body);
        Ok(self)
    }

    /// What it asks for, for people: its method and path without the query.
    pub(super) fn title(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method.name())
    }
}

/// A path of fixed words and names; each name becomes one segment.
pub(super) fn path(start: &str, names: &[(&str, &str)]) -> Result<String> {
    let mut path = start.to_owned();
    for (argument, name) in names {
        path.push('/');
        path.push_str(&segment(argument, name)?);
    }
    Ok(path)
}

/// A name as one segment of a path.
fn segment(argument: &str, name: &str) -> Result<String> {
    let reason = match name {
        "" => "is empty",
        // Every client and proxy takes them for steps in the path, escaped or not.
        "." | ".." => "cannot be named in a path",
        _ => return Ok(escaped(name)),
    };
    Err(Error::new(ErrorCode::ArgumentInvalid, "the API cannot be asked for this")
        .with_context(argument, reason))
}

/// A query of those filters that are given.
pub(super) fn query(filters: &[(&str, Option<&str>)]) -> String {
    let mut query = String::new();
    for (name, value) in filters {
        if let Some(value) = value {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(name);
            query.push('=');
            query.push_str(&escaped(value));
        }
    }
    query
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_are_no_segment_are_refused_by_their_argument() {
        for name in ["", ".", ".."] {
            let error = path("/resources", &[("type", "demo"), ("name", name)]).unwrap_err();
            assert_eq!(error.code(), ErrorCode::ArgumentInvalid);
            assert_eq!(error.context()[0].0, "name");
        }
    }

    #[test]
    fn whatever_a_name_holds_stays_in_its_segment() {
        assert_eq!(
            path("/r", &[("name", "a/b?c#d%e é")]).unwrap(),
            "/r/a%2Fb%3Fc%23d%25e%20%C3%A9"
        );
        assert_eq!(
            query(&[("a", Some("x&y=z")), ("b", None), ("c", Some("1"))]),
            "?a=x%26y%3Dz&c=1"
        );
    }

    proptest! {
        #[test]
        fn a_segment_comes_back_as_the_name(name in ".+") {
            prop_assume!(name != "." && name != "..");
            let path = path("/r", &[("name", &name)]).unwrap();
            let url = reqwest::Url::parse(&format!("http://h{path}")).unwrap();
            let last = url.path_segments().unwrap().next_back().unwrap();
            let back = percent_encoding::percent_decode_str(last).decode_utf8().unwrap();
            prop_assert_eq!(back, name);
            prop_assert_eq!(url.path_segments().unwrap().count(), 2);
        }
    }
}
