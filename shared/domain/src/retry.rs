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
}

/// The longest wait of any kind, also with jitter: the longest delay that SQS knows.
pub const LONGEST: Duration = Duration::from_mins(15);
/// Waits before the second, third, … attempt, in seconds, where nothing else is configured.
const WAITS_S: [u64; 7] = [5, 30, 120, 600, 900, 900, 900];
/// Waits of a schedule, at most.
const WAITS_LIMIT: usize = 20;
/// A wait is made longer or shorter by up to this part of it, so that deliveries that failed together part.
const JITTER: f64 = 0.2;
/// Attempts of a document that the receiver says is wrong in itself.
const REFUSED_DOCUMENT_ATTEMPTS: u32 = 3;

/// The waits before the second, third, … attempt of a delivery. After the last it is dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {WAITS_LIMIT} waits in whole seconds from 1 to 900, separated by commas, such as 5,30,120")]
pub struct InvalidSchedule;

impl Default for Schedule {
    fn default() -> Self {
        Self(WAITS_S.map(Duration::from_secs).into())
    }
}

impl Schedule {
    /// Reads a schedule such as `5,30,120,600,900,900,900`.
    pub fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        let wait = |part: &str| part.trim().parse().ok().map(Duration::from_secs);
        let waits: Option<Vec<Duration>> = text.split(',').map(wait).collect();
        let waits = waits.filter(|waits| waits.len() <= WAITS_LIMIT).ok_or(InvalidSchedule)?;
        let fits = waits.iter().all(|wait| (Duration::from_secs(1)..=LONGEST).contains(wait));
        if fits { Ok(Self(waits)) } else { Err(InvalidSchedule) }
    }

    fn wait_after(&self, failures: u32) -> Option<Duration> {
        let place = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
        self.0.get(place).copied()
    }
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Try again after this wait.
    Retry(Duration),
    /// Give the delivery up.
    Dead(DeadBecause),
    /// The receiver is gone (410): disable the subscription, and keep the delivery.
    Disable,
}

/// Why a delivery was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadBecause {
    /// The schedule has ended.
    AttemptsExhausted,
    /// The receiver refused this very document (400, 413, 415, 422) three times.
    DocumentRefused,
    /// The receiver's address is refused by policy, which no retry changes.
    RefusedByPolicy,
    /// It waited in the backlog for longer than deliveries are kept.
    Expired,
    /// More of its space waited in the backlog than is kept.
    BacklogFull,
}

/// An attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    /// Why.
    pub reason: &'a FailureReason,
    /// Failed attempts of the delivery that count for the schedule, with this one, unless it was a probe.
    pub failures: u32,
    /// All failed attempts of the delivery, with this one.
    pub attempts: u32,
    /// The wait that the receiver asked for.
    pub retry_after: Option<Duration>,
}

/// Decides. `jitter` is drawn by the caller, evenly from -1 to 1.
pub fn after_failure(failure: Failure<'_>, schedule: &Schedule, jitter: f64) -> AfterFailure {
    let status = failure.reason.status();
    if failure.reason.is_final() {
        return AfterFailure::Dead(DeadBecause::RefusedByPolicy);
    }
    if status == Some(410) {
        return AfterFailure::Disable;
    }
    if matches!(status, Some(400 | 413 | 415 | 422)) && failure.attempts >= REFUSED_DOCUMENT_ATTEMPTS {
        return AfterFailure::Dead(DeadBecause::DocumentRefused);
    }
    match schedule.wait_after(failure.failures) {
        Some(wait) => {
            let wait = wait.mul_f64(1.0 + JITTER * jitter.clamp(-1.0, 1.0));
            AfterFailure::Retry(wait.max(failure.retry_after.unwrap_or_default()).min(LONGEST))
        }
        None => AfterFailure::Dead(DeadBecause::AttemptsExhausted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data::http_failure;
    use proptest::prelude::*;

    fn after(attempt: u32, status: u16, retry_after_s: Option<u64>, jitter: f64) -> AfterFailure {
        let retry_after = retry_after_s.map(Duration::from_secs);
        let reason = http_failure(status);
        let failure = Failure { reason: &reason, failures: attempt, attempts: attempt, retry_after };
        after_failure(failure, &Schedule::default(), jitter)
    }

    fn waits(status: u16) -> (Vec<u64>, AfterFailure) {
        let mut waits = Vec::new();
        loop {
            match after(u32::try_from(waits.len()).unwrap() + 1, status, None, 0.0) {
                AfterFailure::Retry(wait) => waits.push(wait.as_secs()),
                end => return (waits, end),
            }
        }
    }

    #[test]
    fn the_schedule_is_the_documented_one() {
        let end = AfterFailure::Dead(DeadBecause::AttemptsExhausted);
        assert_eq!(waits(503), (vec![5, 30, 120, 600, 900, 900, 900], end));
    }

    #[test]
    fn a_refused_document_dies_after_its_third_attempt() {
        for status in [400, 413, 415, 422] {
            assert_eq!(waits(status), (vec![5, 30], AfterFailure::Dead(DeadBecause::DocumentRefused)), "{status}");
        }
        assert_eq!(waits(404).0.len(), 7);
    }

    #[test]
    fn probes_count_for_a_refused_document_and_not_for_the_schedule() {
        let decide = |status| {
            let reason = http_failure(status);
            let failure = Failure { reason: &reason, failures: 1, attempts: 40, retry_after: None };
            after_failure(failure, &Schedule::default(), 0.0)
        };
        assert_eq!(decide(503), AfterFailure::Retry(Duration::from_secs(5)));
        assert_eq!(decide(422), AfterFailure::Dead(DeadBecause::DocumentRefused));
    }

    #[test]
    fn a_receiver_that_is_gone_is_disabled_at_once() {
        assert_eq!(waits(410), (vec![], AfterFailure::Disable));
    }

    #[test]
    fn retry_after_is_honoured_up_to_15_minutes_and_never_hurries() {
        assert_eq!(after(1, 429, Some(60), 0.0), AfterFailure::Retry(Duration::from_mins(1)));
        assert_eq!(after(1, 429, Some(3_600), 0.0), AfterFailure::Retry(Duration::from_mins(15)));
        assert_eq!(after(4, 429, Some(1), 0.0), AfterFailure::Retry(Duration::from_mins(10)));
    }

    #[test]
    fn schedules_are_read_strictly() {
        assert_eq!(Schedule::parse("5, 30,120,600,900,900,900"), Ok(Schedule::default()));
        for bad in ["", "5,,6", "0", "901", "1.5", "-1", &vec!["1"; 21].join(",")] {
            assert_eq!(Schedule::parse(bad), Err(InvalidSchedule), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_fifth_and_within_an_sqs_delay(attempt in 1_u32..8, jitter in -1.0_f64..=1.0) {
            let place = usize::try_from(attempt - 1).unwrap();
            let AfterFailure::Retry(wait) = after(attempt, 500, None, jitter) else {
                panic!("attempt {attempt} has a retry");
            };
            let nominal = Duration::from_secs(WAITS_S[place]);
            prop_assert!(wait >= nominal.mul_f64(0.799) && wait <= nominal.mul_f64(1.201).min(LONGEST));
        }
    }
}
