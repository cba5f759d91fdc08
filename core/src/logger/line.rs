//! One line as a driver writes it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub enum Level {
    /// For finding faults.
    Debug,
    /// What happened.
    #[default]
    Info,
    /// What may need a look.
    Warning,
    /// What went wrong.
    Error,
}

impl Level {
    /// The level as it stands in the label `level`: `debug`, `info`, `warning` or `error`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A line with its level and labels. Text converts into one of level info.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LogLine {
    /// The text. What is too long for one message becomes several lines.
    pub message: String,
    /// How much it matters.
    pub level: Level,
    /// Names and values beside it. Live listeners see them; today's server does not store them.
    pub labels: Map<String, Value>,
}

impl LogLine {
    /// A line of this level without labels.
    pub fn new(level: Level, message: impl Into<String>) -> Self {
        Self { message: message.into(), level, labels: Map::new() }
    }

    /// The line with one more label. The name `level` is the runtime's own.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }
}

impl From<&str> for LogLine {
    fn from(message: &str) -> Self {
        Self::new(Level::Info, message)
    }
}

impl From<String> for LogLine {
    fn from(message: String) -> Self {
        Self::new(Level::Info, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_written_by_its_name() {
        for level in [Level::Debug, Level::Info, Level::Warning, Level::Error] {
            assert_eq!(serde_json::to_value(level).unwrap(), level.name());
        }
    }
}
