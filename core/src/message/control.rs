//! What a driver can be asked while it runs, and its answer.

use serde::{Deserialize, Serialize};

/// A request to a running driver, on the control subject of one of its runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub enum ControlRequest {
    /// End the run early; it is answered with a failed result.
    Cancel {
        /// Why, for people.
        #[serde(default)]
        reason: String,
    },
}

/// The answer of the instance that has the run. The others stay silent.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct ControlReply {
    /// How many events of the run were told to end.
    #[serde(default)]
    pub cancelled: usize,
    /// What is wrong with the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
