//! The runs in flight, in sight at the foot of a terminal.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use conveyor_driver::RunId;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::text::short_id;
use crate::dev::run_table::{Run, RunTable};
use crate::screen::{BOLD, DIM, clean, short};

const AGES_CHANGE: Duration = Duration::from_millis(250);
/// More runs than this are counted, not shown.
const MOST: usize = 12;

/// One line for each run, and beneath it its last log line.
pub(super) struct Live {
    area: MultiProgress,
    bars: BTreeMap<RunId, ProgressBar>,
    rest: Option<ProgressBar>,
    style: ProgressStyle,
    ticks: Option<Interval>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            area: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()),
            bars: BTreeMap::new(),
            rest: None,
            // Wide lines would wrap and not be wiped.
            style: ProgressStyle::with_template("{wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
            ticks: None,
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("runs", &self.bars.keys()).finish_non_exhaustive()
    }
}

impl Live {
    pub(super) async fn tick(&mut self) {
        let ticks = self.ticks.get_or_insert_with(|| {
            let mut ticks = interval(AGES_CHANGE);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        ticks.tick().await;
    }

    /// Writes something above what stays in sight.
    pub(super) fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        self.area.suspend(write)
    }

    pub(super) fn redraw(&mut self, runs: &RunTable) {
        let active: Vec<_> = runs.active().collect();
        let shown = &active[..active.len().min(MOST)];
        self.bars.retain(|id, bar| {
            let stays = shown.iter().any(|(active, _)| *active == id);
            if !stays {
                bar.finish_and_clear();
                self.area.remove(bar);
            }
            stays
        });
        for (id, run) in shown {
            let (area, style) = (&self.area, &self.style);
            let bar = self
                .bars
                .entry((*id).clone())
                .or_insert_with(|| area.add(ProgressBar::new_spinner().with_style(style.clone())));
            bar.set_message(status(id, run));
        }
        let more = active.len() - shown.len();
        match (more, &self.rest) {
            (0, Some(rest)) => {
                rest.finish_and_clear();
                self.area.remove(rest);
                self.rest = None;
            }
            (0, None) => {}
            _ => {
                let (area, style) = (&self.area, &self.style);
                let rest = self.rest.get_or_insert_with(|| {
                    area.add(ProgressBar::new_spinner().with_style(style.clone()))
                });
                rest.set_message(format!("and {more} more runs"));
            }
        }
    }
}

fn status(id: &RunId, run: &Run) -> String {
    let (id, word, age) = (short_id(id), run.state.word(), short(run.age()));
    let driver = if run.driver.is_empty() { "any driver" } else { &run.driver };
    let resource = clean(&run.resource);
    let line = format!("{BOLD}{word} {id}{BOLD:#}  {resource}  {driver}  {DIM}{age}{DIM:#}");
    let last = clean(run.last_line.lines().next().unwrap_or_default());
    if last.is_empty() { line } else { format!("{line}  {DIM}│ {last}{DIM:#}") }
}
