//! What is measured.

use std::time::Duration;

use anyhow::Result;

use crate::candidate::{Candidate, RUNTIME};
use crate::contract::Work;
use crate::figures::Figures;
use crate::load::Load;
use crate::table::Table;
use crate::{live, resting, seam};

/// One measurement, made of every candidate.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name in the tables.
    pub name: String,
    /// The table it belongs to.
    pub table: Table,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Load(Load),
    Live { events: usize },
    Resting { runs: usize },
    Seam { runs: usize, in_flight: usize },
}

/// The first scenario, which every other one's CPU is told without.
pub const START: &str = "start";

/// How the sizes are chosen.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Every size times this.
    pub scale: f64,
    /// Whether a million events wait once, too.
    pub million: bool,
}

impl Scenario {
    /// All of them, [`START`] first.
    #[must_use]
    pub fn all(sizes: Sizes) -> Vec<Self> {
        let scaled = |full: usize| ((full as f64 * sizes.scale) as usize).max(1);
        let drain = |events| Load::new(events, 64, Work::Drain);
        let events = scaled(20_000);
        let mut all = vec![
            Self::load(START, Table::Start, Load::new(1, 64, Work::Drain)),
            Self::load("concurrency 64", Table::Events, drain(events)),
            Self::load("concurrency 512", Table::Events, Load::new(events, 512, Work::Drain)),
        ];
        for instances in [2, 4, 8] {
            let load = Load { instances, ..drain(events) };
            all.push(Self::load(&format!("{instances} instances"), Table::Events, load));
        }
        let neighbours = scaled(500);
        let load = Load { neighbours, ..drain(events) };
        all.push(Self::load(&format!("{neighbours} other drivers"), Table::Events, load));
        let backlogs = [1_000, 100_000].into_iter().chain(sizes.million.then_some(1_000_000));
        for waiting in backlogs.map(scaled) {
            all.push(Self::load(&format!("{waiting} waiting"), Table::Events, drain(waiting)));
        }
        let lines = scaled(50_000);
        let log = Load::new(1, 64, Work::Logs { lines, bytes: 120 });
        all.push(Self::load(&format!("{lines} lines"), Table::Logs, log));
        let live = Kind::Live { events: scaled(1_000) };
        all.push(Self { name: "one each 5 ms".to_owned(), table: Table::Latency, kind: live });
        let nap = Work::Sleep(Duration::from_millis(50));
        let naps = Load::new(scaled(200), 100, nap);
        all.push(Self::load("50 ms, concurrency 100", Table::Sleep, naps));
        let runs = scaled(10_000);
        let name = format!("{runs} at once");
        all.push(Self { name, table: Table::Sleep, kind: Kind::Resting { runs } });
        for in_flight in [1, 16, 256] {
            let runs = scaled(if in_flight == 1 { 100_000 } else { 2_000_000 });
            let name = format!("seam alone, {in_flight} in flight");
            all.push(Self { name, table: Table::Seam, kind: Kind::Seam { runs, in_flight } });
        }
        all
    }

    fn load(name: &str, table: Table, load: Load) -> Self {
        Self { name: name.to_owned(), table, kind: Kind::Load(load) }
    }

    /// Whether there is something to measure of this candidate: only the runtime has a seam.
    #[must_use]
    pub fn concerns(&self, candidate: &Candidate) -> bool {
        !matches!(self.kind, Kind::Seam { .. }) || candidate.name == RUNTIME
    }

    /// Measures a candidate. Its CPU is told without `started_cpu_us`, what a process takes that has
    /// only started and done one event.
    ///
    /// # Errors
    /// When it breaks the contract.
    pub async fn measure(&self, candidate: &Candidate, started_cpu_us: f64) -> Result<Figures> {
        match self.kind {
            Kind::Load(load) => load.measure(candidate, started_cpu_us).await,
            Kind::Live { events } => live::measure(candidate, events).await,
            Kind::Resting { runs } => resting::measure(candidate, runs).await,
            Kind::Seam { runs, in_flight } => seam::measure(runs, in_flight).await,
        }
    }
}
