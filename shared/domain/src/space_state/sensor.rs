//! What one sensor says: of each quantity the newest value.

use super::dated::{Dated, Heard, Taken, When, keep_newest};
use crate::battery::BatteryHealth;
use crate::counter::{Counted, Counter, Observation, Totals};
use crate::payload::{Availability, Measured};
use crate::reading::{
    BatteryPercent, Celsius, Co2Ppm, Coordinate, IndoorAirQuality, Lux, Measurements, Metres, Months, PersonCount,
    RelativeHumidity,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// For how long the battery will do, as the device says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_months_left: Option<Dated<Months>>,
    /// Who came in and went out by a door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<Counter>,
}

impl SensorState {
    /// Takes in a reading, and says what it was to what was known.
    pub(super) fn take(&mut self, when: When, said: &Measurements) -> Taken {
        Taken::of([
            keep_newest(&mut self.person_count, when, said.person_count.as_ref()),
            keep_newest(&mut self.coordinates, when, said.coordinates.as_ref()),
            keep_newest(&mut self.distances, when, said.distances.as_ref()),
            keep_newest(&mut self.motion_detected, when, said.motion_detected.as_ref()),
            keep_newest(&mut self.signs_of_life, when, said.signs_of_life.as_ref()),
            keep_newest(&mut self.temperature, when, said.temperature.as_ref()),
            keep_newest(&mut self.humidity, when, said.humidity.as_ref()),
            keep_newest(&mut self.iaq, when, said.iaq.as_ref()),
            keep_newest(&mut self.co2, when, said.co2.as_ref()),
            keep_newest(&mut self.illuminance, when, said.illuminance.as_ref()),
            keep_newest(&mut self.battery, when, said.battery.as_ref()),
            keep_newest(&mut self.battery_months_left, when, said.battery_months_left.as_ref()),
            self.count(when, said.totals),
        ])
    }

    fn count(&mut self, when: When, totals: Option<Totals>) -> Option<Heard> {
        let observed = Observation { at: when.at, lag_ms: when.lag_ms, totals: totals? };
        let Some(counter) = &mut self.counter else {
            self.counter = Some(Counter::new(observed));
            return Some(Heard::Newer);
        };
        Some(match counter.take(observed) {
            Counted::Newer => Heard::Newer,
            Counted::Revised => Heard::Revised,
            Counted::Corrected => Heard::Corrected,
            Counted::Known => Heard::Known,
            Counted::Older => Heard::Older,
        })
    }

    /// People it counts itself, or the net of its door: what it adds to those of its space. A sensor that says both knows best
    /// itself.
    pub(super) fn people(&self) -> Option<i64> {
        let counted = self.person_count.as_ref().map(|count| i64::from(count.value.0));
        counted.or_else(|| self.counter.as_ref().map(Counter::net))
    }

    /// Whether what it watches can be used, as far as this sensor can tell alone. A door can't: there may be another.
    pub fn availability(&self) -> Option<Availability> {
        let people = self.person_count.as_ref().map(|count| count.value.0 > 0);
        let life = self.signs_of_life.as_ref().map(|life| life.value);
        let is_occupied = people.into_iter().chain(life).reduce(|one, other| one || other)?;
        Some(if is_occupied { Availability::Occupied } else { Availability::Available })
    }

    /// Of each quantity the newest.
    pub(super) fn measured(&self, observed_at: Timestamp) -> Measured {
        let totals = self.counter.as_ref().map(|counter| counter.newest().totals);
        Measured {
            observed_at,
            person_count: value(self.person_count.as_ref()),
            motion_detected: value(self.motion_detected.as_ref()),
            signs_of_life: value(self.signs_of_life.as_ref()),
            temperature: value(self.temperature.as_ref()),
            humidity: value(self.humidity.as_ref()),
            iaq: value(self.iaq.as_ref()),
            co2: value(self.co2.as_ref()),
            illuminance: value(self.illuminance.as_ref()),
            battery: value(self.battery.as_ref()),
            entries_total: totals.map(|totals| totals.entries),
            exits_total: totals.map(|totals| totals.exits),
        }
    }

    /// How its battery is; none where it never said.
    pub fn battery_health(&self) -> Option<BatteryHealth> {
        BatteryHealth::of(value(self.battery.as_ref()), value(self.battery_months_left.as_ref()))
    }

    /// When this sensor last measured its environment, as the space report documents environment.
    pub(super) fn environment_at(&self) -> Option<Timestamp> {
        let temperature = self.temperature.as_ref().map(|dated| dated.at);
        let humidity = self.humidity.as_ref().map(|dated| dated.at);
        let iaq = self.iaq.as_ref().map(|dated| dated.at);
        temperature.max(humidity).max(iaq)
    }
}

fn value<T: Copy>(dated: Option<&Dated<T>>) -> Option<T> {
    dated.map(|dated| dated.value)
}
