//! The backlog of a subscription: deliveries that wait, and what it takes to send them in order.
//!
//! # What is kept
//!
//! A subscription whose receiver accepts everything has no backlog: nothing is read or written for it. With the first
//! delivery that fails it gets one:
//!
//! - the [`Backlog`] itself: its breaker, who may send from it (a lease), and when it is looked at next;
//! - a [`Lane`] for each space of which something waits;
//! - each waiting delivery, [`Kept`].
//!
//! While a lane is there, whatever else happens in its space is appended to it, and only the run that holds the lease
//! sends from it. That is the whole of order: *events of a space go directly to a receiver only while it has no lane,
//! and go through the lane as long as it has one.*
//!
//! # Changes
//!
//! Whoever changes any of it says what it read and what it wants instead, as one [`Change`]: all of it happens, or, if
//! anything is not as it was read, none. Versions never return, also when a thing is deleted and made again.
//!
//! # Who must know
//!
//! That a subscription has a backlog is noted at its tenant, in the item that every batch reads anyway. The note is made
//! in the same change as the backlog, and taken away in the same change that deletes it. A dispatcher that read the
//! tenant before may still append to a lane without it, therefore a backlog is deleted only when it has been
//! empty for [`LINGER`], which no such dispatcher outlives.

mod again;
mod change;
mod lane;
mod pace;
mod plan;

pub use again::held;
pub use change::{Change, DEAD_KEPT_S, Dead, Enlist, Replace};
pub use lane::{Appended, Kept, KeptKey, Lane, Newest};
pub use pace::Pace;
pub use plan::{Plan, plan};

use crate::breaker::{Breaker, OPENS_AFTER, Streak};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a backlog stays after its last delivery: longer than a dispatcher's invocation (60 s), a list of
/// subscriptions it may hold (30 s) and the difference of two clocks together.
pub const LINGER: SignedDuration = SignedDuration::from_secs(120);
/// How long a run may send before another may take over. A run that crashed keeps others waiting for so long.
pub const LEASE: SignedDuration = SignedDuration::from_secs(45);
/// What is due so soon is due: SQS's delays are whole seconds.
pub const SLACK: SignedDuration = SignedDuration::from_secs(1);
/// How long a backlog is left alone whose tenant is suspended, before it is asked whether it still is.
const REST: SignedDuration = SignedDuration::from_hours(1);
/// How much later than due a look at a backlog is taken for lost.
const OVERDUE: SignedDuration = SignedDuration::from_mins(3);

/// What is done with what was kept, when a subscription is enabled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnEnable {
    /// All of it is sent, in order.
    Deliver,
    /// The newest of each (event type, space) is sent.
    Latest,
    /// None of it is sent.
    Discard,
}

/// What was decided at an enabling, until it is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Treatment {
    /// What is done.
    pub what: OnEnable,
    /// With what was kept before this moment.
    pub kept_before: Timestamp,
}

/// The state of a subscription's backlog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backlog {
    /// Different after each change.
    pub version: u64,
    /// Whether the receiver is sent to.
    pub breaker: Breaker,
    /// Failures since the last success.
    pub failures_in_a_row: u32,
    /// How fast the receiver is sent to while the backlog drains.
    pub pace: Pace,
    /// Nothing is sent before: what `Retry-After` said while it drained.
    pub paused_until: Option<Timestamp>,
    /// Since when it has been seen without a lane.
    pub quiet_since: Option<Timestamp>,
    /// What is done with a part of it before it is sent.
    pub treatment: Option<Treatment>,
    /// The number of the next timer: those of lower numbers are old.
    pub ticket: u64,
    /// Until when one run alone may send.
    pub lease_until: Option<Timestamp>,
    /// When the next timer is due; none while nobody is to look.
    pub wake_at: Option<Timestamp>,
}

impl Backlog {
    /// The backlog of a subscription that had none.
    pub fn new(now: Timestamp) -> Self {
        Self {
            version: first_version(now),
            breaker: Breaker::Closed,
            failures_in_a_row: 0,
            pace: Pace::default(),
            paused_until: None,
            quiet_since: None,
            treatment: None,
            ticket: 1,
            lease_until: None,
            // Whoever makes it sends a first timer: from now on one that does not come is missed.
            wake_at: Some(now),
        }
    }

    /// Takes in what direct attempts said of the receiver: opens the breaker after the fifth failure in a row. While it
    /// is not closed, only the run that holds the lease decides.
    pub fn hear(&mut self, streak: Streak, now: Timestamp, retry_after: Option<Duration>, jitter: f64) {
        if !self.breaker.is_closed() {
            return;
        }
        self.failures_in_a_row = streak.added_to(self.failures_in_a_row);
        if self.failures_in_a_row >= OPENS_AFTER {
            self.open(now, retry_after, jitter);
        }
    }

    /// Opens the breaker.
    pub fn open(&mut self, now: Timestamp, retry_after: Option<Duration>, jitter: f64) {
        self.breaker = Breaker::opened(now, retry_after, jitter);
        self.quiet_since = None;
    }

    /// Sends everything through the backlog from now on, in order, until it is empty: the receiver is up again, the
    /// subscription is enabled again, or more happens than its rate limit lets through.
    pub fn drain(&mut self, now: Timestamp) {
        self.breaker = Breaker::Draining { since: now };
        self.wake_at.get_or_insert(now);
        self.failures_in_a_row = 0;
        // Not faster than it last bore.
        self.pace = self.pace.min(Pace::default());
        self.paused_until = None;
        self.quiet_since = None;
    }

    /// The same while its tenant is suspended: nobody sends, and nobody looks before an hour has passed.
    #[must_use]
    pub fn at_rest(&self, now: Timestamp) -> Self {
        let looked_at = now.checked_add(REST).unwrap_or(now);
        Self { wake_at: Some(looked_at), lease_until: None, ..self.clone() }
    }

    /// True where another run may be sending now.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| now < until)
    }

    /// True where a timer with this number is of an earlier time.
    pub fn has_outlived(&self, ticket: Option<u64>) -> bool {
        ticket.is_some_and(|ticket| ticket < self.ticket)
    }

    /// From when on a timer that has not come must be lost; none where none is to come.
    pub fn overdue_at(&self) -> Option<Timestamp> {
        let due = self.wake_at.into_iter().chain(self.lease_until).max()?;
        due.checked_add(OVERDUE).ok()
    }

    /// True where the timer that should have come long ago must be lost.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.overdue_at().is_some_and(|at| at < now)
    }

    /// The same with the version that follows.
    #[must_use]
    pub fn next(mut self) -> Self {
        self.version = self.version.saturating_add(1);
        self
    }
}

/// The version of a thing that is made: none that an earlier one of the same place can have had, since no thing changes
/// more often than once a millisecond.
fn first_version(now: Timestamp) -> u64 {
    u64::try_from(now.as_millisecond()).unwrap_or(1)
}

#[cfg(test)]
mod tests;
