//! The state of a space: what its sensors say together, and what changes of it are events. A named group of sensors has a
//! state by the same rules, of which only what is told of groups becomes events: what happens to single sensors, and to
//! spaces, is told of in the streams of the spaces.
//!
//! **The rule.** For each sensor and each quantity the newest value counts; an older value, or the same again, changes
//! nothing. Of two values with the same time, the one counts that arrived later, if it did within [`REVISED_WITHIN`]; else
//! the one that is greater in a fixed order. So the state is a maximum over everything heard, and a maximum does not depend on order or repetition: out-of-order and duplicated
//! telemetry ends in the state that ordered telemetry ends in. (By quantity and not by whole readings, because real
//! sensors send a battery level and a count in separate messages; a message that carries only the battery must not
//! make an occupied room available.)

mod aggregate;
mod dated;
mod deadband;
mod hold;
mod places;
mod sensor;
mod sensor_events;
mod shadow;
mod silence;
mod telling;
mod told;

pub use aggregate::Aggregate;
pub use dated::{Dated, REVISED_WITHIN};
pub use sensor::SensorState;
pub use told::READINGS_REMEMBERED;

use crate::event::{Change, EVENT_VERSION, Event, EventType};
use crate::ids::{EventId, SensorId, Sequence, TenantId};
use crate::observed::{Observed, ObservedKey};
use crate::payload::{Availability, Measured, SpaceAvailability};
use crate::presence::{Presence, Silence};
use crate::reading::Reading;
use crate::stream::Stream;
use crate::trace::TraceId;
use dated::When;
use deadband::Reported;
use hold::Hold;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shadow::KnownShadow;
use std::collections::{BTreeMap, BTreeSet};
use telling::{json, report};
use told::{Told, Values};

/// The state of a space, or of a named group of sensors.
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
    /// Whether it is held back that the space is empty.
    #[serde(default, skip_serializing_if = "Hold::is_empty")]
    hold: Hold,
    /// Whether each sensor that was ever heard is still there.
    #[serde(default)]
    presence: BTreeMap<SensorId, Presence>,
    /// Whether the space was told to be stale.
    #[serde(default)]
    is_stale: bool,
    /// What the shadow of each device said last.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    shadows: BTreeMap<SensorId, KnownShadow>,
    /// What it is of, by the customer's own names, as of the last reading: from a state alone nobody could tell.
    #[serde(default)]
    place: Option<ObservedKey>,
    /// Whether motion is news: a report said that nobody is there, and no motion has been told of since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_pir_armed: bool,
    /// What was told of its sensors, where their values do not say it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    told: BTreeMap<SensorId, Told>,
    /// The same of them as a group.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    told_of_group: Values,
}

/// What something in a space, or in a named group of sensors, happens on.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// The space or the group.
    pub of: &'a Observed,
    /// The trace of what caused it.
    pub trace: Option<&'a TraceId>,
    /// The types of event that somebody hears of: others are not made.
    pub wanted: &'a BTreeSet<EventType>,
}

impl Occasion<'_> {
    fn is_wanted(&self, event_type: EventType) -> bool {
        self.wanted.contains(&event_type)
    }
}

impl SpaceState {
    /// Takes in a reading and says what happened, as far as somebody wants to hear of it: that a device is there again; what
    /// is new of the sensor; a report of the space, where something in the reading is new; an availability event, where the
    /// state of the space changed; and what is new of its sensors as a group. History (a reading all of which is older than
    /// what is known) is told as what the sensor said, once, and changes nothing.
    ///
    /// The reading's sensor must be one of the space's, or the group's. Sensors that have left it are forgotten. `silence` is how
    /// long the sensor may be silent from now on.
    pub fn take(&mut self, occasion: Occasion<'_>, reading: &Reading, silence: Silence) -> Vec<Event> {
        self.be_at(occasion.of);
        let mut events = self.end_hold_before(occasion, reading);
        events.extend(self.hear(occasion, reading, silence));
        let group = occasion.is_wanted(EventType::SensorDeviceGroupReadingUpdated).then(|| self.group(reading));
        let sensor = self.sensors.entry(reading.sensor_id.clone()).or_default();
        let before = sensor_events::Known::of(sensor, reading);
        let taken = sensor.take(When::of(reading), &reading.measurements);
        let after = sensor_events::Known::of(sensor, reading);
        events.extend(self.tell_of_sensor(occasion, reading, taken, (&before, &after)));
        if taken.is_news {
            events.extend(self.pir(occasion, reading, taken));
            events.extend(self.report(occasion, reading, group.as_ref()));
        }
        events
    }

