//! A change of a backlog: what was read, and what shall be instead.

use crate::backlog::{Backlog, Kept, KeptKey, Lane};
use crate::event::Event;
use crate::failure::FailureReason;
use crate::ids::SubscriptionKey;
use crate::retry::DeadBecause;
use crate::stream::Stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How long dead deliveries are listed: 7 days.
pub const DEAD_KEPT_S: i64 = 7 * 24 * 3_600;

/// One thing instead of another.
#[derive(Debug, Clone, PartialEq)]
pub struct Replace<T> {
    /// The version that was read; none where nothing was there.
    pub expected: Option<u64>,
    /// What shall be there; none to delete it. Its version differs from the expected one.
    pub new: Option<T>,
}

/// What is noted at the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enlist {
    /// The subscription has a backlog.
    Add,
    /// It has none.
    Remove,
}

/// A delivery that was given up: listed for 7 days, and replayed when somebody asks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dead {
    /// What was to be delivered.
    pub event: Event,
    /// When it was given up.
    pub died_at: Timestamp,
    /// Why.
    pub because: DeadBecause,
    /// The failure of the last attempt, where there was one.
    pub reason: Option<FailureReason>,
    /// Attempts that were made.
    pub attempts: u32,
}

/// A change of the backlog of one subscription: all of it happens, or none. Nothing happens unless each thing that is
/// replaced has the version that is expected; what is put or deleted among the deliveries is guarded by its lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Whose.
    pub subscription: SubscriptionKey,
    /// The backlog, where it changes.
    pub backlog: Option<Replace<Backlog>>,
    /// Lanes that change, by space.
    pub lanes: Vec<(Stream, Replace<Lane>)>,
    /// Deliveries that wait from now on.
    pub put: Vec<Kept>,
    /// Deliveries that wait no longer.
    pub delete: Vec<KeptKey>,
    /// Deliveries that were given up.
    pub bury: Vec<Dead>,
    /// The note at the tenant, where it changes.
    pub enlist: Option<Enlist>,
}

impl Change {
    /// No change yet.
    pub fn of(subscription: SubscriptionKey) -> Self {
        Self {
            subscription,
            backlog: None,
            lanes: Vec::new(),
            put: Vec::new(),
            delete: Vec::new(),
            bury: Vec::new(),
            enlist: None,
        }
    }

    /// True where it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.backlog.is_none()
            && self.lanes.is_empty()
            && self.put.is_empty()
            && self.delete.is_empty()
            && self.bury.is_empty()
            && self.enlist.is_none()
    }

    /// Puts a backlog in the place of what was read. A new one is noted at the tenant in the same change.
    pub fn set_backlog(&mut self, read: Option<&Backlog>, new: Backlog) {
        let expected = read.map(|read| read.version);
        let new = if expected.is_some() { new.next() } else { new };
        if expected.is_none() {
            self.enlist = Some(Enlist::Add);
        }
        self.backlog = Some(Replace { expected, new: Some(new) });
    }

    /// Deletes a backlog, and the note at the tenant with it.
    pub fn delete_backlog(&mut self, read: &Backlog) {
        self.backlog = Some(Replace { expected: Some(read.version), new: None });
        self.enlist = Some(Enlist::Remove);
    }

    /// Puts a lane in the place of what was read.
    pub fn set_lane(&mut self, read: Option<&Lane>, new: Lane) {
        let expected = read.map(|read| read.version);
        let new = if expected.is_some() { new.next() } else { new };
        self.lanes.push((new.stream, Replace { expected, new: Some(new) }));
    }

    /// Deletes a lane.
    pub fn delete_lane(&mut self, read: &Lane) {
        self.lanes.push((read.stream, Replace { expected: Some(read.version), new: None }));
    }
}
