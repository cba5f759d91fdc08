//! Pipelines. The API creates them, and has no other route for them.

use super::pipeline::{self, Pipeline};
use super::reply::Reply;
use super::request::{Method, Repeat, Request};
use super::{Client, document};
use crate::error::Result;

/// The pipelines of the API.
#[derive(Clone, Copy, Debug)]
pub struct Pipelines<'a>(pub(super) &'a Client);

impl Pipelines<'_> {
    /// Creates a pipeline, or replaces the one of its name, also for runs that are under way. The API
    /// cannot be asked for it again.
    ///
    /// # Errors
    /// `NotFound` when the type of its resources does not exist.
    pub async fn create(&self, pipeline: &Pipeline) -> Result<Pipeline> {
        self.0.call(&create(pipeline)?, self::pipeline).await
    }
}

/// Asks for a pipeline to be there as it is here.
///
/// # Errors
/// None that a pipeline could have.
pub fn create(pipeline: &Pipeline) -> Result<Request> {
    Request::new(Method::Post, "/pipelines/".to_owned(), Repeat::Safe).with(pipeline)
}

/// Reads a pipeline.
///
/// # Errors
/// `ResponseInvalid`.
pub fn pipeline(reply: &Reply) -> Result<Pipeline> {
    document::<pipeline::Said>(reply).map(Into::into)
}
