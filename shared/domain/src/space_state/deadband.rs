//! Which reports count as changed: those of a move that is as great as the customer says it must be.
//!
//! What a report says is held against the last report that *counted*, not against the last one: so a slow drift adds up
//! until it counts. Without settings each change of the number of people counts, and none of other quantities. Signs of
//! life that come or go always count. A quantity is compared sensor by sensor, since two sensors of a room that differ
//! are no change; the first value of a sensor's quantity is where it starts from, and no change either.

use super::{Aggregate, SensorState, SpaceState, hour};
use crate::event::Change;
use crate::ids::SensorId;
use crate::profile::QuantityName;
use crate::reading::PersonCount;
use crate::settings::MinimumChange;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The values of the quantities that have a least change, by sensor.
type Measured = BTreeMap<SensorId, BTreeMap<QuantityName, f64>>;

/// What the reports of a space last said, to tell what the next one changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Reported {
    /// The newest observation.
    pub(super) at: Timestamp,
    /// What the last report said that counted as changed.
    counted: Counted,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counted {
    person_count: PersonCount,
    signs_of_life: Option<bool>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    measured: Measured,
}

impl Counted {
    /// Whether this is far enough from what counted last.
    fn is_left_by(&self, now: &Self, minimum: &MinimumChange) -> bool {
        let (then, people) = (f64::from(self.person_count.0), f64::from(now.person_count.0));
        let moves =
            |quantity| self.moves(now, quantity).any(|(then, now)| minimum.is_reached(quantity, Some(then), now));
        self.signs_of_life != now.signs_of_life
            || minimum.is_reached(QuantityName::PersonCount, Some(then), people)
            || minimum.iter().any(|(quantity, _)| moves(quantity))
    }

    /// A quantity of each sensor, then and now.
    fn moves<'a>(&'a self, now: &'a Self, quantity: QuantityName) -> impl Iterator<Item = (f64, f64)> + 'a {
        now.measured.iter().filter_map(move |(sensor, values)| {
            let then = self.measured.get(sensor)?.get(&quantity)?;
            Some((*then, *values.get(&quantity)?))
        })
    }

    /// The same, and where the quantities start that were not there.
    fn joined_by(mut self, now: Self) -> Self {
        self.measured.retain(|sensor, _| now.measured.contains_key(sensor));
        for (sensor, values) in now.measured {
            let known = self.measured.entry(sensor).or_default();
            known.retain(|quantity, _| values.contains_key(quantity));
            for (quantity, value) in values {
                known.entry(quantity).or_insert(value);
            }
        }
        self
    }
}

impl SpaceState {
    /// What a report changes that is made now, and remembers what the next is held against.
    pub(super) fn count_report(&mut self, at: Timestamp, now: &Aggregate, minimum: &MinimumChange) -> Change {
        let said = Counted {
            person_count: now.person_count,
            signs_of_life: now.signs_of_life,
            measured: self.measured(minimum),
        };
        let (change, counted) = match self.reported.take() {
            None => (Change { occupancy_changed: true, first_of_hour: true }, said),
            Some(last) => {
                let is_change = last.counted.is_left_by(&said, minimum);
                let first_of_hour = hour(at) > hour(last.at);
                let counted = if is_change { said } else { last.counted.joined_by(said) };
                (Change { occupancy_changed: is_change, first_of_hour }, counted)
            }
        };
        self.reported = Some(Reported { at, counted });
        change
    }

    fn measured(&self, minimum: &MinimumChange) -> Measured {
        let of = |sensor: &SensorState| -> BTreeMap<QuantityName, f64> {
            minimum.iter().filter_map(|(quantity, _)| Some((quantity, value(sensor, quantity)?))).collect()
        };
        let all = self.sensors.iter().map(|(id, sensor)| (id.clone(), of(sensor)));
        all.filter(|(_, values)| !values.is_empty()).collect()
    }
}

/// What a sensor last said of a quantity; nothing of people, who are counted by space.
fn value(sensor: &SensorState, quantity: QuantityName) -> Option<f64> {
    match quantity {
        QuantityName::Temperature => sensor.temperature.as_ref().map(|dated| dated.value.value()),
        QuantityName::Humidity => sensor.humidity.as_ref().map(|dated| dated.value.value()),
        QuantityName::Iaq => sensor.iaq.as_ref().map(|dated| dated.value.value()),
        QuantityName::Co2 => sensor.co2.as_ref().map(|dated| dated.value.value()),
        QuantityName::Illuminance => sensor.illuminance.as_ref().map(|dated| dated.value.value()),
        QuantityName::Battery => sensor.battery.as_ref().map(|dated| dated.value.value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
