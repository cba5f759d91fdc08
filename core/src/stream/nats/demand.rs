//! How many deliveries are wanted, and how many of them the server was asked for.

use std::collections::HashMap;

use tokio::time::{Duration, Instant};

/// One pull request asks for at most this many.
const LARGEST: usize = 4096;

/// The account of a pull. Never more is asked for than is wanted, and what the server takes back is
/// asked for again.
#[derive(Debug, Default)]
pub(super) struct Demand {
    wanted: usize,
    asked: usize,
    /// The pull requests that may still be open at the server. One that was answered in full ends
    /// without a word, so a request may stand here longer than there.
    open: HashMap<u64, Request>,
}

#[derive(Debug)]
struct Request {
    size: usize,
    until: Instant,
}

impl Demand {
    pub(super) fn want(&mut self, more: usize) {
        self.wanted = self.wanted.saturating_add(more);
    }

    pub(super) fn want_nothing(&mut self) {
        self.wanted = 0;
    }

    /// Whether a delivery would be welcome.
    pub(super) fn is_wanting(&self) -> bool {
        self.wanted > 0
    }

    /// Whether the server owes something.
    pub(super) fn is_waiting(&self) -> bool {
        self.asked > 0
    }

    /// How many the next pull request should ask for, if one is due.
    ///
    /// Small rises are gathered: as long as more is on its way than would be added, there is no
    /// hurry. So many permits do not make a request for each event.
    pub(super) fn due(&self) -> Option<usize> {
        let missing = self.wanted.saturating_sub(self.asked);
        (missing > 0 && missing >= self.asked).then(|| missing.min(LARGEST))
    }

    pub(super) fn asked(&mut self, request: u64, size: usize, until: Instant) {
        // Long answered; the grace is for a status that is late.
        const GRACE: Duration = Duration::from_secs(10);
        let now = Instant::now();
        self.open.retain(|_, request| request.until + GRACE > now);
        self.open.insert(request, Request { size, until });
        self.asked += size;
    }

    /// Takes one delivery; `false` when it was not wanted.
    pub(super) fn delivered(&mut self) -> bool {
        self.asked = self.asked.saturating_sub(1);
        if self.asked == 0 {
            self.open.clear();
        }
        let wanted = self.wanted > 0;
        self.wanted = self.wanted.saturating_sub(1);
        wanted
    }

    /// The server ended a request with this many not delivered; without a number, with all of it.
    pub(super) fn ended(&mut self, request: u64, left: Option<usize>) {
        if let Some(Request { size, .. }) = self.open.remove(&request) {
            self.asked = self.asked.saturating_sub(left.unwrap_or(size).min(size));
        }
        if self.open.is_empty() {
            self.asked = 0;
        }
    }

    /// No request is open any more.
    pub(super) fn all_ended(&mut self) {
        self.asked = 0;
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[tokio::test]
    async fn small_rises_are_gathered() {
        let mut demand = Demand::default();
        assert_eq!(demand.due(), None);
        demand.want(10);
        assert_eq!(demand.due(), Some(10));
        demand.asked(1, 10, later());
        for _ in 0..4 {
            assert!(demand.delivered());
            demand.want(1);
        }
        assert_eq!(demand.due(), None);
        assert!(demand.delivered());
        demand.want(1);
        assert_eq!(demand.due(), Some(5));
    }

    #[tokio::test]
    async fn what_the_server_takes_back_is_due_again() {
        let mut demand = Demand::default();
        demand.want(4);
        demand.asked(1, 4, later());
        demand.delivered();
        demand.ended(1, Some(3));
        assert!(!demand.is_waiting());
        assert_eq!(demand.due(), Some(3));
        demand.asked(2, 3, later());
        demand.ended(2, None);
        demand.ended(2, None);
        assert_eq!(demand.due(), Some(3));
    }

    #[tokio::test]
    async fn a_surplus_delivery_is_not_wanted() {
        let mut demand = Demand::default();
        demand.want(1);
        assert!(demand.delivered());
        assert!(!demand.delivered());
        assert_eq!(demand.due(), None);
    }

    proptest! {
        #[test]
        fn never_more_is_asked_for_than_is_wanted(
            steps in prop::collection::vec((0_u8..4, 1_usize..20), 1..200),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let _inside = runtime.enter();
            let mut demand = Demand::default();
            let mut next = 0;
            for (step, size) in steps {
                match step {
                    0 => demand.want(size),
                    1 => if let Some(due) = demand.due() {
                        next += 1;
                        demand.asked(next, due, later());
                    },
                    2 => if demand.is_waiting() { assert!(demand.delivered()); },
                    _ => demand.ended(next, (size % 2 == 0).then_some(size)),
                }
                prop_assert!(demand.asked <= demand.wanted);
            }
        }
    }
}
