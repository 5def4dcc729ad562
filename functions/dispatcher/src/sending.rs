//! What the lanes of a run share while they are sent: the backlog as far as it is learnt, the pace, the end.

use crate::keeping::number_of;
use crate::ports::Drop;
use crate::report::Served;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::backlog::{Backlog, Treatment};
use spacehook_domain::breaker::{Breaker, OPENS_AFTER, after};
use spacehook_domain::failure::FailureReason;
use spacehook_domain::stats::Dropped;
use spacehook_domain::subscription::Subscription;
use spacehook_store::RecordedAttempt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long lanes are sent before all are looked at again: those that came to be meanwhile are sent beside them then.
pub(crate) const ROUND: SignedDuration = SignedDuration::from_secs(2);

/// What the lanes of a run share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) backlog: Backlog,
    next_slot: Timestamp,
    pub(crate) round_ends: Timestamp,
    pub(crate) permits: Permits,
    /// Whether what is tried is a probe. Decided when it is begun: what was under way when the breaker opened is none.
    pub(crate) is_probing: bool,
    pub(crate) stop: Option<Stop>,
    pub(crate) attempts: Vec<RecordedAttempt>,
    drops: Vec<(Dropped, u64)>,
}

/// Why a run sends nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// The receiver is not to be sent to now, or the run's time is over.
    Enough,
    /// A fault of ours.
    OurFault,
    /// The receiver is gone.
    Gone,
}

/// Permits of the current second.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Permits {
    pub(crate) second: i64,
    pub(crate) left: u32,
}

/// A run that sends.
#[derive(Debug)]
pub(crate) struct Sending<'a> {
    subscription: &'a Subscription,
    pub(crate) until: Timestamp,
    state: Mutex<State>,
}

/// What a run learnt.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) backlog: Backlog,
    pub(crate) stop: Option<Stop>,
}

impl State {
    /// Ends the run; the gravest reason holds.
    pub(crate) fn stop(&mut self, why: Stop) {
        self.stop = self.stop.max(Some(why));
    }
}

impl<'a> Sending<'a> {
    pub(crate) fn new(subscription: &'a Subscription, backlog: Backlog, until: Timestamp) -> Self {
        let state = State {
            backlog,
            next_slot: Timestamp::MIN,
            round_ends: Timestamp::MAX,
            permits: Permits::default(),
            is_probing: false,
            stop: None,
            attempts: Vec::new(),
            drops: Vec::new(),
        };
        Self { subscription, until, state: Mutex::new(state) }
    }

    /// The backlog, with what has been learnt so far.
    pub(crate) fn backlog(&self) -> Backlog {
        self.state().backlog.clone()
    }

    /// Whether nothing more is sent in this run.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.state().stop.is_some() || now >= self.until
    }

    /// Whether it is time to look at all lanes again.
    pub(crate) fn is_round_over(&self, now: Timestamp) -> bool {
        now >= self.state().round_ends
    }

    /// What was learnt; what was done goes to the report.
    pub(crate) fn into_outcome(self, served: &mut Served) -> Outcome {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (subscription, at) = (self.subscription, self.until);
        served.attempts.extend(state.attempts);
        for (why, count) in state.drops.into_iter().filter(|(_, count)| *count > 0) {
            let since = subscription.activity.since();
            served.drops.push(Drop { subscription: subscription.key(), since, at, why, count });
        }
        Outcome { backlog: state.backlog, stop: state.stop }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two assignments that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subscription(&self) -> &'a Subscription {
        self.subscription
    }

    pub(crate) fn treatment(&self) -> Option<Treatment> {
        self.state().backlog.treatment
    }

    /// Counts deliveries that will not be made.
    pub(crate) fn dropped(&self, why: Dropped, count: usize) {
        self.state().drops.push((why, number_of(count)));
    }

    /// The moment of the next attempt, as the pace has it.
    pub(crate) fn slot(&self, now: Timestamp) -> Timestamp {
        let mut state = self.state();
        let slot = state.next_slot.max(now);
        let gap = state.backlog.pace.gap(self.subscription.rate_limit_per_second);
        state.next_slot = after(slot, gap);
        slot
    }

    /// Takes in that the receiver accepted.
    pub(crate) fn accepted(&self, now: Timestamp) {
        let mut state = self.state();
        state.backlog.failures_in_a_row = 0;
        if state.is_probing {
            state.backlog.drain(now);
        }
        state.backlog.pace.grow();
    }

    /// Takes in that it did not; the fifth failure in a row opens the breaker, and a failed probe keeps it open.
    pub(crate) fn refused(&self, reason: &FailureReason, now: Timestamp, retry_after: Option<Duration>, jitter: f64) {
        let mut state = self.state();
        let is_probing = state.is_probing;
        let backlog = &mut state.backlog;
        backlog.failures_in_a_row = backlog.failures_in_a_row.saturating_add(1);
        backlog.pace.after(reason);
        if is_probing {
            backlog.breaker = backlog.breaker.probe_failed(now, retry_after, jitter);
            state.stop(Stop::Enough);
        } else if backlog.breaker.is_open() {
            // It was under way when another failure opened the breaker.
            state.stop(Stop::Enough);
        } else if backlog.failures_in_a_row >= OPENS_AFTER {
            backlog.open(now, retry_after, jitter);
            state.stop(Stop::Enough);
        } else if let (Breaker::Draining { .. }, Some(wait)) = (backlog.breaker, retry_after) {
            backlog.paused_until = Some(after(now, wait));
            state.stop(Stop::Enough);
        }
    }
}
