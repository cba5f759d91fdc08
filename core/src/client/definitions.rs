//! Resource definitions: kinds of resources.

use super::definition::{self, ResourceDefinition};
use super::reply::Reply;
use super::request::{Method, Repeat, Request, path};
use super::resources::nothing;
use super::{Client, document};
use crate::error::Result;

/// The resource definitions of the API.
#[derive(Clone, Copy, Debug)]
pub struct Definitions<'a>(pub(super) &'a Client);

impl Definitions<'_> {
    /// Creates a definition. The API makes its `id`.
    ///
    /// # Errors
    /// `Conflict` when there is one of this name.
    pub async fn create(&self, definition: &ResourceDefinition) -> Result<ResourceDefinition> {
        self.0.call(&create(definition)?, self::definition).await
    }

    /// Creates a definition, or replaces the one of its name whole.
    ///
    /// # Errors
    /// `ApiRefused` when it has no name.
    pub async fn apply(&self, definition: &ResourceDefinition) -> Result<ResourceDefinition> {
        self.0.call(&apply(definition)?, self::definition).await
    }

    /// The definition of this name.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, name: &str) -> Result<ResourceDefinition> {
        self.0.call(&get(name)?, definition).await
    }

    /// Replaces the definition of this name whole.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn update(&self, definition: &ResourceDefinition) -> Result<ResourceDefinition> {
        self.0.call(&update(definition)?, self::definition).await
    }

    /// Deletes the definition of this name.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(&self, name: &str) -> Result<()> {
        self.0.call(&delete(name)?, nothing).await
    }
}

/// Asks for a definition to be created.
///
/// # Errors
/// None that a definition could have.
pub fn create(definition: &ResourceDefinition) -> Result<Request> {
    let place = "/resource-definitions/".to_owned();
    Request::new(Method::Post, place, Repeat::OnlyUnsent).with(definition)
}

/// Asks for a definition to be there as it is here.
///
/// # Errors
/// None that a definition could have.
pub fn apply(definition: &ResourceDefinition) -> Result<Request> {
    let place = "/resource-definitions/apply".to_owned();
    Request::new(Method::Post, place, Repeat::Safe).with(definition)
}

/// Asks for a definition.
///
/// # Errors
/// `ArgumentInvalid` for a name that cannot be asked for.
pub fn get(name: &str) -> Result<Request> {
    Ok(Request::get(place(name)?))
}

/// Asks for a definition to be replaced.
///
/// # Errors
/// `ArgumentInvalid` for a name that cannot be asked for.
pub fn update(definition: &ResourceDefinition) -> Result<Request> {
    Request::new(Method::Put, place(&definition.name)?, Repeat::Safe).with(definition)
}

/// Asks for a definition to be deleted. Repeated, it could say that there is none.
///
/// # Errors
/// `ArgumentInvalid` for a name that cannot be asked for.
pub fn delete(name: &str) -> Result<Request> {
    Ok(Request::new(Method::Delete, place(name)?, Repeat::OnlyUnsent))
}

fn place(name: &str) -> Result<String> {
    path("/resource-definitions", &[("name", name)])
}

/// Reads a definition.
///
/// # Errors
/// `ResponseInvalid`.
pub fn definition(reply: &Reply) -> Result<ResourceDefinition> {
    document::<definition::Said>(reply).map(Into::into)
}
