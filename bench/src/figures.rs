//! What one measurement came to.

use std::collections::BTreeMap;

use serde::Serialize;

/// Numbers by their names, each with its unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Notes a number.
    pub fn note(&mut self, name: impl Into<String>, value: f64) {
        self.0.insert(name.into(), value);
    }

    /// Notes the median and the 99th percentile of times as `<name>_p50_us` and `<name>_p99_us`.
    pub fn note_percentiles(&mut self, name: &str, mut times_us: Vec<i64>) {
        times_us.sort_unstable();
        if let Some(last) = times_us.len().checked_sub(1) {
            for percent in [50, 99] {
                let value = times_us[(last * percent + 50) / 100];
                self.note(format!("{name}_p{percent}_us"), value as f64);
            }
        }
    }

    /// A number, when it was noted.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

/// The middle of the repetitions, the least and the most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The median.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The most.
    pub(crate) most: f64,
}

impl Spread {
    /// Of some numbers; of none there is none.
    #[must_use]
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { median, least, most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_medians_are_of_what_was_measured() {
        let mut figures = Figures::default();
        figures.note_percentiles("start", (0..=200).rev().collect());
        assert_eq!(figures.get("start_p50_us"), Some(100.0));
        assert_eq!(figures.get("start_p99_us"), Some(198.0));
        let even = Spread::of(vec![4.0, 1.0, 2.0, 8.0]);
        assert_eq!(even, Some(Spread { median: 3.0, least: 1.0, most: 8.0 }));
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
