//! When a subscription has failed too much to go on.
//!
//! The rule is the source's: "If >99% of requests fail within a 24-hour period then […] will automatically disable
//! the webhook". Failed are divided by all attempts, counted from creation or the last enabling.

use crate::notice::Happened;
use crate::stats::{Bucket, Counts};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// When to disable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailurePolicy {
    /// Disabled strictly above this rate, in hundredths of a percent: 9900 is 99 %.
    pub threshold_basis_points: u32,
    /// How far back attempts count.
    pub window_hours: u32,
    /// With fewer attempts in the window nothing is decided.
    pub minimum_attempts: u64,
    /// Failing strictly above this rate, in hundredths of a percent; none warns of nothing.
    pub warning_basis_points: Option<u32>,
}

impl Default for FailurePolicy {
    fn default() -> Self {
        Self {
            threshold_basis_points: 9_900,
            window_hours: 24,
            minimum_attempts: 10,
            warning_basis_points: Some(5_000),
        }
    }
}

/// What the attempts of the window say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// All counts of the window.
    pub counts: Counts,
    /// What follows.
    pub verdict: Verdict,
}

/// What follows from a failure rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is well.
    Well,
    /// It goes on as it is: neither failing nor well, or too little is known.
    Keep,
    /// Many attempts fail: its owner may want to know.
    Failing,
    /// Disable.
    Disable,
}

/// A rate at or below four fifths of the warning rate is well again: so one that moves about the warning rate is not told
/// of again and again.
const WELL: (u64, u64) = (4, 5);

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
    let enough = counts.attempts >= policy.minimum_attempts;
    let verdict = match policy.warning_basis_points.map(u64::from) {
        _ if enough && is_above(&counts, u64::from(policy.threshold_basis_points)) => Verdict::Disable,
        Some(warning) if enough && is_above(&counts, warning) => Verdict::Failing,
        Some(warning) if !is_above(&counts, warning * WELL.0 / WELL.1) => Verdict::Well,
        None if counts.failures == 0 => Verdict::Well,
        _ => Verdict::Keep,
    };
    Assessment { counts, verdict }
}

/// In whole numbers, so that exactly 99 % is exactly not above 99 %.
fn is_above(counts: &Counts, basis_points: u64) -> bool {
    u128::from(counts.failures) * 10_000 > u128::from(basis_points) * u128::from(counts.attempts)
}

/// The failure rate in hundredths of a percent, rounded down: 99.999 % is not shown as 100.
pub fn percent_hundredths(counts: &Counts) -> u32 {
    let hundredths = u128::from(counts.failures) * 10_000 / u128::from(counts.attempts.max(1));
    u32::try_from(hundredths).unwrap_or(10_000)
}

/// What is remembered of a subscription that was told to be failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Since when the subscription had been enabled: of an earlier period it says nothing.
    pub enabled_since: Timestamp,
    /// Whether it is failing; else it has recovered.
    pub is_failing: bool,
    /// When a mail last said so.
    pub mailed_at: Option<Timestamp>,
}

/// What there is to tell of a verdict, and what to remember then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// To be remembered in the place of what was.
    pub warning: Warning,
    /// Failing, or recovered.
    pub happened: Happened,
    /// Whether a mail says it too.
    pub is_mailed: bool,
}

/// How often a warning is mailed, at most.
const MAILED_EVERY: SignedDuration = SignedDuration::from_hours(24);

impl Warning {
    /// Whether a mail said so within a day.
    pub fn was_mailed_lately(self, now: Timestamp) -> bool {
        self.mailed_at.is_some_and(|at| now.duration_since(at) < MAILED_EVERY)
    }

    /// Whether a verdict turns well into failing, or failing into well. `known` is what is remembered, `mails` whether
    /// warnings are mailed.
    pub fn turn(
        known: Option<Self>,
        verdict: Verdict,
        enabled_since: Timestamp,
        now: Timestamp,
        mails: bool,
    ) -> Option<Turn> {
        let was_failing = known.is_some_and(|known| known.is_failing && known.enabled_since == enabled_since);
        let mailed_at = known.and_then(|known| known.mailed_at);
        let is_failing = match verdict {
            Verdict::Failing if !was_failing => true,
            Verdict::Well if was_failing => false,
            _ => return None,
        };
        let is_mailed = is_failing && mails && known.is_none_or(|known| !known.was_mailed_lately(now));
        Some(Turn {
            warning: Self { enabled_since, is_failing, mailed_at: if is_mailed { Some(now) } else { mailed_at } },
            happened: if is_failing { Happened::Failing } else { Happened::Recovered },
            is_mailed,
        })
    }
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

    /// The table of the edges: strictly above 99 %, from 10 attempts on; and of the warning at 50 %.
    #[test]
    fn the_rate_at_its_edges() {
        let table = [
            (1_000, 989, Verdict::Failing), // 98.9 %
            (1_000, 990, Verdict::Failing), // 99.0 %: not above
            (10_000, 9_900, Verdict::Failing),
            (10_000, 9_901, Verdict::Disable), // 99.01 %
            (9, 9, Verdict::Keep),
            (10, 10, Verdict::Disable),
            (10, 9, Verdict::Failing),
            (0, 0, Verdict::Well),
            (u64::MAX, u64::MAX, Verdict::Disable),
            (10_000, 5_001, Verdict::Failing),
            (10_000, 5_000, Verdict::Keep),
            (10_000, 4_001, Verdict::Keep),
            (10_000, 4_000, Verdict::Well),
            (9, 5, Verdict::Keep),
        ];
        for (attempts, failures, expected) in table {
            let buckets = [bucket("2026-03-29T12:00:00Z", SINCE, attempts, failures)];
            assert_eq!(verdict(&buckets), expected, "{failures} of {attempts}");
        }
        assert_eq!(verdict(&[]), Verdict::Well, "no attempts");
    }

