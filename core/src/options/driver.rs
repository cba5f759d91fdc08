//! Options of one driver.

use serde::{Deserialize, Serialize};

use super::fault::{Faults, at};
use super::limits::{DAY_MS, limits};
use crate::subject::name_fault;
#[cfg(feature = "contract")]
use crate::subject::name_pattern;

/// Which events of a driver may never be reconciled at the same time in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub enum Serialization {
    /// Events for the same resource wait for each other, in their order. One that waits for its next
    /// attempt does not hold up those behind it.
    #[default]
    Resource,
    /// Nothing waits.
    None,
}

/// What one driver listens to and how its runs are treated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
pub struct DriverOptions {
    /// The driver's name: letters, digits, `-` and `_`. Also the name of its durable consumer,
    /// shared by all its instances.
    #[cfg_attr(feature = "contract", schemars(regex(pattern = name_pattern())))]
    pub name: String,
    /// The resource types it handles, at least one: letters, digits, `-` and `_`.
    #[cfg_attr(
        feature = "contract",
        schemars(length(min = 1), inner(regex(pattern = name_pattern())), extend("uniqueItems" = true))
    )]
    pub resources: Vec<String>,
    /// The broadcast events it wants; `*` is all. A message addressed to this driver is always run.
    #[cfg_attr(feature = "contract", schemars(length(min = 1), inner(length(min = 1))))]
    pub events: Vec<String>,
    /// Runs in flight at once in this process. The answers of as many again may be on their way to the
    /// stream.
    pub concurrency: u32,
    /// How long the server waits for a sign of life before it hands the event to another instance.
    /// Renewed every third of it while a run lasts, so it does not limit a run.
    pub ack_wait_ms: u64,
    /// How often an event is tried before it is answered with a failed result.
    pub max_attempts: u32,
    /// How often an event may be delivered without an answer before it is taken for one that kills its
    /// process, answered with a failed result and kept as a dead letter. A shutdown that gives an
    /// event back counts, too; so does an older instance that leaves one to a newer, and each time that
    /// an abandoned run of its resource is in its way. Default: `max_attempts` and five more.
    pub max_deliveries: Option<u32>,
    /// The delay before the second attempt, when reconcile asks for a retry without naming one.
    pub retry_initial_ms: u64,
    /// The longest such delay; each is about twice the one before.
    pub retry_max_ms: u64,
    /// Which events wait for each other.
    pub serialize: Serialization,
    /// How long a run may last before it is cancelled and answered with a failed result. Default: as
    /// long as it likes.
    pub run_timeout_ms: Option<u64>,
    /// How long a run may go without a log line or a report of progress before it is cancelled and
    /// answered with a failed result. Default: as long as it likes.
    pub progress_timeout_ms: Option<u64>,
    /// How long a cancelled run may go on before it is abandoned. While its code still works, further
    /// events of its resource are given back, later each time.
    pub cancel_grace_ms: u64,
    /// How many bytes of log lines may wait for the server before the writer waits.
    pub log_buffer_bytes: u32,
    /// How many log lines may be on their way without the server's word that they are stored.
    pub log_window: u32,
    /// The least number of unacknowledged events the consumer allows, over all instances.
    pub max_ack_pending: u32,
    /// Take over a consumer of this name that another runtime made, or whose filters would be
    /// narrowed, although messages held for it may be lost.
    pub adopt: bool,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            resources: Vec::new(),
            events: vec!["*".to_owned()],
            concurrency: 1,
            ack_wait_ms: 30_000,
            max_attempts: 5,
            max_deliveries: None,
            retry_initial_ms: 1_000,
            retry_max_ms: 300_000,
            serialize: Serialization::Resource,
            run_timeout_ms: None,
            progress_timeout_ms: None,
            cancel_grace_ms: 10_000,
            log_buffer_bytes: 4 * 1024 * 1024,
            log_window: 1_024,
            max_ack_pending: 1_000,
            adopt: false,
        }
    }
}

