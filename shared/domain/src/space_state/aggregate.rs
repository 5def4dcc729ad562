//! What the sensors of a space say together.

use super::{Dated, SensorState, SpaceState};
use crate::ids::SensorId;
use crate::payload::{Availability, Environment, Measured};
use crate::reading::{Coordinate, Metres, PersonCount};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What the sensors of a space say together now.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Sum of the counts and of the nets of doors; 0 where more went out than came in.
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
    /// What the sensors say together.
    pub fn aggregate(&self) -> Aggregate {
        let sensors = || self.sensors.values();
        let people = || sensors().filter_map(SensorState::people);
        // Each is below 2^33, and a space has 100 sensors: the sum does not overflow.
        let person_count = PersonCount(u32::try_from(people().sum::<i64>().max(0)).unwrap_or(u32::MAX));
        let signs_of_life = any_of(sensors().filter_map(|sensor| sensor.signs_of_life.as_ref()));
        let known = signs_of_life.is_some() || people().next().is_some();
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

    /// What its sensors measure together: the aggregate, and of what that does not have the newest value. `aggregate` is that
    /// of now.
    pub(super) fn measured_together(&self, aggregate: &Aggregate, observed_at: Timestamp) -> Measured {
        let counts = self.sensors.values().any(|sensor| sensor.people().is_some());
        let environment = aggregate.environment.as_ref();
        Measured {
            observed_at,
            person_count: counts.then_some(aggregate.person_count),
            motion_detected: aggregate.motion_detected,
            signs_of_life: aggregate.signs_of_life,
            temperature: environment.and_then(|it| Some(it.temperature.as_ref()?.value)),
            humidity: environment.and_then(|it| Some(it.humidity.as_ref()?.value)),
            iaq: environment.and_then(|it| Some(it.iaq.as_ref()?.value)),
            co2: newest(&self.sensors, |sensor| sensor.co2.as_ref()),
            illuminance: newest(&self.sensors, |sensor| sensor.illuminance.as_ref()),
            ..Measured::nothing(observed_at)
        }
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
}

/// The newest that any says; of several of one time that of the sensor with the greatest id.
fn newest<T: Copy>(
    sensors: &BTreeMap<SensorId, SensorState>,
    said: impl Fn(&SensorState) -> Option<&Dated<T>>,
) -> Option<T> {
    let said = sensors.values().filter_map(said);
    // Of equals the last, and they are in the order of their ids.
    said.max_by_key(|dated| dated.at).map(|dated| dated.value)
}

/// Whether any says so; none where none says anything.
fn any_of<'a>(said: impl Iterator<Item = &'a Dated<bool>>) -> Option<bool> {
    said.map(|dated| dated.value).reduce(|one, other| one || other)
}
