//! Pipelines: which drivers a resource passes through.

use serde::{Deserialize, Serialize};

/// Drivers that handle resources of one type, one after the other.
///
/// Reads the server's own document (`POST /pipelines/`); members it does not need are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// The name that resources give as their `pipeline`.
    pub name: String,
    /// The type of the resources it is for.
    pub resource: String,
    /// The steps in their order.
    pub steps: Vec<Step>,
}

/// One step of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// A name for people; the engine does not look at it.
    #[serde(default)]
    pub name: String,
    /// The driver that does the step.
    pub driver: String,
}

impl Pipeline {
    /// A pipeline with one step for each of these drivers.
    #[must_use]
    pub fn new(name: &str, resource: &str, drivers: &[&str]) -> Self {
        let step =
            |driver: &&str| Step { name: (*driver).to_owned(), driver: (*driver).to_owned() };
        Self {
            name: name.to_owned(),
            resource: resource.to_owned(),
            steps: drivers.iter().map(step).collect(),
        }
    }

    /// The driver of the first step.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.steps.first().map(|step| step.driver.as_str())
    }

    /// The driver of the step after the first one that is this driver's. A driver that occurs twice
    /// therefore leads back to where it first occurs.
    #[must_use]
    pub fn after(&self, driver: &str) -> Option<&str> {
        let step = self.steps.iter().position(|step| step.driver == driver)?;
        self.steps.get(step + 1).map(|step| step.driver.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_document_is_read() {
        let text = r#"{"id":"1","name":"ship","description":"","version":"1","resource":"app",
            "steps":[{"id":"a","name":"get it","driver":"fetch"},{"driver":"compile"}],
            "metadata":{}}"#;
        let pipeline: Pipeline = serde_json::from_str(text).unwrap();
        assert_eq!(pipeline.first(), Some("fetch"));
        assert_eq!(pipeline.after("fetch"), Some("compile"));
        assert_eq!(pipeline.after("compile"), None);
        assert_eq!(pipeline.after("lint"), None);
    }
}
