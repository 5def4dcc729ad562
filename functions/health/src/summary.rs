//! What a run did.

use std::ops::{Add, AddAssign};

/// What a run did, or a part of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Subscriptions that failed lately.
    pub looked_at: usize,
    /// Of these, disabled now.
    pub disabled: usize,
    /// Of these, found to be failing.
    pub failing: usize,
    /// Of these, found to have recovered.
    pub recovered: usize,
    /// Events queued that tell of subscriptions.
    pub told: usize,
    /// Mails sent.
    pub mailed: usize,
    /// Mails that nobody was to get: there are no contacts, or no sender, or the subscription is deleted.
    pub unmailed: usize,
    /// Events queued of sensors and spaces that fell silent.
    pub silent: usize,
    /// Breakers found open, of subscriptions that failed lately.
    pub open_breakers: usize,
    /// Deliveries found waiting, of subscriptions that failed lately.
    pub waiting: u64,
    /// What was lost and is set right again.
    pub repairs: Repairs,
    /// What could not be done because of a fault: the next run tries again.
    pub faults: usize,
    /// What was left to the next run for want of time.
    pub left: usize,
}

/// What was lost and is set right again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Timers of backlogs: probes and drains that stopped.
    pub timers: usize,
    /// Steps of jobs.
    pub jobs: usize,
    /// Timers of holds: spaces that were empty long enough, and nobody had told it.
    pub holds: usize,
    /// Events that were saved with the state of a space and never queued.
    pub pending: usize,
    /// Notices whose mail a run was about to send, and never said that it had.
    pub notices: usize,
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.looked_at += other.looked_at;
        self.disabled += other.disabled;
        self.failing += other.failing;
        self.recovered += other.recovered;
        self.told += other.told;
        self.mailed += other.mailed;
        self.unmailed += other.unmailed;
        self.silent += other.silent;
        self.open_breakers += other.open_breakers;
        self.waiting += other.waiting;
        self.repairs.timers += other.repairs.timers;
        self.repairs.jobs += other.repairs.jobs;
        self.repairs.holds += other.repairs.holds;
        self.repairs.pending += other.repairs.pending;
        self.repairs.notices += other.repairs.notices;
        self.faults += other.faults;
        self.left += other.left;
    }
}

impl Add for Summary {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}
