//! What is told of single sensors, and of the sensors of a space, or of those that have a name together, as a group.
//!
//! Three things are told apart. A *reading* is what was measured. A *state* is what is made of readings: available or
//! occupied, a battery that is healthy or not. And either is *stale* when no reading has come for a while (see
//! [`super::silence`]).

use super::dated::Taken;
use super::telling::json;
use super::told::{Readings, Values, readings_remembered};
use super::{Aggregate, Occasion, SensorState, SpaceState};
use crate::battery::BatteryHealth;
use crate::event::{Change, Event, EventType};
use crate::payload::{
    Availability, DeviceState, Distances, Measured, MetresName, PirTriggered, PlaceNames, Said, SensorEnvironment,
    SensorNews, SensorPeople, SensorReport, Watched,
};
use crate::reading::{Measurements, PersonCount, Reading};
use jiff::Timestamp;

/// What is known of a sensor before or after a reading.
pub(super) struct Known {
    measured: Measured,
    availability: Option<Availability>,
    battery_health: Option<BatteryHealth>,
}

impl Known {
    pub(super) fn of(sensor: &SensorState, reading: &Reading) -> Self {
        Self {
            measured: sensor.measured(reading.observed_at),
            availability: sensor.availability(),
            battery_health: sensor.battery_health(),
        }
    }
}

impl SpaceState {
    /// What is told of the sensor itself; nothing in a named group, since its space tells it.
    pub(super) fn tell_of_sensor(
        &mut self,
        occasion: Occasion<'_>,
        reading: &Reading,
        taken: Taken,
        (before, after): (&Known, &Known),
    ) -> Vec<Event> {
        let Some(space) = occasion.of.space() else { return Vec::new() };
        let sensor_id = &reading.sensor_id;
        let minimum = &space.settings.minimum_change;
        let at = reading.observed_at;
        let times = (at, reading.received_at);
        let mut told = self.told.remove(sensor_id).unwrap_or_default();
        let mut events = Vec::new();

        if occasion.is_wanted(EventType::SensorReport) {
            // Each that is heard, also one that says nothing new now: heard again when it is old, it is no history.
            let is_first = told.readings.remember(reading, readings_remembered(space.sensor_ids.len()));
            let is_told = if taken.is_history { is_first } else { taken.is_news };
            if is_told {
                let report = || json(sensor_report(PlaceNames::from(space), reading, taken));
                events.extend(self.event(occasion, times, Change::default(), EventType::SensorReport, report));
            }
        } else {
            told.readings = Readings::default();
        }
        let of = || Watched::Sensor { sensor_id: sensor_id.clone() };
        let said = Measured::by(at, &reading.measurements);
        if !occasion.is_wanted(EventType::SensorDeviceReadingUpdated) {
            told.values = Values::default();
        } else if taken.is_news && told.values.take((&before.measured, &after.measured), &said, minimum) {
            events.extend(self.news(occasion, times, of(), Said::Reading { reading: said }));
        }
        if before.availability != after.availability || before.battery_health != after.battery_health {
            let (availability, battery_health) = (after.availability, Some(after.battery_health));
            let state = DeviceState { availability, battery_health, since: at };
            events.extend(self.news(occasion, times, of(), Said::State { state }));
        }
        if !told.is_empty() {
            self.told.insert(sensor_id.clone(), told);
        }
        events
    }

    /// What is told of its sensors as a group, which measured that before, and say this together now.
    pub(super) fn tell_of_group(
        &mut self,
        occasion: Occasion<'_>,
        times: (Timestamp, Timestamp),
        (before, now): (Option<&Measured>, &Aggregate),
    ) -> Option<Event> {
        let Some(before) = before else {
            self.told_of_group = Values::default();
            return None;
        };
        let after = self.measured_together(now, times.0);
        if !self.told_of_group.take((before, &after), &after, &occasion.of.settings().minimum_change) {
            return None;
        }
        let of = Watched::Group { sensor_group: occasion.of.as_group() };
        self.news(occasion, times, of, Said::Reading { reading: after })
    }

