//! What became of a batch.

use crate::ports::Drop;
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
}

impl Report {
    /// Adds what became of a part.
    pub(crate) fn add(&mut self, served: &Served) {
        let accepted = served.attempts.iter().filter(|made| made.attempt.outcome.is_accepted()).count();
        self.accepted += accepted;
        self.failed += served.attempts.len() - accepted;
        self.kept += served.kept;
        self.give_back.extend(&served.give_back);
    }
}
