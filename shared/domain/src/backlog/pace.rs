//! How fast a backlog drains: as fast as the receiver bears.

use crate::failure::FailureReason;
use crate::subscription::RateLimit;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Attempts a second at the start of a drain, in thousandths.
const START_MILLI: u32 = 10_000;
/// What each success adds, in thousandths of an attempt a second.
const GROWTH_MILLI: u32 = 1_000;
/// The slowest: one attempt in two seconds.
const SLOWEST_MILLI: u32 = 500;
/// The fastest.
const FASTEST_MILLI: u32 = 200_000;

/// Attempts a second, in thousandths: it grows with each success, and is halved when the receiver says that it is too
/// much, by 429 or by not answering in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pace(u32);

impl Default for Pace {
    fn default() -> Self {
        Self(START_MILLI)
    }
}

impl Pace {
    /// The receiver accepted.
    pub fn grow(&mut self) {
        self.0 = self.0.saturating_add(GROWTH_MILLI).min(FASTEST_MILLI);
    }

    /// The receiver failed: halved where that says "too much".
    pub fn after(&mut self, reason: &FailureReason) {
        if matches!(reason, FailureReason::Timeout { .. }) || matches!(reason.status(), Some(429 | 502 | 504)) {
            self.0 = (self.0 / 2).max(SLOWEST_MILLI);
        }
    }

    /// The time from one attempt to the next, within the subscription's own limit.
    pub fn gap(self, limit: Option<RateLimit>) -> Duration {
        let milli = limit.map_or(self.0, |limit| self.0.min(limit.per_second().saturating_mul(1_000)));
        Duration::from_secs(1_000) / milli.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data::http_failure;

    #[test]
    fn it_is_halved_when_it_is_too_much_and_grows_with_success() {
        let mut pace = Pace::default();
        assert_eq!(pace.gap(None), Duration::from_millis(100));
        pace.after(&http_failure(500));
        assert_eq!(pace, Pace::default(), "an error of the receiver's says nothing about the pace");
        pace.after(&http_failure(429));
        assert_eq!(pace.gap(None), Duration::from_millis(200));
        pace.after(&FailureReason::timeout(Duration::from_secs(5)));
        assert_eq!(pace.gap(None), Duration::from_millis(400));
        for _ in 0..50 {
            pace.after(&http_failure(429));
        }
        assert_eq!(pace.gap(None), Duration::from_secs(2));
        for _ in 0..1_000 {
            pace.grow();
        }
        assert_eq!(pace.gap(None), Duration::from_millis(5));
        assert_eq!(pace.gap(RateLimit::new(2).ok()), Duration::from_millis(500));
    }
}
