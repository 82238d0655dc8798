//! How many requests are taken in a time: pure, whatever the clock.

use std::time::Duration;

/// A bucket of tokens: each request takes one; they come back at a steady rate, up to as many as the bucket holds. So
/// short bursts pass, and the mean is bounded.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenBucket {
    holds: f64,
    per_second: f64,
    left: f64,
    at: Duration,
}

impl TokenBucket {
    /// A full bucket that holds `burst` tokens, at least one, of which `per_second` come back; a rate that is not above
    /// zero counts as one a second.
    #[must_use]
    pub fn new(per_second: f64, burst: u32) -> Self {
        let per_second = if per_second.is_finite() && per_second > 0.0 { per_second } else { 1.0 };
        let holds = f64::from(burst.max(1));
        Self { holds, per_second, left: holds, at: Duration::ZERO }
    }

    /// Takes a token at `now`, a time since any instant that stays the same. A clock that goes back gives no tokens.
    ///
    /// # Errors
    ///
    /// When there is none: how long it is until there is one.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let passed = now.saturating_sub(self.at);
        self.at = self.at.max(now);
        self.left = (self.left + passed.as_secs_f64() * self.per_second).min(self.holds);
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        // At least a moment, so that who comes back after it does find one.
        let wait = ((1.0 - self.left) / self.per_second).clamp(1e-6, 1e9);
        Err(Duration::from_secs_f64(wait))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_burst_passes_and_then_one_at_a_time() {
        let mut bucket = TokenBucket::new(2.0, 3);
        assert_eq!([0; 4].map(|_| bucket.take(seconds(10.0)).is_ok()), [true, true, true, false]);
        assert_eq!(bucket.take(seconds(10.25)), Err(seconds(0.25)));
        assert_eq!(bucket.take(seconds(10.5)), Ok(()));
        assert!(bucket.take(seconds(10.5)).is_err());
    }

    #[test]
    fn a_long_pause_fills_it_and_no_more() {
        let mut bucket = TokenBucket::new(1.0, 2);
        assert!(bucket.take(seconds(0.0)).is_ok());
        assert_eq!([0; 3].map(|_| bucket.take(seconds(1e6)).is_ok()), [true, true, false]);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut bucket = TokenBucket::new(1.0, 1);
        assert!(bucket.take(seconds(100.0)).is_ok());
        assert!(bucket.take(seconds(5.0)).is_err());
        assert!(bucket.take(seconds(100.5)).is_err());
        assert!(bucket.take(seconds(101.0)).is_ok());
    }

    #[test]
    fn a_rate_that_is_none_is_one_a_second() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(TokenBucket::new(rate, 0), TokenBucket::new(1.0, 1));
        }
    }

    proptest! {
        #[test]
        fn no_more_pass_than_the_bucket_holds_and_what_has_come_back(
            rate in 0.1_f64..100.0, burst in 1_u32..50, pauses in prop::collection::vec(0.0_f64..2.0, 1..200),
        ) {
            let mut bucket = TokenBucket::new(rate, burst);
            let (mut now, mut passed) = (0.0, 0_u32);
            for pause in pauses {
                now += pause;
                match bucket.take(seconds(now)) {
                    Ok(()) => passed += 1,
                    Err(wait) => {
                        // Who waits as long as he is told is let in.
                        let mut later = bucket.clone();
                        prop_assert!(later.take(seconds(now) + wait + Duration::from_nanos(1_000)).is_ok(), "{wait:?}");
                    }
                }
                prop_assert!(f64::from(passed) <= f64::from(burst) + now * rate + 1e-6);
            }
        }
    }
}
