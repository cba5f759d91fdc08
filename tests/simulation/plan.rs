//! What a seed decides before a history begins.

use std::time::Duration;

use conveyor_driver::options::{DriverOptions, Serialization};
use fastrand::Rng;

use crate::event::{Event, Expected};
use crate::fault::Fault;

pub(crate) const RESOURCE_TYPES: [&str; 2] = ["build", "deploy"];

/// One history, as it is meant to go.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) drivers: Vec<DriverOptions>,
    pub(crate) slots: usize,
    pub(crate) shutdown_grace: Duration,
    pub(crate) max_payload: usize,
    /// Another durable consumer keeps every message, so that a deleted consumer finds them again.
    pub(crate) observer: bool,
    pub(crate) events: Vec<Event>,
    pub(crate) faults: Vec<(Duration, Fault)>,
    /// How long events and faults go on.
    pub(crate) stormy: Duration,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let max_payload = pick(&mut rng, &[2_000, 8_000, 1 << 20]);
        let stormy = pick(&mut rng, &[seconds(20), seconds(120), seconds(120), seconds(600)]);
        let drivers: Vec<_> =
            (0..rng.usize(1..=2)).map(|number| driver(&mut rng, number, stormy)).collect();
        let slots = rng.usize(1..=3);
        let names = rng.usize(1..=4);
        let mut events: Vec<_> = (0..rng.usize(1..=14))
            .map(|_| Event::random(&mut rng, &drivers, names, stormy, max_payload))
            .collect();
        events.sort_by_key(|event| event.at);
        let mut faults = Vec::new();
        for _ in 0..rng.usize(0..=8) {
            let at = stormy.mul_f64(rng.f64());
            faults.push((at, Fault::random(&mut rng, slots, events.len(), &drivers)));
        }
        faults.sort_by_key(|(at, _)| *at);
        Self {
            seed,
            drivers,
            slots,
            shutdown_grace: pick(&mut rng, &[seconds(0), seconds(2), seconds(30), seconds(300)]),
            max_payload,
            observer: rng.u8(..) < 32,
            events,
            faults,
            stormy,
        }
    }

    pub(crate) fn expected(&self, event: usize, driver: usize) -> Expected {
        self.events[event].expected(driver, &self.drivers[driver])
    }

    pub(crate) fn driver_named(&self, name: &str) -> usize {
        self.drivers.iter().position(|driver| driver.name == name).expect("a driver of the plan")
    }

    /// How long a manager may take from the word to stop until it has stopped.
    pub(crate) fn longest_drain(&self) -> Duration {
        let of = |driver: &DriverOptions| driver.ack_wait_ms + driver.cancel_grace_ms;
        let slowest = self.drivers.iter().map(of).max().unwrap_or_default();
        self.shutdown_grace + Duration::from_millis(slowest) + seconds(30)
    }
}

fn driver(rng: &mut Rng, number: usize, stormy: Duration) -> DriverOptions {
    // Leases are looked after each third of the wait, also while nothing happens: that takes time.
    let shortest = if stormy > seconds(120) { 5_000 } else { 1_000 };
    let retry_initial_ms = pick(rng, &[0, 100, 1_000, 20_000]);
    DriverOptions {
        name: format!("driver-{number}"),
        resources: match rng.u8(0..3) {
            0 => vec![RESOURCE_TYPES[0].to_owned()],
            1 => vec![RESOURCE_TYPES[1].to_owned()],
            _ => RESOURCE_TYPES.map(str::to_owned).to_vec(),
        },
        events: if rng.bool() { vec!["*".to_owned()] } else { vec!["create".to_owned()] },
        concurrency: pick(rng, &[1, 1, 2, 4, 16]),
        ack_wait_ms: pick(rng, &[shortest, 5_000, 30_000, 150_000]),
        max_attempts: rng.u32(1..=5),
        retry_initial_ms,
        retry_max_ms: retry_initial_ms.max(pick(rng, &[1_000, 60_000])),
        serialize: if rng.u8(..) < 64 { Serialization::None } else { Serialization::Resource },
        run_timeout_ms: pick(rng, &[None, None, None, Some(2_000), Some(60_000)]),
        progress_timeout_ms: pick(rng, &[None, None, None, Some(1_000), Some(30_000)]),
        cancel_grace_ms: pick(rng, &[0, 500, 10_000, 40_000]),
        log_buffer_bytes: 65_536,
        log_window: pick(rng, &[1, 2, 8, 256]),
        max_ack_pending: pick(rng, &[1, 8, 1_000]),
        adopt: false,
    }
}

pub(crate) fn pick<T: Copy>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())]
}

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