    /// What its sensors measure as a group.
    fn group(&self, reading: &Reading) -> Measured {
        self.measured_together(&self.aggregate(), reading.observed_at)
    }

    /// The state without what is of sensors that have left, as the next reading would find it.
    #[must_use]
    pub fn seen_at(&self, of: &Observed) -> Self {
        let mut state = self.clone();
        state.be_at(of);
        state
    }

    /// Forgets what is of another place.
    fn be_at(&mut self, of: &Observed) {
        let sensor_ids = of.sensor_ids();
        self.sensors.retain(|sensor, _| sensor_ids.contains(sensor));
        self.presence.retain(|sensor, _| sensor_ids.contains(sensor));
        self.shadows.retain(|sensor, _| sensor_ids.contains(sensor));
        self.told.retain(|sensor, _| sensor_ids.contains(sensor));
        // What was stale may have been moved away.
        self.is_stale &= self.are_all_stale();
        let place = of.key();
        if self.place.as_ref() != Some(&place) {
            self.place = Some(place);
        }
    }

    /// What the sensors say together, now that one has said something new. `group` is what they measured before.
    fn report(&mut self, occasion: Occasion<'_>, reading: &Reading, group: Option<&Measured>) -> Vec<Event> {
        let now = self.aggregate();
        // A late reading of one sensor does not turn the clock of the space back.
        let at = self.reported.as_ref().map_or(reading.observed_at, |last| last.at.max(reading.observed_at));
        let change = self.count_report(at, &now, &occasion.of.settings().minimum_change);
        self.arm_pir(now.person_count, &reading.measurements);

        let times = (at, reading.received_at);
        let mut events = Vec::new();
        if let Some(space) = occasion.of.space() {
            let report = || json(report(space, at, &now));
            events.extend(self.event(occasion, times, change, EventType::SpaceReport, report));
        }
        events.extend(self.tell_of_group(occasion, times, (group, &now)));
        events.extend(self.tell_availability(occasion, reading, (at, change), &now));
        events
    }

    /// The present state as an event of one of these types: what the newest one of its type would say, at the place of the
    /// newest event of the space. None where there is no state, or the type is none of a state of a space. `id` makes its id.
    pub fn as_event(
        &self,
        occasion: Occasion<'_>,
        event_type: EventType,
        received_at: Timestamp,
        id: impl FnOnce(Stream, Sequence) -> EventId,
    ) -> Option<Event> {
        let Occasion { tenant, of, trace, .. } = occasion;
        let space = of.space()?;
        let mut at = self.observed_at()?;
        // A sensor that was moved away keeps its values until the next reading of the space.
        let state = self.seen_at(of);
        let now = state.aggregate();
        let data = match event_type {
            EventType::SpaceReport => json(report(space, at, &now)),
            EventType::SpaceAvailability => {
                let (state, passively) = (state.present_availability(&now)?, now.passively_occupied);
                at = self.hold.not_before_its_end(at);
                json([SpaceAvailability::new(space.into(), space.sensor_ids.clone(), at, state, passively)])
            }
            _ => return None,
        };
        Some(Event {
            version: EVENT_VERSION,
            id: id(Stream::of_space(space.space_id), self.sequence),
            tenant: tenant.clone(),
            event_type,
            sequence: self.sequence,
            about: of.about(),
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
}

fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

#[cfg(test)]
mod tests;
