//! Counts of attempts, by subscription and quarter of an hour.

use crate::attempt::{Attempt, Outcome};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Length of a bucket.
pub const BUCKET_S: i64 = 15 * 60;
/// How long buckets are kept: 8 days, so that each day that attempts can be listed for has its counts.
pub const KEPT_S: i64 = 8 * 24 * 3600;

/// The start of a quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BucketStart(Timestamp);

impl BucketStart {
    /// The quarter that holds this instant.
    pub fn holding(at: Timestamp) -> Self {
        let start_s = at.as_second().div_euclid(BUCKET_S) * BUCKET_S;
        // Rounding down leaves the range of time only at its very first quarter.
        Self(Timestamp::from_second(start_s).unwrap_or(Timestamp::MIN))
    }

    /// Its first instant.
    pub fn start(self) -> Timestamp {
        self.0
    }

    /// The first instant after it, in seconds since 1970.
    pub fn end_s(self) -> i64 {
        self.0.as_second() + BUCKET_S
    }
}

/// Upper bounds of the steps of a [`Histogram`], in milliseconds; the last holds all that is slower.
pub const STEPS_MS: [u64; 16] =
    [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000, u64::MAX];

/// How many durations fell into which step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram {
    /// Count by place in [`STEPS_MS`].
    pub counts: BTreeMap<usize, u64>,
}

impl Histogram {
    /// Counts a duration.
    pub fn add(&mut self, duration_ms: u64) {
        let step = STEPS_MS.iter().position(|&bound| duration_ms <= bound).unwrap_or(STEPS_MS.len() - 1);
        *self.counts.entry(step).or_default() += 1;
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        for (step, count) in &other.counts {
            *self.counts.entry(*step).or_default() += count;
        }
    }

    /// The bound, in milliseconds, below which at least this part (0 to 1) of the durations lies; none where there is
    /// none, or it lies in the open last step.
    pub fn quantile_ms(&self, part: f64) -> Option<u64> {
        let total: u64 = self.counts.values().sum();
        let mut seen = 0;
        for (step, count) in &self.counts {
            seen += count;
            // Counts are far below 2^52, where the conversion is exact.
            #[expect(clippy::cast_precision_loss, reason = "counts of attempts are far below 2^52")]
            if seen as f64 >= part * total as f64 {
                return STEPS_MS.get(*step).copied().filter(|bound| *bound != u64::MAX);
            }
        }
        None
    }
}

/// Why a delivery was not made, or not yet: each is counted, so that none is missing silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// A newer one of the same space and type stands for it (`backlog: latest`).
    Superseded,
    /// It waited for longer than deliveries are kept. It is listed among the dead.
    Expired,
    /// More of its space waited than is kept. It is listed among the dead.
    BacklogFull,
    /// The owner discarded it when enabling the subscription.
    Discarded,
    /// It was given up after failed attempts. It is listed among the dead.
    Dead,
}

impl Dropped {
    /// Every cause there is.
    pub const ALL: [Self; 5] = [Self::Superseded, Self::Expired, Self::BacklogFull, Self::Discarded, Self::Dead];

    /// The name in counters and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Expired => "expired",
            Self::BacklogFull => "backlog_full",
            Self::Discarded => "discarded",
            Self::Dead => "dead",
        }
    }
}

/// Counts of attempts: of one bucket, or of several together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All attempts.
    pub attempts: u64,
    /// Those that the receiver accepted.
    pub successes: u64,
    /// All others.
    pub failures: u64,
    /// Failures by [`crate::failure::FailureReason::key`]: a bounded set of names.
    pub reasons: BTreeMap<String, u64>,
    /// How long attempts took.
    pub latency: Histogram,
    /// From observation to acceptance, of accepted attempts.
    pub freshness: Histogram,
    /// Deliveries that were dropped, by cause.
    #[serde(default)]
    pub dropped: BTreeMap<Dropped, u64>,
}

impl Counts {
    /// Counts an attempt.
    pub fn add(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        self.latency.add(attempt.duration_ms);
        match &attempt.outcome {
            Outcome::Accepted { .. } => {
                self.successes += 1;
                self.freshness.add(attempt.freshness_ms);
            }
            Outcome::Failed { reason, .. } => {
                self.failures += 1;
                *self.reasons.entry(reason.key()).or_default() += 1;
            }
        }
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.successes += other.successes;
        self.failures += other.failures;
        for (reason, count) in &other.reasons {
            *self.reasons.entry(reason.clone()).or_default() += count;
        }
        self.latency.merge(&other.latency);
        self.freshness.merge(&other.freshness);
        for (cause, count) in &other.dropped {
            *self.dropped.entry(*cause).or_default() += count;
        }
    }

    /// Reasons of failures, the most frequent first.
    pub fn top_reasons(&self, most: usize) -> Vec<(&str, u64)> {
        let mut reasons: Vec<_> = self.reasons.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
        reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
        reasons.truncate(most);
        reasons
    }
}

/// The counts of one bucket of a subscription, in one period of being enabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Which quarter of an hour.
    pub start: BucketStart,
    /// When the subscription had been enabled: a new enabling counts anew, also within a bucket.
    pub enabled_since: Timestamp,
    /// The counts.
    pub counts: Counts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_start_at_the_quarter() {
        let at: Timestamp = "2026-03-29T01:14:59.999Z".parse().unwrap();
        assert_eq!(BucketStart::holding(at).start().to_string(), "2026-03-29T01:00:00Z");
        assert_eq!(BucketStart::holding(BucketStart::holding(at).start()), BucketStart::holding(at));
        let before_1970: Timestamp = "1969-12-31T23:59:00Z".parse().unwrap();
        assert_eq!(BucketStart::holding(before_1970).start().to_string(), "1969-12-31T23:45:00Z");
    }

    #[test]
    fn quantiles_are_upper_bounds() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile_ms(0.5), None);
        for duration_ms in [1, 2, 3, 40] {
            histogram.add(duration_ms);
        }
        assert_eq!(histogram.quantile_ms(0.5), Some(5));
        assert_eq!(histogram.quantile_ms(0.99), Some(50));
        histogram.add(u64::MAX);
        assert_eq!(histogram.quantile_ms(1.0), None);
    }

    #[test]
    fn top_reasons_are_ordered_by_count() {
        let mut counts = Counts::default();
        counts.reasons.extend([("timeout".to_owned(), 2), ("http_503".to_owned(), 5), ("dns".to_owned(), 2)]);
        assert_eq!(counts.top_reasons(2), [("http_503", 5), ("dns", 2)]);
    }
}
