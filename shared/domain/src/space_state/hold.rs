//! The hold: a space that becomes empty is told to be available only when it has stayed so for a while, so that a short
//! walk to the printer does not free a desk.
//!
//! **The rule.** With the report that finds a space empty which was told to be occupied, a hold begins; it ends so many
//! seconds after that observation ([`crate::settings::VacantAfter`], as it is settled then: a later change of the setting
//! holds from the next hold on). Somebody in between ends it without a word. Nobody, and the space is told to be available
//! at that very time, whenever that is found out: by the first reading that was observed after it, or by the first look
//! at it after it ([`SpaceState::end_hold`]). So a timer that comes twice, early, late or never changes what is told, and
//! when it is said to have happened; only when it arrives.
//!
//! The clock of a hold is never ahead of ours: a sensor whose clock is, is taken to have seen what it says when it was
//! heard. A late reading, older than what its sensor said since, is history, and changes nothing. The first state that is
//! known of a space is told at once: nobody was told that it is occupied.

use super::telling::json;
use super::{Aggregate, Occasion, SpaceState};
use crate::event::{Change, Event, EventType};
use crate::payload::{Availability, SpaceAvailability};
use crate::reading::Reading;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How it stands with the hold of a space.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hold {
    /// When the space will be told to be available, while it is empty and still told to be occupied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// When the last one ended: what is told later did not happen before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
}

impl Hold {
    /// True where there is nothing to remember.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A time of the space, not before the end of the last hold.
    pub(super) fn not_before_its_end(&self, at: Timestamp) -> Timestamp {
        self.ended_at.map_or(at, |ended_at| ended_at.max(at))
    }

    /// Takes in what is so since `at`, where `told` was told last; true where it is to be told now.
    fn turn(
        &mut self,
        told: Option<Availability>,
        now: Availability,
        since: Timestamp,
        hold_for: SignedDuration,
    ) -> bool {
        match (told, now) {
            (Some(Availability::Occupied), Availability::Occupied) => {
                self.until = None;
                false
            }
            (Some(Availability::Occupied), Availability::Available) => {
                if self.until.is_none() && hold_for > SignedDuration::ZERO {
                    // Beyond the end of time there is no hold.
                    self.until = since.checked_add(hold_for).ok();
                }
                self.until.is_none()
            }
            (Some(Availability::Available), Availability::Available) => false,
            (None, _) | (Some(Availability::Available), Availability::Occupied) => true,
        }
    }
}

impl SpaceState {
    /// Tells what the space is by a report of `at`, unless that was told already, or is held.
    pub(super) fn tell_availability(
        &mut self,
        occasion: Occasion<'_>,
        reading: &Reading,
        (at, change): (Timestamp, Change),
        now: &Aggregate,
    ) -> Vec<Event> {
        let Some(state) = now.availability else { return Vec::new() };
        let hold_for = occasion.of.settings().hold();
        let since = at.min(reading.received_at);
        if !self.hold.turn(self.availability, state, since, hold_for) {
            return Vec::new();
        }
        let at = self.hold.not_before_its_end(at);
        let change = Change { occupancy_changed: true, ..change };
        self.turned(occasion, (at, reading.received_at), change, (state, now))
    }

    /// Ends a hold whose time is over: the space is available since the very end of it. Nothing where none is over.
    pub fn end_hold(&mut self, occasion: Occasion<'_>, now: Timestamp) -> Vec<Event> {
        if self.hold.until.is_none_or(|until| until > now) {
            return Vec::new();
        }
        self.be_at(occasion.of);
        self.end_hold_by(occasion, now, now)
    }

    /// Ends one that was over when this reading was made.
    pub(super) fn end_hold_before(&mut self, occasion: Occasion<'_>, reading: &Reading) -> Vec<Event> {
        self.end_hold_by(occasion, reading.observed_at.min(reading.received_at), reading.received_at)
    }

    fn end_hold_by(&mut self, occasion: Occasion<'_>, by: Timestamp, received_at: Timestamp) -> Vec<Event> {
        let Some(until) = self.hold.until.filter(|until| *until <= by) else { return Vec::new() };
        self.hold.until = None;
        let now = self.aggregate();
        if now.availability != Some(Availability::Available) {
            // The sensors that said so may have been moved away since: then nobody knows.
            return Vec::new();
        }
        self.hold.ended_at = Some(until);
        let change = Change { occupancy_changed: true, first_of_hour: false };
        self.turned(occasion, (until, received_at), change, (Availability::Available, &now))
    }

    /// The space, and its sensors as a group, are so from then on.
    fn turned(
        &mut self,
        occasion: Occasion<'_>,
        times: (Timestamp, Timestamp),
        change: Change,
        (state, now): (Availability, &Aggregate),
    ) -> Vec<Event> {
        self.availability = Some(state);
        let of_space = occasion.of.space().and_then(|space| {
            self.event(occasion, times, change, EventType::SpaceAvailability, || {
                let sensor_ids = space.sensor_ids.clone();
                json([SpaceAvailability::new(space.into(), sensor_ids, times.0, state, now.passively_occupied)])
            })
        });
        of_space.into_iter().chain(self.tell_state_of_group(occasion, times, state)).collect()
    }

    /// When the space will be told to be available, if it stays empty; none where nothing is held.
    pub fn held_until(&self) -> Option<Timestamp> {
        self.hold.until
    }

    /// What the space is told to be, of what its sensors say: an empty space that is held is still occupied.
    pub fn present_availability(&self, now: &Aggregate) -> Option<Availability> {
        let is_held = self.hold.until.is_some();
        now.availability.map(|state| if is_held { Availability::Occupied } else { state })
    }
}

#[cfg(test)]
mod tests;
