//! What goes wrong in a history.

use std::time::Duration;

use conveyor_driver::options::DriverOptions;
use fastrand::Rng;

use crate::plan::{pick, seconds};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    FailPublishes {
        pattern: &'static str,
        times: usize,
    },
    LoseReceipts {
        pattern: &'static str,
        times: usize,
    },
    LoseSettlements {
        times: usize,
    },
    /// The connection of the manager in that slot is away for so long.
    Cut {
        slot: usize,
        lasting: Duration,
    },
    DeleteConsumer {
        driver: usize,
    },
    Drain {
        slot: usize,
    },
    EndNow {
        slot: usize,
    },
    Drop {
        slot: usize,
    },
    /// As far as the server sees, the process is dead: nothing more comes from it.
    Kill {
        slot: usize,
    },
    Start {
        slot: usize,
    },
    /// Somebody has the runs of an event cancelled.
    Cancel {
        slot: usize,
        event: usize,
    },
}

const PATTERNS: [&str; 3] = ["pipelines.>", "logs.>", "dead-letters.>"];

impl Fault {
    pub(crate) fn random(
        rng: &mut Rng,
        slots: usize,
        events: usize,
        drivers: &[DriverOptions],
    ) -> Self {
        let slot = rng.usize(..slots);
        let times = pick(rng, &[1, 2, 5, 30]);
        match rng.u8(0..34) {
            0..4 => Self::FailPublishes { pattern: pick(rng, &PATTERNS), times },
            4..9 => Self::LoseReceipts { pattern: pick(rng, &PATTERNS), times },
            9..13 => Self::LoseSettlements { times },
            13..18 => {
                let driver = &drivers[rng.usize(..drivers.len())];
                let lease = Duration::from_millis(driver.ack_wait_ms);
                let times = pick(rng, &[0.1, 0.5, 0.95, 1.1, 2.0, 20.0]);
                Self::Cut { slot, lasting: lease.mul_f64(times).min(seconds(1_000)) }
            }
            18 => Self::DeleteConsumer { driver: rng.usize(..drivers.len()) },
            19..22 => Self::Drain { slot },
            22..24 => Self::EndNow { slot },
            24..26 => Self::Drop { slot },
            26..28 => Self::Kill { slot },
            28..32 => Self::Start { slot },
            _ => Self::Cancel { slot, event: rng.usize(..events) },
        }
    }
}
