//! The shapes of what is told of single sensors and of groups of them. But for `pir_triggered`, which is VergeSense's, they
//! are Spacehook's own: the systems that have such events publish no shapes.

use super::{Availability, Distances, Humidity, Iaq, Temperature};
use crate::battery::BatteryHealth;
use crate::event::EventType;
use crate::ids::{BuildingRefId, FloorRefId, SensorId, SpaceRefId};
use crate::place::Space;
use crate::profile::QuantityName;
use crate::reading::{
    BatteryPercent, Celsius, Co2Ppm, Coordinate, IndoorAirQuality, Lux, Measurements, PersonCount, RelativeHumidity,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where it is, by the customer's own names; what is over several spaces is in none, and may be in no one building.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaceNames {
    /// The building.
    pub building_ref_id: Option<BuildingRefId>,
    /// The floor.
    pub floor_ref_id: Option<FloorRefId>,
    /// The space.
    pub space_ref_id: Option<SpaceRefId>,
}

impl PlaceNames {
    /// A building, if that.
    pub fn of_building(building_ref_id: Option<BuildingRefId>) -> Self {
        Self { building_ref_id, floor_ref_id: None, space_ref_id: None }
    }
}

impl From<&Space> for PlaceNames {
    fn from(space: &Space) -> Self {
        Self {
            building_ref_id: Some(space.building_ref_id.clone()),
            floor_ref_id: space.floor_ref_id.clone(),
            space_ref_id: Some(space.space_ref_id.clone()),
        }
    }
}

/// Body of `sensor_report`: one reading of one sensor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SensorReport {
    /// Always `sensor_report`.
    pub event_type: EventType,
    /// When it was observed, ISO 8601, UTC.
    pub timestamp: Timestamp,
    /// Where the sensor is.
    #[serde(flatten)]
    pub place: PlaceNames,
    /// The sensor, as its vendor names it.
    pub sensor_id: SensorId,
    /// Whether it is history: older than what was known of all that it says.
    pub backfilled: bool,
    /// Whether it takes the place of what was said of the same time.
    pub revised: bool,
    /// People it counts; null where it does not say.
    pub person_count: Option<PersonCount>,
    /// Belongings detected; null where it does not say.
    pub signs_of_life: Option<bool>,
    /// Motion detected; null where it does not say.
    pub motion_detected: Option<bool>,
    /// Present where it says something of people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<SensorPeople>,
    /// Present where it measures it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<SensorEnvironment>,
    /// Who came in by its door, in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries_total: Option<u32>,
    /// Who went out by its door, in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exits_total: Option<u32>,
    /// Charge of its battery in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery: Option<BatteryPercent>,
    /// How its battery is; null where the reading does not say.
    pub battery_health: Option<BatteryHealth>,
}

/// The people that one sensor sees.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SensorPeople {
    /// The same number as `person_count`.
    pub count: Option<PersonCount>,
    /// At most one array, of one `[x, y]` a person, in metres.
    pub coordinates: Vec<Vec<Coordinate>>,
    /// Present where it measures distances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distances: Option<Distances>,
}

/// What one sensor measured of its environment. A quantity it did not measure is absent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SensorEnvironment {
    /// Carbon dioxide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub co2: Option<Co2>,
    /// Relative humidity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub humidity: Option<Humidity>,
    /// Indoor air quality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iaq: Option<Iaq>,
    /// Illuminance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub illuminance: Option<Illuminance>,
    /// The sensor that measured.
    pub sensor: SensorId,
    /// Temperature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Temperature>,
    /// When it measured, ISO 8601, UTC.
    pub timestamp: Timestamp,
}

with_unit!(
    /// Carbon dioxide with its unit.
    Co2(Co2Ppm), Co2Unit = "ppm"
);
with_unit!(
    /// Illuminance with its unit.
    Illuminance(Lux), IlluminanceUnit = "lx"
);

/// Body of `pir_triggered`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PirTriggered {
    /// Always `pir_triggered`.
    pub event_type: EventType,
    /// When motion was seen, ISO 8601, UTC.
    pub timestamp: Timestamp,
    /// Where the sensor is.
    #[serde(flatten)]
    pub place: PlaceNames,
    /// The sensor, as its vendor names it.
    pub sensor_id: SensorId,
}

/// Body of the `sensor_device_…` events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SensorNews {
    /// Which news.
    event_type: EventType,
    /// When it happened, ISO 8601, UTC.
    timestamp: Timestamp,
    /// Where that is.
    #[serde(flatten)]
    place: PlaceNames,
    /// Of what.
    #[serde(flatten)]
    of: Watched,
    /// What is said of it.
    #[serde(flatten)]
    said: Said,
}

/// What is watched.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Watched {
    /// One sensor.
    Sensor {
        /// As its vendor names it.
        sensor_id: SensorId,
    },
    /// Several, as one.
    Group {
        /// Which.
        sensor_group: WatchedGroup,
    },
}

