//! The runs and how far they are. No I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use conveyor_driver::RunId;
use conveyor_driver::message::{DriverResult, LogEntry, Resource, ResultEvent};
use serde::Serialize;
use tokio::time::Instant;

/// All runs that were seen.
#[derive(Debug, Default)]
pub struct RunTable {
    runs: BTreeMap<RunId, Run>,
    /// In the order they began.
    order: Vec<RunId>,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    /// `type/name` of its resource.
    pub resource: String,
    /// Its pipeline; empty without one.
    pub pipeline: String,
    /// How far it is.
    pub state: RunState,
    /// The driver that has it, or should; empty when any may.
    pub driver: String,
    /// Its steps so far.
    pub steps: Vec<Step>,
    /// Its last log line.
    pub last_line: String,
    began: Instant,
    step_began: Instant,
    ended: Option<Instant>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// No driver has said anything yet.
    Waiting,
    /// A driver is at work.
    Running,
    /// It came to a good end.
    Succeeded,
    /// It came to a bad end.
    Failed,
}

impl RunState {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// A step that was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The driver.
    pub driver: String,
    /// Its answer.
    pub result: DriverResult,
    /// From the event to the answer.
    pub took: Duration,
}

impl Run {
    fn new(resource: &Resource, driver: &str) -> Self {
        let now = Instant::now();
        Self {
            resource: format!("{}/{}", resource.resource, resource.name),
            pipeline: resource.pipeline.clone(),
            state: RunState::Waiting,
            driver: driver.to_owned(),
            steps: Vec::new(),
            last_line: String::new(),
            began: now,
            step_began: now,
            ended: None,
        }
    }

    /// How old it is, or became.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.ended.unwrap_or_else(Instant::now).duration_since(self.began)
    }

    /// Whether nothing more will come of it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.ended.is_some()
    }
}

impl RunTable {
    /// A run began; its first event goes to this driver, if to any alone.
    pub fn posted(&mut self, id: &RunId, resource: &Resource, driver: &str) {
        self.begin(id, || Run::new(resource, driver));
    }

    /// A driver wrote a line.
    pub fn line(&mut self, line: &LogEntry) {
        let Some(run) = self.runs.get_mut(&line.runid).filter(|run| !run.is_over()) else { return };
        run.state = RunState::Running;
        run.driver.clone_from(&line.driver);
        run.last_line.clone_from(&line.message);
    }

    /// Whether a line is one of a step to come: its driver was faster than the news of the step before.
    #[must_use]
    pub fn is_early(&self, line: &LogEntry) -> bool {
        self.runs.get(&line.runid).is_some_and(|run| {
            !run.pipeline.is_empty() && !run.is_over() && run.driver != line.driver
        })
    }

    /// A driver answered; the run goes on with the next driver, or is over.
    pub fn answered(&mut self, event: &ResultEvent, next: Option<&str>) -> &Run {
        // Somebody may have begun it by hand.
        self.begin(&event.run_id, || Run::new(&event.resource, &event.driver));
        let run = self.runs.entry(event.run_id.clone());
        let run = run.or_insert_with(|| Run::new(&event.resource, &event.driver));
        let now = Instant::now();
        run.steps.push(Step {
            driver: event.driver.clone(),
            result: event.result.clone(),
            took: now - run.step_began,
        });
        run.step_began = now;
        run.last_line.clear();
        match next {
            Some(driver) => {
                run.state = RunState::Waiting;
                driver.clone_into(&mut run.driver);
            }
            None => {
                let good = event.result.success;
                run.state = if good { RunState::Succeeded } else { RunState::Failed };
                run.driver.clone_from(&event.driver);
                run.ended = Some(now);
            }
        }
        run
    }

    /// A run.
    #[must_use]
    pub fn get(&self, id: &RunId) -> Option<&Run> {
        self.runs.get(id)
    }

    /// The runs that are not over, in the order they began.
    pub fn active(&self) -> impl Iterator<Item = (&RunId, &Run)> {
        let runs = self.order.iter().filter_map(|id| Some((id, self.runs.get(id)?)));
        runs.filter(|(_, run)| !run.is_over())
    }

    fn begin(&mut self, id: &RunId, run: impl FnOnce() -> Run) {
        if !self.runs.contains_key(id) {
            self.runs.insert(id.clone(), run());
            self.order.push(id.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(driver: &str, success: bool) -> ResultEvent {
        ResultEvent {
            run_id: "r".into(),
            resource: Resource::default(),
            driver: driver.to_owned(),
            result: DriverResult { success, ..DriverResult::default() },
        }
    }

    #[test]
    fn the_line_of_a_step_to_come_is_early() {
        let (id, mut table) = (RunId::from("r"), RunTable::default());
        let resource = Resource { pipeline: "p".to_owned(), ..Resource::default() };
        table.posted(&id, &resource, "fetch");
        let line = |driver: &str| LogEntry {
            runid: id.clone(),
            driver: driver.to_owned(),
            ..LogEntry::default()
        };
        assert!(!table.is_early(&line("fetch")) && table.is_early(&line("build")));
        table.answered(&answer("fetch", true), Some("build"));
        assert!(!table.is_early(&line("build")));
        table.answered(&answer("build", true), None);
        assert!(!table.is_early(&line("fetch")));
    }

    #[test]
    fn a_run_goes_from_driver_to_driver_until_it_is_over() {
        let (id, mut table) = (RunId::from("r"), RunTable::default());
        table.posted(&id, &Resource::default(), "fetch");
        let state = |table: &RunTable| {
            let run = table.get(&id).unwrap();
            (run.state, run.driver.clone(), run.is_over())
        };
        assert_eq!(state(&table), (RunState::Waiting, "fetch".into(), false));
        let line = LogEntry { runid: id.clone(), driver: "fetch".into(), ..LogEntry::default() };
        table.line(&line);
        assert_eq!(state(&table), (RunState::Running, "fetch".into(), false));
        table.answered(&answer("fetch", true), Some("build"));
        assert_eq!(state(&table), (RunState::Waiting, "build".into(), false));
        assert_eq!(table.active().count(), 1);
        table.answered(&answer("build", false), None);
        assert_eq!(state(&table), (RunState::Failed, "build".into(), true));
        table.line(&line);
        assert_eq!((table.active().count(), table.get(&id).unwrap().steps.len()), (0, 2));
    }
}
