//! Waiting for what may come back: delays that grow, and a word about it now and then.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long one goes without repeating that one is still waiting.
const SAY_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Doubles a delay from `first` up to `most`, jittered so that many waiters do not move together.
#[derive(Debug)]
pub(crate) struct Patience {
    first: Duration,
    most: Duration,
    failures: u32,
    said: Option<Instant>,
}

impl Patience {
    pub(crate) const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, failures: 0, said: None }
    }

    /// For a server or stream that should be there soon: 100 ms to 5 s.
    pub(crate) const fn for_server() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(5))
    }

    /// Whether to say that it still fails: the first time, then every half minute.
    pub(crate) fn speaks(&mut self) -> bool {
        let now = Instant::now();
        let due = self.said.is_none_or(|said| now.duration_since(said) >= SAY_AGAIN_AFTER);
        if due {
            self.said = Some(now);
        }
        due
    }

    pub(crate) async fn wait(&mut self) {
        sleep(self.delay()).await;
    }

    /// How long to wait next.
    pub(crate) fn delay(&mut self) -> Duration {
        let delay = jittered(self.first, self.most, self.failures);
        self.failures = self.failures.saturating_add(1);
        delay
    }

    /// What failed works again. True when that was worth a word before.
    pub(crate) fn reset(&mut self) -> bool {
        self.failures = 0;
        self.said.take().is_some()
    }
}

/// `first` doubled `doublings` times, at most `most`, then between half of that and all of it.
pub(crate) fn jittered(first: Duration, most: Duration, doublings: u32) -> Duration {
    let whole = first.saturating_mul(2_u32.saturating_pow(doublings)).min(most);
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_most_and_keep_at_least_half() {
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(60));
        for (doublings, whole) in [(0, 1), (1, 2), (5, 32), (6, 60), (4_000_000_000, 60)] {
            let whole = Duration::from_secs(whole);
            for _ in 0..50 {
                let delay = jittered(first, most, doublings);
                assert!(delay >= whole / 2 && delay <= whole, "{doublings}: {delay:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_speaks_at_first_and_then_every_half_minute() {
        let mut patience = Patience::for_server();
        assert!(patience.speaks());
        assert!(!patience.speaks());
        tokio::time::advance(SAY_AGAIN_AFTER).await;
        assert!(patience.speaks());
        assert!(patience.reset());
        assert!(!patience.reset());
        assert!(patience.speaks());
    }
}
