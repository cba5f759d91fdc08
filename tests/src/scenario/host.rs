//! What a language has to offer so that scenarios can be played on it.

use std::collections::HashSet;

use async_trait::async_trait;
use conveyor_driver::{DrainReport, DriverReport, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::document::Need;
use super::ground::Ground;

/// Starts drivers of one language.
#[async_trait]
pub trait Host: Send + Sync {
    /// Starts a manager with these drivers on this ground. Their options are documents.
    ///
    /// # Errors
    /// What was refused, and why.
    async fn start(
        &self,
        ground: &Ground,
        drivers: &[Value],
        manager: &Value,
    ) -> Result<Box<dyn Instance>, Refusal>;

    /// What this host has of all that a scenario may need.
    fn has(&self, need: Need) -> bool;
}

/// A manager at work.
#[async_trait]
pub trait Instance: Send {
    /// Cancels a run and says how many events were told.
    async fn cancel(&mut self, run: &str, reason: &str) -> Result<u64, String>;

    /// Lets all that hold at this name go on.
    async fn release(&mut self, name: &str) -> Result<(), String>;

    /// Asks the manager to drain.
    fn drain(&mut self);

    /// Asks it to end now.
    fn end_now(&mut self);

    /// Waits for its end and returns its drain report.
    async fn stopped(&mut self) -> Result<Value, String>;

    /// Kills its process, where it has one.
    async fn kill(&mut self) -> Result<(), String>;

    /// Whether it has ended by itself, and what it said.
    async fn refused(&mut self) -> Option<Refusal>;
}

/// Why a manager did not start: an error as a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The error's code.
    pub code: String,
    /// The names in its context: for options the path of every fault.
    pub paths: Vec<String>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let paths = error.context().iter().map(|(path, _)| path.clone()).collect();
        Self { code: error.code().name().to_owned(), paths }
    }
}

/// The names at which runs no longer hold. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Release(watch::Sender<HashSet<String>>);

impl Release {
    /// Lets all go on that hold at this name, now and later.
    pub fn release(&self, name: &str) {
        self.0.send_modify(|names| {
            names.insert(name.to_owned());
        });
    }

    pub(super) async fn wait(&self, name: &str) {
        // It fails only when the sender is gone, and that is `self`.
        let mut names = self.0.subscribe();
        let _released = names.wait_for(|names| names.contains(name)).await;
    }
}

/// A drain report as a document.
#[must_use]
pub fn report_document(report: &DrainReport) -> Value {
    json!({"drivers": report.drivers.iter().map(driver_document).collect::<Vec<_>>()})
}

fn driver_document(report: &DriverReport) -> Value {
    json!({
        "driver": report.driver,
        "succeeded": report.succeeded,
        "failed": report.failed,
        "cancelled": report.cancelled,
        "timed_out": report.timed_out,
        "retried": report.retried,
        "ignored": report.ignored,
        "answered_before": report.answered_before,
        "dead_lettered": report.dead_lettered,
        "poisoned": report.poisoned,
        "given_back": report.given_back,
        "lease_lost": report.lease_lost,
        "abandoned": report.abandoned,
        "late_results": report.late_results,
        "log_lines_unsent": report.log_lines_unsent,
        "error": report.error.as_ref().map(|error| error.code().name()),
    })
}

/// A drain report, each driver with those of its numbers that are not zero.
pub(super) fn counts(report: &Value) -> Result<Value, String> {
    let drivers =
        report["drivers"].as_array().ok_or_else(|| format!("no drain report: {report}"))?;
    let mut all = Map::new();
    for driver in drivers {
        let mut counts = driver.as_object().cloned().unwrap_or_default();
        let Some(Value::String(name)) = counts.remove("driver") else {
            return Err(format!("a driver without a name in {report}"));
        };
        counts.retain(|_, count| !count.is_null() && *count != 0);
        all.insert(name, counts.into());
    }
    Ok(all.into())
}
