//! Options as JSON text.

use conveyor_driver::options::{DriverOptions, ManagerOptions, from_document};
use napi_derive::napi;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Result, thrown};

/// The options of a driver with all defaults.
#[napi]
pub(crate) fn driver_options(document: String) -> Result<String> {
    complete::<DriverOptions>(&document)
}

/// The options of a manager with all defaults; secrets are hidden.
#[napi]
pub(crate) fn manager_options(document: String) -> Result<String> {
    complete::<ManagerOptions>(&document)
}

fn complete<T: DeserializeOwned + Serialize>(document: &str) -> Result<String> {
    let options: T = read(document)?;
    Ok(serde_json::to_string(&options).unwrap_or_default())
}

/// What a document says.
pub(crate) fn read<T: DeserializeOwned>(document: &str) -> Result<T> {
    // JSON.stringify wrote it.
    let document = serde_json::from_str(document).unwrap_or_default();
    from_document(document).map_err(thrown)
}
