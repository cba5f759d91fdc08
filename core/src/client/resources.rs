//! Resources: desired state.

use super::created::{self, CreatedResource};
use super::reply::{Reply, invalid};
use super::request::{Method, Repeat, Request, path};
use super::{Client, document};
use crate::error::Result;
use crate::message::Resource;

/// The resources of the API.
#[derive(Clone, Copy, Debug)]
pub struct Resources<'a>(pub(super) &'a Client);

impl Resources<'_> {
    /// Creates a resource, which starts a run: of the drivers of its type, or of its pipeline. The API
    /// makes `id` and `metadata` anew.
    ///
    /// Nobody hears of it unless a driver's consumer exists by then. It is not repeated when it may have
    /// been done: on `Unavailable` or `TimedOut` look whether it exists.
    ///
    /// # Errors
    /// `Conflict` when it exists. `NotFound` when its type or pipeline does not. `ApiRefused` when it
    /// does not fit the schema of its type. `ApiFailed` also when it was created but no run started:
    /// delete it, then create it again.
    pub async fn create(&self, resource: &Resource) -> Result<CreatedResource> {
        self.0.call(&create(resource)?, created).await
    }

    /// The resource of this type and name, with the results of drivers in its metadata.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, resource_type: &str, name: &str) -> Result<Resource> {
        self.0.call(&get(resource_type, name)?, resource).await
    }

    /// The resource as it was in one of its versions, from `1`. Versions stay when a resource is deleted.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_version(
        &self,
        resource_type: &str,
        name: &str,
        version: &str,
    ) -> Result<Resource> {
        self.0.call(&get_version(resource_type, name, version)?, resource).await
    }

    /// Replaces the resource of this type and name, as a new version. No driver hears of it, and results
    /// of drivers that are not among its metadata are gone.
    ///
    /// # Errors
    /// `NotFound`. `ApiRefused` when it does not fit the schema of its type.
    pub async fn update(&self, resource: &Resource) -> Result<Resource> {
        self.0.call(&update(resource)?, self::resource).await
    }

    /// Deletes the resource of this type and name, if there is one. No driver hears of it, and a run of
    /// it that is not over stops.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn delete(&self, resource_type: &str, name: &str) -> Result<()> {
        self.0.call(&delete(resource_type, name)?, nothing).await
    }
}

/// Asks for a resource to be created.
///
/// # Errors
/// None that a resource could have.
pub fn create(resource: &Resource) -> Result<Request> {
    let request = Request::new(Method::Post, "/resources/".to_owned(), Repeat::OnlyUnsent);
    request.with(&resource.with_texts_only())
}

/// Asks for a resource.
///
/// # Errors
/// `ArgumentInvalid` for a name that cannot be asked for.
pub fn get(resource_type: &str, name: &str) -> Result<Request> {
    Ok(Request::get(place(resource_type, name)?))
}

/// Asks for a version of a resource.
///
/// # Errors
/// `ArgumentInvalid` for a name that cannot be asked for.
pub fn get_version(resource_type: &str, name: &str, version: &str) -> Result<Request> {
    let names = [("type", resource_type), ("name", name), ("version", version)];
    Ok(Request::get(path("/resources", &names)?))
}

/// Asks for a resource to be replaced. Twice would be two versions.
///
/// # Errors
/// `ArgumentInvalid` for a name that cannot be asked for.
pub fn update(resource: &Resource) -> Result<Request> {
    let place = place(&resource.resource, &resource.name)?;
    Request::new(Method::Put, place, Repeat::OnlyUnsent).with(&resource.with_texts_only())
}

/// Asks for a resource to be deleted.
///
/// # Errors
/// `ArgumentInvalid` for a name that cannot be asked for.
pub fn delete(resource_type: &str, name: &str) -> Result<Request> {
    Ok(Request::new(Method::Delete, place(resource_type, name)?, Repeat::Safe))
}

fn place(resource_type: &str, name: &str) -> Result<String> {
    path("/resources", &[("type", resource_type), ("name", name)])
}

/// Reads what was created.
///
/// # Errors
/// `ResponseInvalid`.
pub fn created(reply: &Reply) -> Result<CreatedResource> {
    document::<created::Said>(reply).map(Into::into)
}

/// Reads a resource.
///
/// # Errors
/// `ResponseInvalid`.
pub fn resource(reply: &Reply) -> Result<Resource> {
    Resource::decode(reply.json()?).map_err(|error| invalid().with_source(error))
}

pub(super) fn nothing(_: &Reply) -> Result<()> {
    Ok(())
}
