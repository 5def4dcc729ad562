//! The breaker of a receiver: whether anything is sent to it at all.
//!
//! ```text
//!            five failures in a row                  a probe succeeds
//!   closed ──────────────────────────▶ open ───────────────────────────▶ draining
//!     ▲                                 ▲  └─ a probe fails: a longer wait     │ │
//!     │                                 └───────── five failures in a row ─────┘ │
//!     └──────────────────── nothing is left that could be sent ──────────────────┘
//! ```
//!
//! Closed, events go to the receiver as they come. Open and draining, they go to the subscription's backlog, and only
//! the run that holds the backlog's lease sends: one probe, or the backlog in order.

use crate::retry::LONGEST;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Failures in a row, without a success between them, that open a breaker.
pub const OPENS_AFTER: u32 = 5;
/// The wait before the first probe; each that fails doubles it, up to [`LONGEST`].
const FIRST_PROBE_S: u64 = 5;
/// A wait is made longer or shorter by up to this part of it, so that receivers that failed together part.
const JITTER: f64 = 0.2;

/// Whether a receiver is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Breaker {
    /// It is.
    Closed,
    /// It is down: nothing is sent but a probe.
    Open {
        /// Since when.
        since: Timestamp,
        /// Probes that failed since.
        failed_probes: u32,
        /// When the next probe is due.
        probe_at: Timestamp,
    },
    /// It is up again, and gets what has been kept before it gets anything new.
    Draining {
        /// Since when.
        since: Timestamp,
    },
}

impl Breaker {
    /// A breaker that has just opened. `jitter` is drawn by the caller, evenly from -1 to 1.
    pub fn opened(now: Timestamp, retry_after: Option<Duration>, jitter: f64) -> Self {
        Self::Open { since: now, failed_probes: 0, probe_at: after(now, probe_wait(0, retry_after, jitter)) }
    }

    /// The breaker after a probe that failed. Only an open one changes.
    #[must_use]
    pub fn probe_failed(self, now: Timestamp, retry_after: Option<Duration>, jitter: f64) -> Self {
        match self {
            Self::Open { since, failed_probes, .. } => {
                let failed_probes = failed_probes.saturating_add(1);
                let probe_at = after(now, probe_wait(failed_probes, retry_after, jitter));
                Self::Open { since, failed_probes, probe_at }
            }
            other => other,
        }
    }

    /// True where events go to the receiver as they come.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Closed)
    }

    /// True where nothing is sent but a probe.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

/// What attempts said of a receiver, in the order in which they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Streak {
    succeeded: bool,
    failures: u32,
}

impl Streak {
    /// The receiver accepted.
    pub fn success(&mut self) {
        *self = Self { succeeded: true, failures: 0 };
    }

    /// It did not, whatever the reason.
    pub fn failure(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// The failures in a row, where there had been so many before.
    #[must_use]
    pub fn added_to(self, before: u32) -> u32 {
        if self.succeeded { self.failures } else { before.saturating_add(self.failures) }
    }
}

/// The wait before a probe, when so many have failed.
fn probe_wait(failed_probes: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
    let doubled = FIRST_PROBE_S.saturating_mul(1_u64.checked_shl(failed_probes).unwrap_or(u64::MAX));
    let nominal = Duration::from_secs(doubled.min(LONGEST.as_secs()));
    let wait = nominal.mul_f64(1.0 + JITTER * jitter.clamp(-1.0, 1.0));
    wait.max(retry_after.unwrap_or_default()).min(LONGEST)
}

/// So long after a moment; the end of time where that is beyond it.
pub fn after(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn wait_s(breaker: Breaker, now: Timestamp) -> i64 {
        let Breaker::Open { probe_at, .. } = breaker else { panic!("{breaker:?}") };
        probe_at.duration_since(now).as_secs()
    }

    #[test]
    fn probes_are_tried_after_5_s_growing_to_15_minutes() {
        let mut breaker = Breaker::opened(at(0), None, 0.0);
        let mut waits = vec![wait_s(breaker, at(0))];
        for _ in 0..9 {
            breaker = breaker.probe_failed(at(0), None, 0.0);
            waits.push(wait_s(breaker, at(0)));
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(wait_s(Breaker::opened(at(0), Some(Duration::from_mins(1)), 0.0), at(0)), 60);
        assert_eq!(wait_s(Breaker::opened(at(0), Some(Duration::from_hours(9)), 0.0), at(0)), 900);
    }

    #[test]
    fn a_success_ends_a_row_of_failures() {
        let mut streak = Streak::default();
        streak.failure();
        streak.failure();
        assert_eq!(streak.added_to(2), 4);
        streak.success();
        assert_eq!(streak.added_to(2), 0);
        streak.failure();
        assert_eq!(streak.added_to(4), 1);
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_an_sqs_delay(failed in 0_u32..200, jitter in -1.0_f64..=1.0, retry_after_s in 0_u64..100_000) {
            let wait = probe_wait(failed, Some(Duration::from_secs(retry_after_s)), jitter);
            prop_assert!(wait >= Duration::from_secs(4) && wait <= LONGEST);
        }
    }
}
