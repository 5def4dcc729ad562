//! What follows a failed attempt.

use crate::failure::FailureReason;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// 1 for the first attempt of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptNumber(pub u32);

impl AttemptNumber {
    /// The first.
    pub const FIRST: Self = Self(1);

    /// The one after this.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Waits before the second, third, … attempt, in seconds. None is longer than an SQS delay can be (15 minutes).
const SCHEDULE_S: [u64; 7] = [5, 30, 120, 600, 900, 900, 900];
/// The longest wait, also with jitter: the longest delay that SQS knows.
const LONGEST: Duration = Duration::from_mins(15);
/// A wait is made longer or shorter by up to this part of it, so that deliveries that failed together part.
const JITTER: f64 = 0.2;
/// Attempts of a document that the receiver says is wrong in itself.
const REFUSED_DOCUMENT_ATTEMPTS: u32 = 3;

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Try again after this wait.
    Retry(Duration),
    /// Give up.
    Dead(DeadBecause),
}

/// Why a delivery was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadBecause {
    /// The schedule has ended.
    AttemptsExhausted,
    /// The receiver refused this very document (400, 413, 415, 422) three times.
    DocumentRefused,
    /// The receiver's address is refused by policy, which no retry changes.
    RefusedByPolicy,
    /// The receiver is gone (410).
    Gone,
}

/// Decides. `jitter` is drawn by the caller, evenly from -1 to 1.
pub fn after_failure(attempt: AttemptNumber, reason: &FailureReason, jitter: f64) -> AfterFailure {
    let status = reason.status();
    if reason.is_final() {
        return AfterFailure::Dead(DeadBecause::RefusedByPolicy);
    }
    if status == Some(410) {
        return AfterFailure::Dead(DeadBecause::Gone);
    }
    if matches!(status, Some(400 | 413 | 415 | 422)) && attempt.0 >= REFUSED_DOCUMENT_ATTEMPTS {
        return AfterFailure::Dead(DeadBecause::DocumentRefused);
    }
    let place = usize::try_from(attempt.0.saturating_sub(1)).unwrap_or(usize::MAX);
    match SCHEDULE_S.get(place) {
        Some(&wait_s) => {
            let factor = 1.0 + JITTER * jitter.clamp(-1.0, 1.0);
            AfterFailure::Retry(Duration::from_secs(wait_s).mul_f64(factor).min(LONGEST))
        }
        None => AfterFailure::Dead(DeadBecause::AttemptsExhausted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data::http_failure;
    use proptest::prelude::*;

    fn waits(status: u16) -> Vec<u64> {
        let mut attempt = AttemptNumber::FIRST;
        let mut waits = Vec::new();
        while let AfterFailure::Retry(wait) = after_failure(attempt, &http_failure(status), 0.0) {
            waits.push(wait.as_secs());
            attempt = attempt.next();
        }
        waits
    }

    #[test]
    fn the_schedule_is_the_documented_one() {
        assert_eq!(waits(503), [5, 30, 120, 600, 900, 900, 900]);
    }

    #[test]
    fn a_refused_document_dies_after_its_third_attempt() {
        for status in [400, 413, 415, 422] {
            assert_eq!(waits(status), [5, 30], "{status}");
        }
        assert_eq!(
            after_failure(AttemptNumber(3), &http_failure(422), 0.0),
            AfterFailure::Dead(DeadBecause::DocumentRefused)
        );
    }

    #[test]
    fn a_receiver_that_is_gone_gets_no_retry() {
        assert_eq!(after_failure(AttemptNumber::FIRST, &http_failure(410), 0.0), AfterFailure::Dead(DeadBecause::Gone));
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_fifth_and_within_an_sqs_delay(attempt in 1_u32..8, jitter in -1.0_f64..=1.0) {
            let place = usize::try_from(attempt - 1).unwrap();
            let AfterFailure::Retry(wait) = after_failure(AttemptNumber(attempt), &http_failure(500), jitter) else {
                panic!("attempt {attempt} has a retry");
            };
            let nominal = Duration::from_secs(SCHEDULE_S[place]);
            prop_assert!(wait >= nominal.mul_f64(0.799) && wait <= nominal.mul_f64(1.201).min(LONGEST));
        }
    }
}