limits!(DriverOptions {
    concurrency: 1..=65_536;
    ack_wait_ms: 1_000..=DAY_MS;
    max_attempts: 1..=1_000_000;
    max_deliveries: 1..=1_000_000, not below max_attempts;
    retry_initial_ms: 0..=30 * DAY_MS;
    retry_max_ms: 0..=30 * DAY_MS, not below retry_initial_ms;
    run_timeout_ms: 1..=30 * DAY_MS;
    progress_timeout_ms: 1..=30 * DAY_MS;
    cancel_grace_ms: 0..=DAY_MS;
    log_buffer_bytes: 65_536..=1 << 30;
    log_window: 1..=65_536;
    max_ack_pending: 1..=1_000_000;
});

impl DriverOptions {
    /// Notes every fault, each path starting with `path`.
    pub fn check(&self, path: &str, faults: &mut Faults) {
        let at = |option: &str| at(path, option);
        if let Some(reason) = name_fault(&self.name) {
            faults.add(at("name"), reason);
        }
        if self.resources.is_empty() {
            faults.add(at("resources"), "must name at least one resource type");
        }
        for (i, resource) in self.resources.iter().enumerate() {
            let here = at(&format!("resources[{i}]"));
            if let Some(reason) = name_fault(resource) {
                faults.add(here, reason);
            } else if let Some(first) = self.resources[..i].iter().position(|r| r == resource) {
                faults.add(here, format_args!("is the same as resources[{first}]"));
            }
        }
        if self.events.is_empty() {
            faults.add(at("events"), "must name at least one event, or '*' for all");
        }
        for (i, event) in self.events.iter().enumerate() {
            if event.is_empty() {
                faults.add(at(&format!("events[{i}]")), "is empty; use '*' for all events");
            }
        }
        faults.limits(path, self, Self::LIMITS);
    }

    /// `max_deliveries`, or its default.
    #[must_use]
    pub fn most_deliveries(&self) -> u32 {
        const SHUTDOWNS_FORGIVEN: u32 = 5;
        self.max_deliveries.unwrap_or(self.max_attempts.saturating_add(SHUTDOWNS_FORGIVEN))
    }

    /// Whether a broadcast event of this name is wanted.
    #[must_use]
    pub fn wants(&self, event: &str) -> bool {
        self.events.iter().any(|wanted| wanted == "*" || wanted == event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    fn faulty_paths(options: &DriverOptions) -> Vec<String> {
        let mut faults = Faults::default();
        options.check("drivers[0]", &mut faults);
        match faults.into_result() {
            Ok(()) => Vec::new(),
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::OptionsInvalid);
                error.context().iter().map(|(path, _)| path.clone()).collect()
            }
        }
    }

    #[test]
    fn defaults_lack_only_what_has_no_default() {
        assert_eq!(
            faulty_paths(&DriverOptions::default()),
            ["drivers[0].name", "drivers[0].resources"]
        );
    }

    #[test]
    fn all_faults_are_found_at_once() {
        let options = DriverOptions {
            name: "a.b".into(),
            resources: vec!["x".into(), "y z".into(), "x".into()],
            events: vec![String::new()],
            concurrency: 0,
            ack_wait_ms: 10,
            retry_initial_ms: 10,
            retry_max_ms: 5,
            ..DriverOptions::default()
        };
        assert_eq!(
            faulty_paths(&options),
            [
                "drivers[0].name",
                "drivers[0].resources[1]",
                "drivers[0].resources[2]",
                "drivers[0].events[0]",
                "drivers[0].concurrency",
                "drivers[0].ack_wait_ms",
                "drivers[0].retry_max_ms"
            ]
        );
    }

    #[test]
    fn the_empty_event_reaches_only_drivers_that_want_all() {
        let mut options = DriverOptions::default();
        assert!(options.wants("") && options.wants("create"));
        options.events = vec!["create".into()];
        assert!(options.wants("create") && !options.wants("") && !options.wants("process"));
    }
}
