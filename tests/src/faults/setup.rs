//! How a cell's stage is set, before anything goes wrong.

use std::time::Duration;

use conveyor_driver::options::DriverOptions;

use super::actor::Work;
use super::checker::Bounds;

/// The driver's name in every cell: each has a server of its own.
pub(super) const DRIVER: &str = "builder";
/// The type of every resource.
pub(super) const RESOURCE: &str = "app";

/// A server that is killed forgets what it delivered within the last moments, and delivers it again.
pub(super) const SERVER_FORGETS: &str = "a killed server forgets its latest deliveries";
/// A delivery that waited in a network which stood still is taken for a fresh one: its lease is counted
/// from when it was read. It should be counted from when it was sent, which nothing tells.
pub(super) const STALE_DELIVERY: &str = "a delivery's age is not known";
/// A server that stood still may hand an event on and then confirm the renewal of the lease before.
pub(super) const STALE_RENEWAL: &str = "the server confirms the renewal of a lease that is over";

/// How a cell's stage is set.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How many drivers; the first is the victim, behind the proxy.
    pub instances: usize,
    /// The drivers' options.
    pub options: DriverOptions,
    /// How long runs may go on after a drain began.
    pub shutdown_grace_ms: u64,
    /// How many events, at least; up to twice as many.
    pub events: usize,
    /// Over how many resources.
    pub resources: usize,
    /// What each event asks for.
    pub work: Work,
    /// How long every fourth event takes instead: longer than a lease that is not renewed.
    pub long_ms: Option<u64>,
    /// The longest pause between two events.
    pub spread_ms: u64,
    /// The point of the core at which the victim is held.
    pub point: Option<&'static str>,
    /// Three servers, and every stream on all of them.
    pub cluster: bool,
    /// The streams are there when the drivers start.
    pub streams: bool,
    /// Another consumer wants the same messages, so that a deleted consumer loses none.
    pub keeper: bool,
    /// A driver that died is started again.
    pub respawn: bool,
    /// Further text for the server's configuration.
    pub server_config: String,
    /// What the history is held to, besides what always holds.
    pub bounds: Bounds,
}

impl Default for Setup {
    fn default() -> Self {
        let ack_wait_ms = 1_500;
        let cancel_grace_ms = 500;
        Self {
            instances: 2,
            options: DriverOptions {
                name: DRIVER.to_owned(),
                resources: vec![RESOURCE.to_owned()],
                concurrency: 4,
                ack_wait_ms,
                cancel_grace_ms,
                // Lines are still waiting for their turn when a run ends.
                log_window: 2,
                ..DriverOptions::default()
            },
            shutdown_grace_ms: 2_000,
            events: 20,
            resources: 5,
            work: Work { lines: 8, ..Work::default() },
            long_ms: None,
            spread_ms: 40,
            point: None,
            cluster: false,
            streams: true,
            keeper: false,
            respawn: false,
            server_config: String::new(),
            bounds: Bounds {
                after_kill: None,
                after_drain: None,
                cancel_grace: Duration::from_millis(cancel_grace_ms),
                once: false,
                beside: None,
            },
        }
    }
}

impl Setup {
    /// The stage with some events that take longer than a lease that is not renewed.
    #[must_use]
    pub const fn with_long_runs(mut self) -> Self {
        self.long_ms = Some(2 * self.options.ack_wait_ms);
        self
    }

    /// The stage where an event may run in two processes at once, for a reason.
    #[must_use]
    pub const fn beside(mut self, reason: &'static str) -> Self {
        self.bounds.beside = Some(reason);
        self
    }

    /// The drivers' ack wait.
    #[must_use]
    pub const fn ack_wait(&self) -> Duration {
        Duration::from_millis(self.options.ack_wait_ms)
    }
}
