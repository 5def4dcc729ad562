//! What became of a batch.

use crate::ports::Drop;
use spacehook_domain::attempt::Outcome;
use spacehook_domain::backlog::Backlog;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::stats::Dropped;
use spacehook_store::RecordedAttempt;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What became of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Places of the messages that go back to their queue.
    pub give_back: BTreeSet<usize>,
    /// Deliveries accepted.
    pub accepted: usize,
    /// Attempts that failed.
    pub failed: usize,
    /// Deliveries that wait in a backlog now.
    pub kept: usize,
    /// What else is counted of it.
    pub counted: Counted,
}

/// What is counted of a batch for its metrics alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Why attempts failed, one reason a failure.
    pub reasons: Vec<FailureReason>,
    /// How long each attempt took, in milliseconds.
    pub latencies_ms: Vec<u64>,
    /// From the sensor's observation to the acceptance, in milliseconds, of each delivery that was accepted.
    pub freshness_ms: Vec<u64>,
    /// Deliveries that will not be made, or not as what they were, by cause.
    pub dropped: BTreeMap<Dropped, u64>,
    /// What became of breakers.
    pub breakers: Breakers,
}

/// Breakers that a batch opened and closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breakers {
    /// Of these receivers nothing more is asked but probes.
    pub opened: usize,
    /// These receivers are sent to again, be it what waited for them first.
    pub closed: usize,
}

impl Breakers {
    /// Counts a change of a backlog that took place; `before` is none where there was no backlog.
    pub(crate) fn changed(&mut self, before: Option<&Backlog>, after: &Backlog) {
        let was_open = before.is_some_and(|before| before.breaker.is_open());
        let is_open = after.breaker.is_open();
        self.opened += usize::from(is_open && !was_open);
        self.closed += usize::from(was_open && !is_open);
    }

    fn add(&mut self, other: Self) {
        self.opened += other.opened;
        self.closed += other.closed;
    }
}

/// What became of the part of a batch that concerns one subscription.
#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) attempts: Vec<RecordedAttempt>,
    pub(crate) drops: Vec<Drop>,
    pub(crate) give_back: BTreeSet<usize>,
    /// How long messages that go back are not to be seen, where that is known.
    pub(crate) waits: BTreeMap<usize, Duration>,
    pub(crate) kept: usize,
    pub(crate) breakers: Breakers,
}

impl Report {
    /// Adds what became of a part.
    pub(crate) fn add(&mut self, served: &Served) {
        for RecordedAttempt { attempt, .. } in &served.attempts {
            self.counted.latencies_ms.push(attempt.duration_ms);
            match &attempt.outcome {
                Outcome::Accepted { .. } => {
                    self.accepted += 1;
                    self.counted.freshness_ms.push(attempt.freshness_ms);
                }
                Outcome::Failed { reason, .. } => {
                    self.failed += 1;
                    self.counted.reasons.push(*reason);
                }
            }
        }
        for dropped in &served.drops {
            *self.counted.dropped.entry(dropped.why).or_default() += dropped.count;
        }
        self.counted.breakers.add(served.breakers);
        self.kept += served.kept;
        self.give_back.extend(&served.give_back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use spacehook_domain::breaker::Breaker;

    #[test]
    fn a_breaker_is_counted_where_it_opens_and_where_it_is_open_no_more() {
        let at = Timestamp::UNIX_EPOCH;
        let with = |breaker| Backlog { breaker, ..Backlog::new(at) };
        let open = with(Breaker::opened(at, None, 0.0));
        let probed = with(Breaker::opened(at, None, 0.0).probe_failed(at, None, 0.0));
        let draining = with(Breaker::Draining { since: at });
        let closed = with(Breaker::Closed);
        let cases = [
            (None, &open, (1, 0)),
            (Some(&closed), &open, (1, 0)),
            (Some(&draining), &open, (1, 0)),
            (Some(&open), &probed, (0, 0)),
            (Some(&open), &draining, (0, 1)),
            (Some(&open), &closed, (0, 1)),
            (Some(&draining), &closed, (0, 0)),
            (None, &closed, (0, 0)),
        ];
        for (before, after, (opened, closed)) in cases {
            let mut breakers = Breakers::default();
            breakers.changed(before, after);
            assert_eq!(breakers, Breakers { opened, closed }, "{before:?} to {after:?}");
        }
    }
}
