//! Names in paths.

use std::array;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The last segments of the path as they came: the server decodes none.
pub(super) struct Segments<const N: usize>(pub(super) [String; N]);

impl<S: Sync, const N: usize> FromRequestParts<S> for Segments<N> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let path = parts.uri.path();
        let mut backwards = path.strip_suffix('/').unwrap_or(path).rsplit('/');
        let mut segments = array::from_fn(|_| backwards.next().unwrap_or_default().to_owned());
        segments.reverse();
        Ok(Self(segments))
    }
}
