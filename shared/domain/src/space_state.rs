//! The state of a space: what its sensors say together, and what changes of it are events.
//!
//! **The rule.** For each sensor and each quantity the newest value counts; an older value, or the same again, changes
//! nothing. Of two values with the same time, the one that is greater in a fixed order counts. So the state is a
//! maximum over everything heard, and a maximum does not depend on order or repetition: out-of-order and duplicated
//! telemetry ends in the state that ordered telemetry ends in. (By quantity and not by whole readings, because real
//! sensors send a battery level and a count in separate messages; a message that carries only the battery must not
//! make an occupied room available.)

mod aggregate;
mod sensor;
mod silence;
mod telling;

pub use aggregate::Aggregate;
pub use sensor::{Dated, SensorState};

use crate::event::{About, Change, EVENT_VERSION, Event, EventSpace, EventType};
use crate::ids::{EventId, SensorId, Sequence, TenantId};
use crate::payload::{Availability, SpaceAvailability};
use crate::place::{Space, SpaceKey};
use crate::presence::{Presence, Silence};
use crate::reading::{PersonCount, Reading};
use crate::stream::Stream;
use crate::trace::TraceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use telling::{Body, report};

/// What the reports of a space last said, to tell what the next one changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reported {
    at: Timestamp,
    person_count: PersonCount,
    signs_of_life: Option<bool>,
}

/// The state of a space.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpaceState {
    /// The sequence of its newest event.
    pub sequence: Sequence,
    /// What each sensor last said.
    sensors: BTreeMap<SensorId, SensorState>,
    /// What the last report said.
    reported: Option<Reported>,
    /// The state that the last availability event said.
    availability: Option<Availability>,
    /// Whether each sensor that was ever heard is still there.
    #[serde(default)]
    presence: BTreeMap<SensorId, Presence>,
    /// Whether the space was told to be stale.
    #[serde(default)]
    is_stale: bool,
    /// The space, by the customer's own names, as of the last reading: from a state alone nobody could tell.
    #[serde(default)]
    place: Option<SpaceKey>,
}

/// What something in a space happens on.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// Whose space.
    pub tenant: &'a TenantId,
    /// The space.
    pub space: &'a Space,
    /// The trace of what caused it.
    pub trace: Option<&'a TraceId>,
}
impl SpaceState {
    /// Takes in a reading and says what happened: that a device is there again; a report, where something in the reading is
    /// new; and an availability event, where the state of the space changed.
    ///
    /// The reading's sensor must be one of the space's. Sensors that have left the space are forgotten. `silence` is how
    /// long the sensor may be silent from now on.
    pub fn take(&mut self, occasion: Occasion<'_>, reading: &Reading, silence: Silence) -> Vec<Event> {
        let Occasion { space, .. } = occasion;
        self.be_at(space);
        let mut events = self.hear(occasion, reading, silence);
        let sensor = self.sensors.entry(reading.sensor_id.clone()).or_default();
        if sensor.take(reading.observed_at, &reading.measurements) {
            events.extend(self.report(occasion, reading));
        }
        events
    }

    /// Forgets what is of another place.
    fn be_at(&mut self, space: &Space) {
        self.sensors.retain(|sensor, _| space.sensor_ids.contains(sensor));
        self.presence.retain(|sensor, _| space.sensor_ids.contains(sensor));
        // What was stale may have been moved away.
        self.is_stale &= self.are_all_stale();
        let place = space.key();
        if self.place.as_ref() != Some(&place) {
            self.place = Some(place);
        }
    }

    /// What the sensors say together, now that one has said something new.
    fn report(&mut self, occasion: Occasion<'_>, reading: &Reading) -> Vec<Event> {
        let Occasion { space, .. } = occasion;
        let now = self.aggregate();
        // A late reading of one sensor does not turn the clock of the space back.
        let at = self.reported.as_ref().map_or(reading.observed_at, |last| last.at.max(reading.observed_at));
        let change = self.change(at, &now);
        self.reported = Some(Reported { at, person_count: now.person_count, signs_of_life: now.signs_of_life });

        let times = (at, reading.received_at);
        let mut events = vec![self.event(occasion, times, change, report(space, at, &now))];
        if let Some(state) = now.availability
            && self.availability != Some(state)
        {
            self.availability = Some(state);
            let record =
                SpaceAvailability::new(space.into(), space.sensor_ids.clone(), at, state, now.passively_occupied);
            events.push(self.event(occasion, times, change, Body::Availability(record)));
        }
        events
    }

    /// The present state as an event of one of these types: what the newest one of its type would say, at the place of the
    /// newest event of the space. None where there is no state, or the type is none of a state. `id` makes its id.
    pub fn as_event(
        &self,
        occasion: Occasion<'_>,
        event_type: EventType,
        received_at: Timestamp,
        id: impl FnOnce(Stream, Sequence) -> EventId,
    ) -> Option<Event> {
        let Occasion { tenant, space, trace } = occasion;
        let at = self.observed_at()?;
        let mut state = self.clone();
        // A sensor that was moved away keeps its values until the next reading of the space.
        state.be_at(space);
        let now = state.aggregate();
        let body = match event_type {
            EventType::SpaceReport => report(space, at, &now),
            EventType::SpaceAvailability => {
                let (state, passively) = (now.availability?, now.passively_occupied);
                Body::Availability(SpaceAvailability::new(space.into(), space.sensor_ids.clone(), at, state, passively))
            }
            _ => return None,
        };
        let (event_type, data) = body.into_json();
        Some(Event {
            version: EVENT_VERSION,
            id: id(Stream::of_space(space.space_id), self.sequence),
            tenant: tenant.clone(),
            event_type,
            sequence: self.sequence,
            about: About::Space(EventSpace::from(space)),
            occurred_at: at,
            received_at,
            trace: trace.cloned(),
            // Whoever asks for the present state wants it though nothing changed.
            change: Change { occupancy_changed: true, first_of_hour: true },
            test: false,
            data,
        })
    }

    /// When the newest observation of the space was made.
    pub fn observed_at(&self) -> Option<Timestamp> {
        self.reported.as_ref().map(|last| last.at)
    }

    /// What each of its sensors last said.
    pub fn sensors(&self) -> &BTreeMap<SensorId, SensorState> {
        &self.sensors
    }

    fn change(&self, at: Timestamp, now: &Aggregate) -> Change {
        let Some(last) = &self.reported else {
            return Change { occupancy_changed: true, first_of_hour: true };
        };
        Change {
            occupancy_changed: last.person_count != now.person_count || last.signs_of_life != now.signs_of_life,
            first_of_hour: hour(at) > hour(last.at),
        }
    }
}

fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

#[cfg(test)]
mod tests;
