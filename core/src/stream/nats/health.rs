//! Whether a pull still works: silence, drought and refusals.

use std::time::Duration;

use tokio::time::Instant;

use super::connect::back_off;
use crate::stream::ConsumerInfo;

pub(super) const HEARTBEAT: Duration = Duration::from_secs(5);
/// Two heartbeats missed, and a little: the server has forgotten the request.
const SILENCE: Duration = Duration::from_millis(10_500);
/// After this long without a delivery the consumer is asked whether it owes one.
const DROUGHT: Duration = Duration::from_secs(30);
/// A consumer that seems to owe one is asked again before it is believed.
const SECOND_OPINION: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Well,
    /// Nothing was heard for too long: pull anew.
    Silent,
    /// Heard, but nothing came: ask the consumer.
    Dry,
}

#[derive(Debug)]
pub(super) struct Health {
    heard: Instant,
    check: Instant,
    suspicious: bool,
    refusals: usize,
    paused: Option<Instant>,
}

impl Health {
    pub(super) fn new(now: Instant) -> Self {
        Self { heard: now, check: now + DROUGHT, suspicious: false, refusals: 0, paused: None }
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// A request was answered as it should be.
    pub(super) fn answered(&mut self) {
        self.refusals = 0;
        self.paused = None;
    }

    pub(super) fn delivered(&mut self, now: Instant) {
        self.answered();
        self.suspicious = false;
        self.check = now + DROUGHT;
    }

    pub(super) fn refused(&mut self, now: Instant) {
        self.refusals += 1;
        self.paused = Some(now + back_off(self.refusals, FIRST_PAUSE, LAST_PAUSE));
    }

    /// A request was sent while none was open: only now is there something to wait for.
    pub(super) fn waits_from(&mut self, now: Instant) {
        self.heard = now;
        self.check = self.check.max(now + SECOND_OPINION);
    }

    /// Until when nothing should be asked for.
    pub(super) fn paused(&self, now: Instant) -> Option<Instant> {
        self.paused.filter(|until| *until > now)
    }

    /// When to look at the [`verdict`](Self::verdict) of a pull that waits.
    pub(super) fn next_look(&self) -> Instant {
        (self.heard + SILENCE).min(self.check)
    }

    pub(super) fn verdict(&self, now: Instant) -> Verdict {
        if now >= self.heard + SILENCE {
            Verdict::Silent
        } else if now >= self.check {
            Verdict::Dry
        } else {
            Verdict::Well
        }
    }

    /// The question whether the consumer owes a delivery was asked, or answered.
    pub(super) fn asked_consumer(&mut self, now: Instant) {
        self.check = now + DROUGHT;
    }

    /// Whether a pull that waits should be made anew, by what the consumer says of itself.
    pub(super) fn is_stalled(&mut self, info: &ConsumerInfo, now: Instant) -> bool {
        let room = info.ack_pending < u64::from(info.config.max_ack_pending);
        let owes = info.waiting == 0 || (info.pending > 0 && room);
        let twice = owes && self.suspicious;
        self.suspicious = owes && !twice;
        self.check = now + if self.suspicious { SECOND_OPINION } else { DROUGHT };
        twice
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::ConsumerConfig;
    use std::collections::BTreeMap;

    fn info(pending: u64, ack_pending: u64, waiting: u64) -> ConsumerInfo {
        ConsumerInfo {
            config: ConsumerConfig {
                name: "c".into(),
                durable: true,
                filters: Vec::new(),
                ack_wait: Duration::from_secs(30),
                max_ack_pending: 10,
                inactive_threshold: None,
                metadata: BTreeMap::new(),
            },
            identity: String::new(),
            unusable: None,
            pending,
            ack_pending,
            waiting,
        }
    }

    #[tokio::test]
    async fn silence_and_drought_are_told_apart() {
        let start = Instant::now();
        let mut health = Health::new(start);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(health.verdict(at(10)), Verdict::Well);
        assert_eq!(health.verdict(at(11)), Verdict::Silent);
        health.heard(at(25));
        assert_eq!(health.verdict(at(29)), Verdict::Well);
        assert_eq!(health.verdict(at(31)), Verdict::Dry);
        health.delivered(at(31));
        assert_eq!(health.verdict(at(32)), Verdict::Well);
    }

    #[tokio::test]
    async fn a_consumer_that_owes_deliveries_twice_is_stalled() {
        let now = Instant::now();
        let mut health = Health::new(now);
        assert!(!health.is_stalled(&info(5, 0, 1), now));
        assert!(health.is_stalled(&info(5, 0, 1), now));
        // Its limit is reached, or it has nothing: it owes nothing.
        for info in [info(5, 10, 1), info(0, 0, 1)] {
            assert!(!health.is_stalled(&info, now));
            assert!(!health.is_stalled(&info, now));
        }
        // It knows of no request at all.
        assert!(!health.is_stalled(&info(0, 0, 0), now));
        assert!(health.is_stalled(&info(0, 0, 0), now));
    }

    #[tokio::test]
    async fn refusals_pause_until_an_answer() {
        let now = Instant::now();
        let mut health = Health::new(now);
        health.refused(now);
        assert!(health.paused(now).is_some());
        assert_eq!(health.paused(now + LAST_PAUSE), None);
        health.answered();
        assert_eq!(health.paused(now), None);
    }
}