    #[test]
    fn every_figure_is_configured() {
        let policy = FailurePolicy {
            threshold_basis_points: 2_000,
            window_hours: 1,
            minimum_attempts: 3,
            warning_basis_points: None,
        };
        let of = |start, attempts, failures| {
            assess(&[bucket(start, SINCE, attempts, failures)], at(NOW), at(SINCE), policy).verdict
        };
        assert_eq!(of("2026-03-29T12:00:00Z", 100, 20), Verdict::Keep, "no warning is configured");
        assert_eq!(of("2026-03-29T12:00:00Z", 100, 21), Verdict::Disable);
        assert_eq!(of("2026-03-29T12:00:00Z", 2, 2), Verdict::Keep);
        assert_eq!(of("2026-03-29T11:00:00Z", 3, 3), Verdict::Disable, "it ends at 11:15, the window begins at 11:07");
        assert_eq!(of("2026-03-29T10:45:00Z", 3, 3), Verdict::Well, "it ends before the window");
        assert_eq!(of("2026-03-29T12:00:00Z", 100, 0), Verdict::Well);
    }

    /// A window of 24 h is 24 hours of time, also where a clock on the wall shows 23 or 25.
    #[test]
    fn a_bucket_counts_while_any_of_it_is_in_the_window() {
        for (now, inside, outside) in [
            (NOW, "2026-03-28T12:00:00Z", "2026-03-28T11:45:00Z"), // the clocks went forward that night
            ("2026-10-25T12:07:00Z", "2026-10-24T12:00:00Z", "2026-10-24T11:45:00Z"), // and back
            ("2026-03-29T12:15:00Z", "2026-03-28T12:15:00Z", "2026-03-28T12:00:00Z"), // at the very quarter
            ("2026-03-29T12:14:59Z", "2026-03-28T12:00:00Z", "2026-03-28T11:45:00Z"),
        ] {
            let of = |start| assess(&[bucket(start, SINCE, 10, 10)], at(now), at(SINCE), FailurePolicy::default());
            assert_eq!(of(inside).verdict, Verdict::Disable, "{inside} at {now}");
            assert_eq!(of(outside).verdict, Verdict::Well, "{outside} at {now}");
        }
    }

    #[test]
    fn an_enabling_starts_a_new_count() {
        let (before, enabled) = ("2026-02-01T00:00:00Z", "2026-03-29T11:07:00Z");
        let judged = |buckets: &[Bucket]| assess(buckets, at(NOW), at(enabled), FailurePolicy::default());
        // An hour ago, in the middle of a quarter: of the same quarter only what came after it counts.
        let old = bucket("2026-03-29T11:00:00Z", before, 5_000, 5_000);
        let of_nine = judged(&[old.clone(), bucket("2026-03-29T11:00:00Z", enabled, 9, 9)]);
        assert_eq!((of_nine.verdict, of_nine.counts.attempts), (Verdict::Keep, 9));
        let of_ten =
            [old.clone(), bucket("2026-03-29T11:00:00Z", enabled, 9, 9), bucket("2026-03-29T12:00:00Z", enabled, 1, 1)];
        assert_eq!(judged(&of_ten).verdict, Verdict::Disable);
        assert_eq!(judged(&[old]).verdict, Verdict::Well);
    }

    proptest::proptest! {
        /// Whatever the counts: the verdict is that of exact arithmetic.
        #[test]
        fn the_verdict_is_exact(attempts in 0_u64..100_000, failed in 0_u64..100_000) {
            let failures = failed.min(attempts);
            let verdict = verdict(&[bucket("2026-03-29T12:00:00Z", SINCE, attempts, failures)]);
            let disables = attempts >= 10 && failures * 100 > attempts * 99;
            proptest::prop_assert_eq!(verdict == Verdict::Disable, disables);
        }
    }

    #[test]
    fn a_turn_is_told_once_and_mailed_at_most_daily() {
        let (since, now) = (at(SINCE), at(NOW));
        let turn = |known, verdict, now| Warning::turn(known, verdict, since, now, true);
        let first = turn(None, Verdict::Failing, now).unwrap();
        assert_eq!((first.happened, first.is_mailed), (Happened::Failing, true));
        let known = Some(first.warning);
        for verdict in [Verdict::Failing, Verdict::Keep, Verdict::Disable] {
            assert_eq!(turn(known, verdict, now), None, "{verdict:?}");
        }
        let well = turn(known, Verdict::Well, now).unwrap();
        assert_eq!((well.happened, well.is_mailed), (Happened::Recovered, false));
        assert_eq!(turn(Some(well.warning), Verdict::Well, now), None);
        let hours_later = |hours| now + SignedDuration::from_hours(hours);
        let again = turn(Some(well.warning), Verdict::Failing, hours_later(23)).unwrap();
        assert_eq!((again.happened, again.is_mailed), (Happened::Failing, false));
        assert!(turn(Some(well.warning), Verdict::Failing, hours_later(24)).unwrap().is_mailed);
        assert!(!Warning::turn(None, Verdict::Failing, since, now, false).unwrap().is_mailed);
        // Of an earlier period: it is neither failing still, nor has it recovered.
        let enabled_again = hours_later(1);
        let of_new = |verdict| Warning::turn(known, verdict, enabled_again, hours_later(2), true);
        assert_eq!(of_new(Verdict::Well), None);
        assert_eq!(of_new(Verdict::Failing).map(|turn| turn.is_mailed), Some(false));
    }
}