    /// That its sensors as a group say so since then.
    pub(super) fn tell_state_of_group(
        &mut self,
        occasion: Occasion<'_>,
        times: (Timestamp, Timestamp),
        state: Availability,
    ) -> Option<Event> {
        let of = Watched::Group { sensor_group: occasion.of.as_group() };
        let state = DeviceState { availability: Some(state), battery_health: None, since: times.0 };
        self.news(occasion, times, of, Said::State { state })
    }

    fn news(
        &mut self,
        occasion: Occasion<'_>,
        times: (Timestamp, Timestamp),
        of: Watched,
        said: Said,
    ) -> Option<Event> {
        let place = || occasion.of.place_names();
        let event_type = SensorNews::event_type(&of, &said);
        self.event(occasion, times, Change::default(), event_type, || json(SensorNews::new(times.0, place(), of, said)))
    }

    /// Motion in a space that nobody was in, by its last report: told once after each report of 0.
    pub(super) fn pir(&mut self, occasion: Occasion<'_>, reading: &Reading, taken: Taken) -> Option<Event> {
        let space = occasion.of.space()?;
        let at = reading.observed_at;
        let is_late = taken.is_history || self.reported.as_ref().is_none_or(|last| at < last.at);
        if !self.is_pir_armed || is_late || reading.measurements.motion_detected != Some(true) {
            return None;
        }
        self.is_pir_armed = false;
        self.event(occasion, (at, reading.received_at), Change::default(), EventType::PirTriggered, || {
            json(PirTriggered {
                event_type: EventType::PirTriggered,
                timestamp: at,
                place: PlaceNames::from(space),
                sensor_id: reading.sensor_id.clone(),
            })
        })
    }

    /// Takes in that a reading made the space report so many people. A report of 0 makes motion news; but not the one that
    /// this very motion makes.
    pub(super) fn arm_pir(&mut self, reported: PersonCount, because: &Measurements) {
        if reported.0 > 0 {
            self.is_pir_armed = false;
        } else if because.motion_detected != Some(true) {
            self.is_pir_armed = true;
        }
    }
}

fn sensor_report(place: PlaceNames, reading: &Reading, taken: Taken) -> SensorReport {
    let said = &reading.measurements;
    SensorReport {
        event_type: EventType::SensorReport,
        timestamp: reading.observed_at,
        place,
        sensor_id: reading.sensor_id.clone(),
        backfilled: taken.is_history,
        revised: taken.is_revised,
        person_count: said.person_count,
        signs_of_life: said.signs_of_life,
        motion_detected: said.motion_detected,
        people: people(said),
        environment: environment(reading),
        entries_total: said.totals.map(|totals| totals.entries),
        exits_total: said.totals.map(|totals| totals.exits),
        battery: said.battery,
        battery_health: BatteryHealth::of(said.battery, said.battery_months_left),
    }
}

fn people(said: &Measurements) -> Option<SensorPeople> {
    let says = said.person_count.is_some() || said.coordinates.is_some() || said.distances.is_some();
    says.then(|| SensorPeople {
        count: said.person_count,
        coordinates: said.coordinates.iter().cloned().collect(),
        distances: said.distances.clone().map(|values| Distances { units: MetresName::Documented, values }),
    })
}

fn environment(Reading { sensor_id, observed_at, measurements: said, .. }: &Reading) -> Option<SensorEnvironment> {
    let environment = SensorEnvironment {
        co2: said.co2.map(Into::into),
        humidity: said.humidity.map(Into::into),
        iaq: said.iaq.map(Into::into),
        illuminance: said.illuminance.map(Into::into),
        sensor: sensor_id.clone(),
        temperature: said.temperature.map(Into::into),
        timestamp: *observed_at,
    };
    let says = said.co2.is_some()
        || said.humidity.is_some()
        || said.iaq.is_some()
        || said.illuminance.is_some()
        || said.temperature.is_some();
    says.then_some(environment)
}
