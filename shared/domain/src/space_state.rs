//! The state of a space: what its sensors say together, and what changes of it are events.
//!
//! **The rule.** For each sensor and each quantity the newest value counts; an older value, or the same again, changes
//! nothing. Of two values with the same time, the one that is greater in a fixed order counts. So the state is a
//! maximum over everything heard, and a maximum does not depend on order or repetition: out-of-order and duplicated
//! telemetry ends in the state that ordered telemetry ends in. (By quantity and not by whole readings, because real
//! sensors send a battery level and a count in separate messages; a message that carries only the battery must not
//! make an occupied room available.)

mod deadband;
mod hold;
mod places;
mod shadow;
mod silence;

use crate::device::DeviceRecord;
use crate::event::{About, Change, EVENT_VERSION, Event, EventSpace, EventType};
use crate::ids::{EventId, SensorId, Sequence, TenantId};
use crate::payload::{
    Availability, DeviceNews, Distances, Environment, MetresName, People, SpaceAvailability, SpaceReport, SpaceStale,
};
use crate::place::{Space, SpaceKey};
use crate::presence::{Presence, Silence};
use crate::reading::{
    BatteryPercent, Celsius, Co2Ppm, Coordinate, IndoorAirQuality, Lux, Measurements, Metres, PersonCount, Reading,
    RelativeHumidity,
};
use crate::stream::Stream;
use crate::trace::TraceId;
use deadband::Reported;
use hold::Hold;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shadow::KnownShadow;
use std::collections::BTreeMap;

/// A value and when it was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dated<T> {
    /// When it was observed.
    pub at: Timestamp,
    /// The value.
    pub value: T,
}

/// The newest value of each quantity that a sensor ever reported.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SensorState {
    /// People counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_count: Option<Dated<PersonCount>>,
    /// Where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinates: Option<Dated<Vec<Coordinate>>>,
    /// How far apart they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distances: Option<Dated<Vec<Metres>>>,
    /// Whether something moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motion_detected: Option<Dated<bool>>,
    /// Whether belongings are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signs_of_life: Option<Dated<bool>>,
    /// Temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Dated<Celsius>>,
    /// Relative humidity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub humidity: Option<Dated<RelativeHumidity>>,
    /// Indoor air quality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iaq: Option<Dated<IndoorAirQuality>>,
    /// Carbon dioxide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub co2: Option<Dated<Co2Ppm>>,
    /// Illuminance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub illuminance: Option<Dated<Lux>>,
    /// Battery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery: Option<Dated<BatteryPercent>>,
}

/// Replaces `held` where `value` is newer, or of the same time and greater in the order of their JSON texts.
fn keep_newest<T: Serialize + PartialEq + Clone>(
    held: &mut Option<Dated<T>>,
    at: Timestamp,
    value: Option<&T>,
) -> bool {
    let Some(value) = value else { return false };
    let newer = match held {
        None => true,
        Some(held) if at != held.at => at > held.at,
        Some(held) => *value != held.value && order_text(value) > order_text(&held.value),
    };
    if newer {
        *held = Some(Dated { at, value: value.clone() });
    }
    newer
}

