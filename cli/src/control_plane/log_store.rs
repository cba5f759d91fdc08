//! Stored log lines, in the order of their timestamps.

use std::collections::BTreeMap;

use conveyor_driver::RunId;
use conveyor_driver::message::LogEntry;

/// Every log line that was stored. Lines of equal timestamps keep the order they came in.
#[derive(Debug, Default)]
pub struct LogStore {
    runs: BTreeMap<RunId, BTreeMap<Place, LogEntry>>,
    arrived: Vec<(RunId, Place)>,
}

/// Timestamp as text, then arrival.
type Place = (String, u64);

/// Which log lines are wanted. What is not given does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Those of this run.
    pub run: Option<RunId>,
    /// Those of this driver.
    pub driver: Option<String>,
    /// Those of resources with this pipeline.
    pub pipeline: Option<String>,
}

impl LogQuery {
    /// The lines of one run.
    #[must_use]
    pub fn of_run(run: &RunId) -> Self {
        Self { run: Some(run.clone()), ..Self::default() }
    }

    /// Of those, the lines of one driver.
    #[must_use]
    pub fn by(mut self, driver: &str) -> Self {
        self.driver = Some(driver.to_owned());
        self
    }

    fn wants(&self, entry: &LogEntry) -> bool {
        self.driver.as_ref().is_none_or(|driver| *driver == entry.driver)
            && self.pipeline.as_ref().is_none_or(|pipeline| *pipeline == entry.pipeline)
    }
}

impl LogStore {
    /// Keeps a line.
    pub fn insert(&mut self, entry: LogEntry) {
        let place = (entry.timestamp.clone(), self.arrived.len() as u64);
        self.arrived.push((entry.runid.clone(), place.clone()));
        self.runs.entry(entry.runid.clone()).or_default().insert(place, entry);
    }

    /// The lines in the order they came, labels included, but for so many of the first.
    #[must_use]
    pub fn after(&self, seen: usize) -> Vec<LogEntry> {
        let rest = self.arrived.get(seen..).unwrap_or_default();
        rest.iter().filter_map(|(run, place)| self.runs.get(run)?.get(place)).cloned().collect()
    }

    /// How many lines have come.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.arrived.len()
    }

    /// Whether none has come.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }

    /// The lines wanted, in the order of their timestamps as text, without their labels: the server does
    /// not store them.
    #[must_use]
    pub fn query(&self, query: &LogQuery) -> Vec<LogEntry> {
        let mut found: Vec<_> = self.matching(query).collect();
        found.sort_by_key(|(place, _)| *place);
        let without_labels = |(_, entry): (_, &LogEntry)| LogEntry {
            labels: serde_json::Map::new(),
            ..entry.clone()
        };
        found.into_iter().map(without_labels).collect()
    }

    /// How many lines there are.
    #[must_use]
    pub fn count(&self, query: &LogQuery) -> usize {
        match query {
            LogQuery { run: Some(run), driver: None, pipeline: None } => {
                self.runs.get(run).map_or(0, BTreeMap::len)
            }
            _ => self.matching(query).count(),
        }
    }

    fn matching<'a>(
        &'a self,
        query: &'a LogQuery,
    ) -> impl Iterator<Item = (&'a Place, &'a LogEntry)> {
        let one = query.run.as_ref().map(|run| self.runs.get(run));
        let all = one.is_none().then(|| self.runs.values());
        one.flatten()
            .into_iter()
            .chain(all.into_iter().flatten())
            .flatten()
            .filter(|(_, entry)| query.wants(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(run: &str, driver: &str, timestamp: &str, message: &str) -> LogEntry {
        LogEntry {
            runid: run.into(),
            driver: driver.into(),
            timestamp: timestamp.into(),
            message: message.into(),
            ..LogEntry::default()
        }
    }

    #[test]
    fn lines_come_back_by_timestamp_then_arrival() {
        let mut store = LogStore::default();
        for (run, driver, time, message) in [
            ("b", "git", "2", "third"),
            ("a", "git", "3", "fourth"),
            ("a", "go", "1", "first"),
            ("a", "git", "1", "second"),
        ] {
            store.insert(entry(run, driver, time, message));
        }
        let messages = |query: &LogQuery| -> Vec<String> {
            assert_eq!(store.count(query), store.query(query).len());
            store.query(query).into_iter().map(|entry| entry.message).collect()
        };
        assert_eq!(messages(&LogQuery::default()), ["first", "second", "third", "fourth"]);
        let a = LogQuery::of_run(&"a".into());
        assert_eq!(messages(&a), ["first", "second", "fourth"]);
        assert_eq!(messages(&a.by("git")), ["second", "fourth"]);
        assert!(messages(&LogQuery::of_run(&"c".into())).is_empty());
    }
}