/// A group of sensors: those of a space, or those that have a name together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WatchedGroup {
    /// Its name: that of the space, or its own.
    pub id: String,
    /// The sensors in it.
    pub sensor_ids: BTreeSet<SensorId>,
}

/// What is said of a sensor or of a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Said {
    /// What is measured changed.
    Reading {
        /// What was measured.
        reading: Measured,
    },
    /// What is made of a sensor's readings changed.
    State {
        /// What it is now.
        state: DeviceState,
    },
    /// No reading came for a while.
    Stale {
        /// When the newest one arrived.
        last_reading_at: Option<Timestamp>,
    },
}

/// What is made of readings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceState {
    /// Whether what is watched can be used; null where that can't be told.
    pub availability: Option<Availability>,
    /// How the battery is; absent for groups, which have none, and null where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_health: Option<Option<BatteryHealth>>,
    /// Since when it is so.
    pub since: Timestamp,
}

impl SensorNews {
    /// Which event says this of that.
    pub fn event_type(of: &Watched, said: &Said) -> EventType {
        match (of, said) {
            (Watched::Sensor { .. }, Said::Reading { .. }) => EventType::SensorDeviceReadingUpdated,
            (Watched::Sensor { .. }, Said::State { .. }) => EventType::SensorDeviceStateUpdated,
            (Watched::Sensor { .. }, Said::Stale { .. }) => EventType::SensorDeviceReadingStale,
            (Watched::Group { .. }, Said::Reading { .. }) => EventType::SensorDeviceGroupReadingUpdated,
            (Watched::Group { .. }, Said::State { .. }) => EventType::SensorDeviceGroupStateUpdated,
            (Watched::Group { .. }, Said::Stale { .. }) => EventType::SensorDeviceGroupReadingStale,
        }
    }

    /// News of what is watched in a place, as of then.
    pub fn new(timestamp: Timestamp, place: PlaceNames, of: Watched, said: Said) -> Self {
        Self { event_type: Self::event_type(&of, &said), timestamp, place, of, said }
    }
}

/// What was measured; a quantity that was not is absent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// When, ISO 8601, UTC.
    pub observed_at: Timestamp,
    /// People counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person_count: Option<PersonCount>,
    /// Whether something moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub motion_detected: Option<bool>,
    /// Whether belongings are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signs_of_life: Option<bool>,
    /// Temperature in degrees Celsius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Celsius>,
    /// Relative humidity in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub humidity: Option<RelativeHumidity>,
    /// Indoor air quality (UBA).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iaq: Option<IndoorAirQuality>,
    /// Carbon dioxide in ppm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub co2: Option<Co2Ppm>,
    /// Illuminance in lux.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub illuminance: Option<Lux>,
    /// Charge of the battery in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery: Option<BatteryPercent>,
    /// Who came in by a door, in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries_total: Option<u32>,
    /// Who went out by a door, in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exits_total: Option<u32>,
}

impl Measured {
    /// Nothing.
    pub fn nothing(observed_at: Timestamp) -> Self {
        Self {
            observed_at,
            person_count: None,
            motion_detected: None,
            signs_of_life: None,
            temperature: None,
            humidity: None,
            iaq: None,
            co2: None,
            illuminance: None,
            battery: None,
            entries_total: None,
            exits_total: None,
        }
    }

    /// What one reading says.
    pub fn by(observed_at: Timestamp, said: &Measurements) -> Self {
        Self {
            observed_at,
            person_count: said.person_count,
            motion_detected: said.motion_detected,
            signs_of_life: said.signs_of_life,
            temperature: said.temperature,
            humidity: said.humidity,
            iaq: said.iaq,
            co2: said.co2,
            illuminance: said.illuminance,
            battery: said.battery,
            entries_total: said.totals.map(|totals| totals.entries),
            exits_total: said.totals.map(|totals| totals.exits),
        }
    }

    /// Each quantity that was measured, as a number: 1 for yes and 0 for no.
    pub fn numbers(&self) -> impl Iterator<Item = (QuantityName, f64)> {
        let flag = |flag: Option<bool>| flag.map(|flag| f64::from(u8::from(flag)));
        [
            (QuantityName::PersonCount, self.person_count.map(|count| f64::from(count.0))),
            (QuantityName::MotionDetected, flag(self.motion_detected)),
            (QuantityName::SignsOfLife, flag(self.signs_of_life)),
            (QuantityName::Temperature, self.temperature.map(Celsius::value)),
            (QuantityName::Humidity, self.humidity.map(RelativeHumidity::value)),
            (QuantityName::Iaq, self.iaq.map(IndoorAirQuality::value)),
            (QuantityName::Co2, self.co2.map(Co2Ppm::value)),
            (QuantityName::Illuminance, self.illuminance.map(Lux::value)),
            (QuantityName::Battery, self.battery.map(BatteryPercent::value)),
            (QuantityName::EntriesTotal, self.entries_total.map(f64::from)),
            (QuantityName::ExitsTotal, self.exits_total.map(f64::from)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}
