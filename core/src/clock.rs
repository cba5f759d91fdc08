//! Wall-clock time, read in this file only. Durations and deadlines use tokio's clock, which tests
//! can pause.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::fault_point;

/// Nanoseconds since 1970, UTC; zero for a clock set before that.
#[allow(clippy::disallowed_methods)]
pub(crate) fn unix_nanos() -> u64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX));
    fault_point::jumped(elapsed)
}

/// RFC 3339 in UTC with exactly nine fraction digits and `Z`, so that text order is time order.
pub(crate) fn rfc3339(unix_nanos: u64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(unix_nanos))
        .map_or_else(|_| "1970-01-01T00:00:00.000000000Z".to_owned(), |time| format!("{time:.9}"))
}

/// The same for many stamps in a row: within one second only the fraction is written anew.
#[derive(Debug, Default)]
pub(crate) struct Stamper {
    second: Option<u64>,
    text: Vec<u8>,
}

impl Stamper {
    pub(crate) fn stamp(&mut self, unix_nanos: u64) -> &[u8] {
        const NANOS: u64 = 1_000_000_000;
        const FRACTION: Range<usize> = 20..29;
        let second = unix_nanos / NANOS;
        if self.second != Some(second) {
            self.second = Some(second);
            self.text = rfc3339(second * NANOS).into_bytes();
        }
        let mut rest = unix_nanos % NANOS;
        for digit in self.text[FRACTION].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_order_is_time_order(one in any::<u64>(), gap in any::<u64>()) {
            let other = one.saturating_add(gap);
            prop_assert_eq!(rfc3339(one).cmp(&rfc3339(other)), one.cmp(&other));
            prop_assert_eq!(rfc3339(one).len(), "2026-01-01T00:00:00.000000001Z".len());
        }
    }

    proptest! {
        #[test]
        fn a_stamper_writes_what_each_stamp_would_be(
            from in any::<u64>(), gaps in prop::collection::vec(0_u64..1_500_000_000, 1..9),
        ) {
            let (mut stamper, mut now) = (Stamper::default(), from);
            for gap in gaps {
                now = now.saturating_add(gap);
                let text = rfc3339(now);
                prop_assert_eq!(stamper.stamp(now), text.as_bytes());
            }
        }
    }

    #[test]
    fn timestamps_have_nine_digits_and_end_in_z() {
        assert_eq!(rfc3339(1_767_225_600_000_000_001), "2026-01-01T00:00:00.000000001Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000000Z");
    }
}
