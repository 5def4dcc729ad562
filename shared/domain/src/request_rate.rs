//! How many requests a key may make: so many in each minute of the clock.

use jiff::Timestamp;

const MINUTE_S: i64 = 60;

/// A minute of the clock, since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(pub i64);

impl Minute {
    /// The minute that holds a moment.
    pub fn holding(at: Timestamp) -> Self {
        Self(at.as_second().div_euclid(MINUTE_S))
    }

    /// When it ends, in seconds since 1970.
    pub fn end_s(self) -> i64 {
        self.0.saturating_add(1).saturating_mul(MINUTE_S)
    }

    /// Whole seconds until it ends, rounded up: after so many it is over.
    pub fn left_s(self, now: Timestamp) -> u64 {
        // Within the minute's last second one is left.
        u64::try_from(self.end_s().saturating_sub(now.as_second())).unwrap_or(0)
    }
}

/// How a key stands with its limit, this request included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests that it may make in a minute.
    pub limit: u32,
    /// Requests that it made in this one.
    pub made: u64,
    /// Whole seconds until the next minute.
    pub reset_s: u64,
}

impl Rate {
    /// True where this request is one too many.
    pub fn is_exceeded(&self) -> bool {
        self.made > u64::from(self.limit)
    }

    /// Requests that are left in this minute.
    pub fn remaining(&self) -> u64 {
        u64::from(self.limit).saturating_sub(self.made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_ends_when_the_next_begins() {
        let at = |ms: i64| Timestamp::from_millisecond(ms).unwrap();
        for (ms, minute, left) in [(0, 0, 60), (1, 0, 60), (59_000, 0, 1), (59_999, 0, 1), (60_000, 1, 60)] {
            let now = at(ms);
            assert_eq!(Minute::holding(now), Minute(minute), "{ms}");
            assert_eq!(Minute(minute).left_s(now), left, "{ms}");
        }
        assert_eq!(Minute(0).left_s(at(61_000)), 0, "over");
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        for (made, exceeded, remaining) in [(1, false, 1), (2, false, 0), (3, true, 0)] {
            let rate = Rate { limit: 2, made, reset_s: 1 };
            assert_eq!((rate.is_exceeded(), rate.remaining()), (exceeded, remaining), "{made}");
        }
    }
}
