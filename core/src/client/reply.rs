//! What the API answered, and what that means.

use bytes::Bytes;
use serde::Deserialize;

use crate::error::{Error, ErrorCode, Result};

/// An answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The kind of the body, as the header `Content-Type` says.
    pub content_type: Option<String>,
    /// Where a redirect leads to, without a query.
    pub location: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// How much of what a server says about an error is kept.
const SAID_MOST_CHARS: usize = 2_000;

impl Reply {
    /// Nothing, when the request was carried out.
    ///
    /// The server answers 500 for most of what goes wrong; what it was stands in the text of the error
    /// alone.
    ///
    /// # Errors
    /// `ApiRefused`, `ApiFailed`, `NotFound`, `Conflict`, `Unauthenticated`, `PermissionDenied`,
    /// `TooLarge`, `Unsupported` when the server has no such route, `Unavailable` when something
    /// between says so.
    pub fn check(&self) -> Result<()> {
        if (200..300).contains(&self.status) {
            return Ok(());
        }
        let said = self.said();
        let (code, what) = self.verdict(&said);
        let mut error = Error::new(code, what).with_context("status", self.status);
        if !said.text.is_empty() {
            error = error.with_context("server", shortened(&said.text));
        }
        if let Some(location) = &self.location {
            error = error.with_context("location", location);
        }
        Err(error)
    }

    fn verdict(&self, said: &Said) -> (ErrorCode, &'static str) {
        use ErrorCode::{
            ApiFailed, ApiRefused, Conflict, NotFound, PermissionDenied, TooLarge, Unauthenticated,
            Unavailable, Unsupported,
        };
        const REFUSED: (ErrorCode, &str) = (ApiRefused, "the API refused the request");
        match self.status {
            401 => (Unauthenticated, "the API refused the token, or wants one"),
            407 => (Unauthenticated, "the proxy wants credentials"),
            403 => (PermissionDenied, "the API does not allow this"),
            404 if !said.by_handler => (Unsupported, "the server has no such route"),
            404 | 410 => (NotFound, "the API knows no such thing"),
            405 | 426 | 501 => (Unsupported, "the server has no such route"),
            409 | 412 => (Conflict, "the API has something else there"),
            413 | 414 | 431 => (TooLarge, "the server takes no requests of this size"),
            408 | 429 | 502..=504 => (Unavailable, "the API cannot answer now"),
            300..=399 => {
                (ApiRefused, "the server sends the client elsewhere, which it does not follow")
            }
            400..=499 => REFUSED,
            _ if said.ends_with("not found") => (NotFound, "the API knows no such thing"),
            _ if said.ends_with("already exists") => (Conflict, "the API has such a thing already"),
            _ => (ApiFailed, "the API failed to do this"),
        }
    }

    /// The text of an answer of a handler, or of whatever else answered.
    fn said(&self) -> Said {
        #[derive(Deserialize)]
        struct Document {
            error: String,
        }
        match serde_json::from_slice::<Document>(&self.body) {
            Ok(Document { error }) => Said { text: one_line(&error), by_handler: true },
            Err(_) => {
                Said { text: one_line(&String::from_utf8_lossy(&self.body)), by_handler: false }
            }
        }
    }

    /// The body, which must be a JSON document.
    ///
    /// # Errors
    /// `ResponseInvalid` when the server says that it is something else.
    pub(super) fn json(&self) -> Result<&[u8]> {
        let kind = self.content_type.as_deref().unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim_end();
        if essence.to_ascii_lowercase().ends_with("json") {
            Ok(&self.body)
        } else {
            Err(invalid().with_context("content_type", kind).with_context("status", self.status))
        }
    }
}

/// What a server said of an error.
struct Said {
    text: String,
    /// A handler's own answer, and not that of what is before the handlers.
    by_handler: bool,
}

impl Said {
    fn ends_with(&self, end: &str) -> bool {
        self.text.ends_with(end)
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shortened(line: &str) -> &str {
    line.char_indices().nth(SAID_MOST_CHARS).map_or(line, |(end, _)| &line[..end])
}

/// The error for an answer of another form than the API's.
pub(super) fn invalid() -> Error {
    Error::new(ErrorCode::ResponseInvalid, "the answer is none of the Conveyor API")
}
