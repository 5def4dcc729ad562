//! When a subscription has failed too much to go on.
//!
//! The rule is the source's: "If >99% of requests fail within a 24-hour period then […] will automatically disable
//! the webhook". Failed are divided by all attempts, counted from creation or the last enabling.

use crate::stats::{Bucket, Counts};
use jiff::Timestamp;

/// When to disable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailurePolicy {
    /// Disabled strictly above this rate, in hundredths of a percent: 9900 is 99 %.
    pub threshold_basis_points: u32,
    /// How far back attempts count.
    pub window_hours: u32,
    /// With fewer attempts in the window nothing is decided.
    pub minimum_attempts: u64,
}

impl Default for FailurePolicy {
    fn default() -> Self {
        Self { threshold_basis_points: 9_900, window_hours: 24, minimum_attempts: 10 }
    }
}

/// What the attempts of the window say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// All counts of the window.
    pub counts: Counts,
    /// Whether to disable.
    pub verdict: Verdict,
}

/// Whether to disable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Keep,
    /// Disable.
    Disable,
}

/// Assesses a subscription that has been enabled since `enabled_since`.
///
/// A bucket counts where any part of it lies in the window, so the window is exact to a quarter of an hour; buckets
/// of an earlier period of being enabled do not count.
pub fn assess(buckets: &[Bucket], now: Timestamp, enabled_since: Timestamp, policy: FailurePolicy) -> Assessment {
    let from_s = now.as_second() - i64::from(policy.window_hours) * 3600;
    let mut counts = Counts::default();
    for bucket in buckets.iter().filter(|bucket| bucket.enabled_since == enabled_since && bucket.start.end_s() > from_s)
    {
        counts.merge(&bucket.counts);
    }
    // Whole numbers, so that exactly 99 % is exactly not above 99 %.
    let above =
        u128::from(counts.failures) * 10_000 > u128::from(policy.threshold_basis_points) * u128::from(counts.attempts);
    let enough = counts.attempts >= policy.minimum_attempts;
    let verdict = if above && enough { Verdict::Disable } else { Verdict::Keep };
    Assessment { counts, verdict }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::BucketStart;

    const NOW: &str = "2026-03-29T12:07:00Z";
    const SINCE: &str = "2026-03-01T00:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn bucket(start: &str, since: &str, attempts: u64, failures: u64) -> Bucket {
        let counts = Counts { attempts, failures, successes: attempts - failures, ..Counts::default() };
        Bucket { start: BucketStart::holding(at(start)), enabled_since: at(since), counts }
    }

    fn verdict(buckets: &[Bucket]) -> Verdict {
        assess(buckets, at(NOW), at(SINCE), FailurePolicy::default()).verdict
    }

    #[test]
    fn the_threshold_is_strict_and_wants_ten_attempts() {
        let table = [
            (1_000, 989, Verdict::Keep),
            (1_000, 990, Verdict::Keep),
            (10_000, 9_901, Verdict::Disable),
            (9, 9, Verdict::Keep),
            (10, 10, Verdict::Disable),
            (0, 0, Verdict::Keep),
        ];
        for (attempts, failures, expected) in table {
            let buckets = [bucket("2026-03-29T12:00:00Z", SINCE, attempts, failures)];
            assert_eq!(verdict(&buckets), expected, "{failures} of {attempts}");
        }
    }

    #[test]
    fn a_bucket_counts_while_any_of_it_is_in_the_window() {
        // 24 h before 12:07 is 12:07 of the day before: its bucket 12:00 to 12:15 counts, the one before does not.
        assert_eq!(verdict(&[bucket("2026-03-28T12:00:00Z", SINCE, 10, 10)]), Verdict::Disable);
        assert_eq!(verdict(&[bucket("2026-03-28T11:45:00Z", SINCE, 10, 10)]), Verdict::Keep);
    }

    #[test]
    fn an_enabling_starts_a_new_count() {
        assert_eq!(verdict(&[bucket("2026-03-29T12:00:00Z", "2026-02-01T00:00:00Z", 50, 50)]), Verdict::Keep);
    }
}
