//! The checker: what must hold of every history.

mod answers;
#[cfg(test)]
mod bad_histories;
mod facts;
mod logs;
mod reports;
mod runs;
mod settlements;

use std::time::Duration;

use crate::history::{History, What};
use facts::Facts;

/// How long the streams refuse a message whose id they know.
pub(crate) const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Everything that is wrong with a history.
pub(crate) fn violations(history: &History) -> Vec<String> {
    let facts = Facts::of(history);
    let mut found = Vec::new();
    for what in history.entries.iter().map(|entry| &entry.what) {
        match what {
            What::Stuck { instance } => {
                found.push(format!("instance {instance} was told to stop and did not"));
            }
            What::Unsettled { .. } => found.push(format!("not all was settled: {what:?}")),
            _ => {}
        }
    }
    answers::check(history, &facts, &mut found);
    settlements::check(history, &facts, &mut found);
    runs::check(history, &facts, &mut found);
    logs::check(history, &facts, &mut found);
    reports::check(history, &facts, &mut found);
    found
}
