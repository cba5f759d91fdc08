//! The results of one measurement: each event has exactly one, and it is good.

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::event::{DRIVER, RESOURCE, number};

/// What has come so far.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    times: Vec<Option<Times>>,
    missing: usize,
}

/// One event's times on the monotonic clock, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// When its reconcile began.
    pub(crate) start_us: i64,
    /// When its result was stored, or reached the engine.
    pub(crate) end_us: i64,
}

#[derive(Deserialize)]
struct Answer {
    event: String,
    run_id: String,
    resource: Echo,
    driverresult: Outcome,
}

#[derive(Deserialize)]
struct Echo {
    resource: String,
}

#[derive(Deserialize)]
struct Outcome {
    success: bool,
    data: Start,
    driver: String,
}

#[derive(Deserialize)]
struct Start {
    t_start_us: i64,
}

impl Answers {
    /// None yet, of so many events.
    #[must_use]
    pub(crate) fn to(events: usize) -> Self {
        Self { times: vec![None; events], missing: events }
    }

    /// Takes one result.
    ///
    /// # Errors
    /// When it is not a good one, or the second of its event.
    pub(crate) fn take(&mut self, end_us: i64, result: &[u8]) -> Result<()> {
        let answer: Answer = serde_json::from_slice(result).context("a result")?;
        let outcome = &answer.driverresult;
        ensure!(
            answer.event == "driver.result"
                && answer.resource.resource == RESOURCE
                && outcome.driver == DRIVER
                && outcome.success,
            "not a good result: {}",
            String::from_utf8_lossy(result)
        );
        let Some(times) = number(&answer.run_id).and_then(|i| self.times.get_mut(i)) else {
            bail!("a result of no event: {}", answer.run_id);
        };
        ensure!(times.is_none(), "a second result of {}", answer.run_id);
        *times = Some(Times { start_us: outcome.data.t_start_us, end_us });
        self.missing -= 1;
        Ok(())
    }

    /// How many have not come.
    #[must_use]
    pub(crate) fn missing(&self) -> usize {
        self.missing
    }

    /// The times of those that have come, by the number of their event.
    pub(crate) fn times(&self) -> impl Iterator<Item = (usize, Times)> {
        self.times.iter().enumerate().filter_map(|(i, times)| Some((i, (*times)?)))
    }

    /// The first start and the last end.
    #[must_use]
    pub(crate) fn span(&self) -> Option<Times> {
        let start_us = self.times().map(|(_, times)| times.start_us).min()?;
        let end_us = self.times().map(|(_, times)| times.end_us).max()?;
        Some(Times { start_us, end_us })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::run_id;

    fn result(i: usize, success: bool) -> Vec<u8> {
        json!({
            "event": "driver.result",
            "run_id": run_id(i),
            "resource": {"resource": RESOURCE},
            "driverresult": {"success": success, "data": {"t_start_us": 10 + i}, "driver": DRIVER},
        })
        .to_string()
        .into_bytes()
    }

    #[test]
    fn each_event_is_answered_once_and_well() {
        let mut answers = Answers::to(2);
        answers.take(20, &result(1, true)).unwrap();
        assert!(answers.take(21, &result(1, true)).is_err(), "a second time");
        assert!(answers.take(21, &result(0, false)).is_err(), "a failure");
        assert!(answers.take(21, &result(2, true)).is_err(), "an event that never was");
        assert_eq!(answers.missing(), 1);
        answers.take(30, &result(0, true)).unwrap();
        assert_eq!(answers.span(), Some(Times { start_us: 10, end_us: 30 }));
    }
}
