//! What became of each run.

use std::collections::BTreeMap;

use conveyor_driver::RunId;
use conveyor_driver::message::ResultEvent;

/// The results of every run, in the order they came.
#[derive(Debug, Default)]
pub(super) struct RunBook(BTreeMap<RunId, Vec<Answer>>);

#[derive(Debug)]
struct Answer {
    event: ResultEvent,
    ends_run: bool,
}

impl RunBook {
    pub(super) fn note(&mut self, event: ResultEvent, ends_run: bool) {
        self.0.entry(event.run_id.clone()).or_default().push(Answer { event, ends_run });
    }

    pub(super) fn results(&self, run: &RunId) -> Vec<ResultEvent> {
        self.0.get(run).into_iter().flatten().map(|answer| answer.event.clone()).collect()
    }

    /// The result after which nothing was left to do.
    pub(super) fn last(&self, run: &RunId) -> Option<ResultEvent> {
        let answers = self.0.get(run)?;
        answers.iter().find(|answer| answer.ends_run).map(|answer| answer.event.clone())
    }
}
