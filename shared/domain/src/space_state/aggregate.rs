//! What the sensors of a space say together.

use super::{Dated, SpaceState};
use crate::payload::{Availability, Environment};
use crate::reading::{Coordinate, Metres, PersonCount};

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

/// Whether any says so; none where none says anything.
fn any_of<'a>(said: impl Iterator<Item = &'a Dated<bool>>) -> Option<bool> {
    said.map(|dated| dated.value).reduce(|one, other| one || other)
}
