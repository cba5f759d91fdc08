//! Which log lines are asked for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::run_id::RunId;

/// Which log lines: those that fit all that is given.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct LogFilter {
    /// Of this run.
    pub run_id: Option<RunId>,
    /// Of this driver.
    pub driver: Option<String>,
    /// Of this pipeline.
    pub pipeline: Option<String>,
}

impl LogFilter {
    /// All lines of a run.
    #[must_use]
    pub fn run(run: impl Into<RunId>) -> Self {
        Self { run_id: Some(run.into()), ..Self::default() }
    }

    /// Only those of this driver.
    #[must_use]
    pub fn driver(mut self, driver: impl Into<String>) -> Self {
        self.driver = Some(driver.into());
        self
    }

    /// Only those of this pipeline.
    #[must_use]
    pub fn pipeline(mut self, pipeline: impl Into<String>) -> Self {
        self.pipeline = Some(pipeline.into());
        self
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.run_id.as_ref().map(RunId::as_str);
        let parts = [
            ("run", run),
            ("driver", self.driver.as_deref()),
            ("pipeline", self.pipeline.as_deref()),
        ];
        let given = parts.iter().filter_map(|(name, value)| Some(format!("{name} {}", (*value)?)));
        f.write_str(&given.collect::<Vec<_>>().join(", "))
    }
}
