//! Notices that the process stood still, as under SIGSTOP or in a machine that was suspended.
//!
//! A delivery that is read after a standstill may have come at its beginning: the event can be with
//! another instance by now.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// Beats four times within an ack wait.
#[derive(Debug)]
pub(super) struct Pulse {
    period: Duration,
    ticks: Interval,
    last: Instant,
}

impl Pulse {
    pub(super) fn new(ack_wait: Duration) -> Self {
        const SLOWEST: Duration = Duration::from_secs(5);
        let period = (ack_wait / 4).min(SLOWEST);
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { period, ticks, last: Instant::now() }
    }

    /// Waits for the next beat.
    pub(super) async fn beat(&mut self) {
        self.ticks.tick().await;
    }

    /// Nobody looked for a while, and nothing came of it.
    pub(super) fn reset(&mut self) {
        self.last = Instant::now();
    }

    /// Since when nothing moved, if that was for longer than two beats. Call it at every beat, and
    /// whenever something came.
    pub(super) fn stood_still(&mut self) -> Option<Instant> {
        let (now, last) = (Instant::now(), self.last);
        self.last = now;
        (now.duration_since(last) > self.period * 2).then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_standstill_is_told_once_with_its_beginning() {
        let mut pulse = Pulse::new(Duration::from_secs(4));
        for _ in 0..10 {
            pulse.beat().await;
            assert_eq!(pulse.stood_still(), None);
        }
        let began = Instant::now();
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(pulse.stood_still(), Some(began));
        assert_eq!(pulse.stood_still(), None);
    }
}
