//! Events as a plan holds them, and what reconcile does with each attempt.

use std::time::Duration;

use conveyor_driver::RunId;
use conveyor_driver::message::{DriverMessage, Resource};
use conveyor_driver::options::DriverOptions;
use conveyor_driver::subject;
use fastrand::Rng;
use serde_json::json;

use crate::plan::{RESOURCE_TYPES, pick, seconds};

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: Duration,
    /// The driver it is addressed to; a broadcast has none.
    pub(crate) addressed: Option<usize>,
    pub(crate) resource: &'static str,
    pub(crate) name: usize,
    pub(crate) event: &'static str,
    /// So many bytes that are no message.
    pub(crate) unreadable: Option<usize>,
    pub(crate) spec_bytes: usize,
    /// What the attempts do; the last one counts for all that follow.
    pub(crate) attempts: Vec<Attempt>,
}

#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) lines: u32,
    pub(crate) line_bytes: usize,
    pub(crate) sleep: Duration,
    pub(crate) heed: Heed,
    pub(crate) end: End,
}

/// What an attempt does about its cancellation while it sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heed {
    Ignores,
    EndsWithError,
    Finishes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Success { data_bytes: usize },
    Failure,
    Panic,
    Retry { after: Option<Duration> },
}

/// What one driver owes an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Nothing,
    Ignored,
    Answered,
    Buried,
}

impl Event {
    pub(crate) fn random(
        rng: &mut Rng,
        drivers: &[DriverOptions],
        names: usize,
        stormy: Duration,
        max_payload: usize,
    ) -> Self {
        let addressed = (rng.u8(..) < 80).then(|| rng.usize(..drivers.len()));
        let resource = match addressed {
            Some(driver) => {
                let resources = &drivers[driver].resources;
                let name = &resources[rng.usize(..resources.len())];
                RESOURCE_TYPES.into_iter().find(|known| known == name).unwrap_or_default()
            }
            None => pick(rng, &RESOURCE_TYPES),
        };
        Self {
            at: stormy.mul_f64(rng.f64()),
            addressed,
            resource,
            name: rng.usize(..names),
            event: pick(rng, &["create", "create", "create", "process"]),
            unreadable: (rng.u8(..) < 20)
                .then(|| pick(rng, &[1, 100, max_payload.min(8_000) - 10])),
            spec_bytes: pick(rng, &[0, 100, 1_500]),
            attempts: (0..rng.usize(1..=4)).map(|_| Attempt::random(rng)).collect(),
        }
    }

    pub(crate) fn expected(&self, driver: usize, options: &DriverOptions) -> Expected {
        let listens = options.resources.iter().any(|name| name == self.resource);
        if !listens || self.addressed.is_some_and(|to| to != driver) {
            Expected::Nothing
        } else if self.unreadable.is_some() {
            Expected::Buried
        } else if self.addressed.is_none() && !options.wants(self.event) {
            Expected::Ignored
        } else {
            Expected::Answered
        }
    }

    pub(crate) fn subject(&self) -> String {
        match self.addressed {
            Some(driver) => subject::driver(&format!("driver-{driver}"), self.resource),
            None => subject::resource(self.resource),
        }
    }

    pub(crate) fn payload(&self, number: usize) -> Vec<u8> {
        if let Some(bytes) = self.unreadable {
            return vec![b'#'; bytes];
        }
        let resource = Resource {
            name: format!("name-{}", self.name),
            resource: self.resource.to_owned(),
            spec: json!({"text": "s".repeat(self.spec_bytes)}),
            ..Resource::default()
        };
        DriverMessage::new(self.event, &resource, "", run_id(number)).encode()
    }

    pub(crate) fn attempt(&self, attempt: u32) -> &Attempt {
        &self.attempts[(attempt as usize - 1).min(self.attempts.len() - 1)]
    }
}

/// The run id names the event.
pub(crate) fn run_id(event: usize) -> RunId {
    format!("event-{event}").into()
}

pub(crate) fn event_of(run: &str) -> Option<usize> {
    run.strip_prefix("event-")?.parse().ok()
}

impl Attempt {
    fn random(rng: &mut Rng) -> Self {
        let whole = pick(rng, &[0, 0, 50, 1_000, 4_000, 40_000, 40_000, 400_000]);
        Self {
            lines: pick(rng, &[0, 1, 3, 12, 40]),
            line_bytes: pick(rng, &[1, 80, 80, 3_000]),
            sleep: Duration::from_millis(whole).mul_f64(rng.f64()),
            heed: pick(rng, &[Heed::Ignores, Heed::EndsWithError, Heed::Finishes]),
            end: match rng.u8(0..10) {
                0..4 => End::Success { data_bytes: pick(rng, &[0, 10, 5_000]) },
                4 => End::Failure,
                5 => End::Panic,
                6 => End::Retry { after: Some(pick(rng, &[seconds(0), seconds(3), seconds(200)])) },
                _ => End::Retry { after: None },
            },
        }
    }
}
