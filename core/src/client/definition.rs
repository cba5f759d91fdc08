//! A kind of resource.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::nullable::or_default;

/// A resource definition: a kind of resource, and the schema of its `spec`.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct ResourceDefinition {
    /// The id that the API made. It may be empty: the API forgets it in a definition that was first
    /// applied.
    pub id: String,
    /// The name: what resources of this kind have as their type.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its version, in any form.
    pub version: String,
    /// JSON Schema of the `spec` of its resources. The API looks at it when the first of them is posted.
    pub schema: Value,
}

/// The same as the API says it: `null` is nothing, and it may say more.
#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default, deserialize_with = "or_default")]
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    description: String,
    #[serde(default, deserialize_with = "or_default")]
    version: String,
    #[serde(default)]
    schema: Value,
}

impl From<Said> for ResourceDefinition {
    fn from(said: Said) -> Self {
        let Said { id, name, description, version, schema } = said;
        Self { id, name, description, version, schema }
    }
}