/// A text that orders values of one type. Which order does not matter, only that it is the same everywhere.
fn order_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl SensorState {
    /// Takes in a reading; true where anything in it was news.
    fn take(&mut self, at: Timestamp, said: &Measurements) -> bool {
        // `|` and not `||`: every quantity is looked at.
        keep_newest(&mut self.person_count, at, said.person_count.as_ref())
            | keep_newest(&mut self.coordinates, at, said.coordinates.as_ref())
            | keep_newest(&mut self.distances, at, said.distances.as_ref())
            | keep_newest(&mut self.motion_detected, at, said.motion_detected.as_ref())
            | keep_newest(&mut self.signs_of_life, at, said.signs_of_life.as_ref())
            | keep_newest(&mut self.temperature, at, said.temperature.as_ref())
            | keep_newest(&mut self.humidity, at, said.humidity.as_ref())
            | keep_newest(&mut self.iaq, at, said.iaq.as_ref())
            | keep_newest(&mut self.co2, at, said.co2.as_ref())
            | keep_newest(&mut self.illuminance, at, said.illuminance.as_ref())
            | keep_newest(&mut self.battery, at, said.battery.as_ref())
    }

    /// When this sensor last measured its environment, as the space report documents environment.
    fn environment_at(&self) -> Option<Timestamp> {
        let temperature = self.temperature.as_ref().map(|dated| dated.at);
        let humidity = self.humidity.as_ref().map(|dated| dated.at);
        let iaq = self.iaq.as_ref().map(|dated| dated.at);
        temperature.max(humidity).max(iaq)
    }
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

/// What the sensors of a space say together now.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Sum of the counts.
    pub person_count: PersonCount,
    /// One array a sensor that locates people.
    pub coordinates: Vec<Vec<Coordinate>>,
    /// All distances, where a sensor measures them.
    pub distances: Option<Vec<Metres>>,
    /// Any sensor; none where no sensor supports it.
    pub motion_detected: Option<bool>,
    /// Any sensor; none where no sensor supports it.
    pub signs_of_life: Option<bool>,
    /// The newest.
    pub environment: Option<Environment>,
    /// Occupied if anybody is counted or signs of life are seen; none where no sensor can tell.
    pub availability: Option<Availability>,
    /// Nobody counted, with signs of life; none where no sensor detects those.
    pub passively_occupied: Option<bool>,
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
        let mut events = Vec::from_iter(self.end_hold_before(occasion, reading));
        events.extend(self.hear(occasion, reading, silence));
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
        self.shadows.retain(|sensor, _| space.sensor_ids.contains(sensor));
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
        let change = self.count_report(at, &now, &space.settings.minimum_change);

        let times = (at, reading.received_at);
        let mut events = vec![self.event(occasion, times, change, report(space, at, &now))];
        events.extend(self.tell_availability(occasion, reading, (at, change), &now));
        events
    }

    /// What the sensors say together.
    pub fn aggregate(&self) -> Aggregate {
        let sensors = || self.sensors.values();
        let counts = || sensors().filter_map(|sensor| sensor.person_count.as_ref());
        let person_count = PersonCount(counts().fold(0, |sum: u32, count| sum.saturating_add(count.value.0)));
        let signs_of_life = any_of(sensors().filter_map(|sensor| sensor.signs_of_life.as_ref()));
        let known = signs_of_life.is_some() || counts().next().is_some();
        let occupied = person_count.0 > 0 || signs_of_life == Some(true);
        let distances: Vec<_> = sensors().filter_map(|sensor| sensor.distances.as_ref()).collect();
        Aggregate {
            person_count,
            coordinates: sensors().filter_map(|sensor| Some(sensor.coordinates.as_ref()?.value.clone())).collect(),
            distances: (!distances.is_empty())
                .then(|| distances.iter().flat_map(|dated| dated.value.iter().copied()).collect()),
            motion_detected: any_of(sensors().filter_map(|sensor| sensor.motion_detected.as_ref())),
            signs_of_life,
            environment: self.environment(),
            availability: known.then_some(if occupied { Availability::Occupied } else { Availability::Available }),
            passively_occupied: signs_of_life.map(|life| life && person_count.0 == 0),
        }
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
        let mut at = self.observed_at()?;
        let mut state = self.clone();
        // A sensor that was moved away keeps its values until the next reading of the space.
        state.be_at(space);
        let now = state.aggregate();
        let body = match event_type {
            EventType::SpaceReport => report(space, at, &now),
            EventType::SpaceAvailability => {
                let (state, passively) = (state.present_availability(&now)?, now.passively_occupied);
                at = self.hold.not_before_its_end(at);
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

    fn environment(&self) -> Option<Environment> {
        // Of several sensors with the same time, the one with the greatest id: any fixed choice will do.
        let (timestamp, id, sensor) = self
            .sensors
            .iter()
            .filter_map(|(id, sensor)| Some((sensor.environment_at()?, id, sensor)))
            .max_by_key(|(at, id, _)| (*at, *id))?;
        Some(Environment {
            humidity: sensor.humidity.as_ref().map(|dated| dated.value.into()),
            iaq: sensor.iaq.as_ref().map(|dated| dated.value.into()),
            sensor: id.clone(),
            temperature: sensor.temperature.as_ref().map(|dated| dated.value.into()),
            timestamp,
        })
    }

    /// The next event of the space, which occurred and was heard of then.
    fn event(
        &mut self,
        occasion: Occasion<'_>,
        (occurred_at, received_at): (Timestamp, Timestamp),
        change: Change,
        body: Body,
    ) -> Event {
        let Occasion { tenant, space, trace } = occasion;
        self.sequence = self.sequence.next();
        let (event_type, data) = body.into_json();
        Event {
            version: EVENT_VERSION,
            id: Event::derived_id(tenant, Stream::of_space(space.space_id), event_type, self.sequence, received_at),
            tenant: tenant.clone(),
            event_type,
            sequence: self.sequence,
            about: About::Space(EventSpace::from(space)),
            occurred_at,
            received_at,
            trace: trace.cloned(),
            change,
            test: false,
            data,
        }
    }
}

enum Body {
    Report(Box<SpaceReport>),
    Availability(SpaceAvailability),
    Device(DeviceNews),
    Stale(SpaceStale),
    Record(DeviceRecord),
}

impl Body {
    fn into_json(self) -> (EventType, serde_json::Value) {
        // None of the shapes has a map with other than text keys, so writing them as JSON can't fail.
        match self {
            Self::Report(report) => (EventType::SpaceReport, serde_json::to_value(report).unwrap_or_default()),
            Self::Availability(record) => {
                (EventType::SpaceAvailability, serde_json::to_value([record]).unwrap_or_default())
            }
            Self::Device(news) => (news.event_type, serde_json::to_value(news).unwrap_or_default()),
            Self::Record(record) => (record.event_type, serde_json::to_value(record).unwrap_or_default()),
            Self::Stale(stale) => (EventType::SpaceStale, serde_json::to_value(stale).unwrap_or_default()),
        }
    }
}

fn report(space: &Space, timestamp: Timestamp, now: &Aggregate) -> Body {
    Body::Report(Box::new(SpaceReport {
        building_ref_id: Some(space.building_ref_id.clone()),
        floor_ref_id: space.floor_ref_id.clone(),
        space_ref_id: Some(space.space_ref_id.clone()),
        space_id: space.space_id,
        event_type: EventType::SpaceReport,
        timestamp,
        person_count: now.person_count,
        signs_of_life: now.signs_of_life,
        motion_detected: now.motion_detected,
        people: People {
            count: now.person_count,
            coordinates: now.coordinates.clone(),
            distances: now.distances.clone().map(|values| Distances { units: MetresName::Documented, values }),
        },
        sensor_ids: space.sensor_ids.clone(),
        environment: now.environment.clone(),
    }))
}

/// Whether any says so; none where none says anything.
fn any_of<'a>(said: impl Iterator<Item = &'a Dated<bool>>) -> Option<bool> {
    said.map(|dated| dated.value).reduce(|one, other| one || other)
}

fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

#[cfg(test)]
mod tests;
