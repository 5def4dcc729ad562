//! The documented shapes of what receivers get.
//!
//! Field for field the shapes of the VergeSense documents (`space_report`, an object; `space_availability`, an array
//! of one record a space), including the older `people.distances`, which is there when a sensor reports it.

use crate::event::{EventSpace, EventType};
use crate::ids::{BuildingRefId, FloorRefId, SensorId, SpaceId, SpaceRefId};
use crate::reading::{Celsius, Coordinate, IndoorAirQuality, Metres, PersonCount, RelativeHumidity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Top-level fields of the documented shapes: key-value pairs may not take their names.
pub const DOCUMENTED_FIELDS: [&str; 14] = [
    "building_ref_id",
    "floor_ref_id",
    "space_ref_id",
    "space_id",
    "event_type",
    "timestamp",
    "person_count",
    "signs_of_life",
    "motion_detected",
    "people",
    "sensor_ids",
    "environment",
    "state",
    "passively_occupied",
];

/// Body of `space_report`: everything the sensors of a space say together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceReport {
    /// The customer's own name of the building.
    pub building_ref_id: Option<BuildingRefId>,
    /// The customer's own name of the floor.
    pub floor_ref_id: Option<FloorRefId>,
    /// The customer's own name of the space.
    pub space_ref_id: Option<SpaceRefId>,
    /// Spacehook's own number of the space.
    pub space_id: SpaceId,
    /// Always `space_report`.
    pub event_type: EventType,
    /// The newest observation in the report, ISO 8601, UTC.
    pub timestamp: Timestamp,
    /// People in the space; 0 also where no sensor counts.
    pub person_count: PersonCount,
    /// Belongings detected; null where no sensor can tell.
    pub signs_of_life: Option<bool>,
    /// Motion detected; null where no sensor can tell.
    pub motion_detected: Option<bool>,
    /// The people in detail.
    pub people: People,
    /// The sensors that report on the space.
    pub sensor_ids: BTreeSet<SensorId>,
    /// Present where a sensor measures it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
}

/// The people in a space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// The same number as `person_count`.
    pub count: PersonCount,
    /// One array a sensor that locates people, of one `[x, y]` a person, in metres.
    pub coordinates: Vec<Vec<Coordinate>>,
    /// Present where a sensor measures distances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distances: Option<Distances>,
}

/// How far apart people are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distances {
    /// Always `meters`.
    pub units: MetresName,
    /// The distances of all sensors of the space.
    pub values: Vec<Metres>,
}

/// What the newest environmental sensor of a space measured. A quantity it does not measure is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Relative humidity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub humidity: Option<Humidity>,
    /// Indoor air quality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iaq: Option<Iaq>,
    /// The sensor that measured.
    pub sensor: SensorId,
    /// Temperature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Temperature>,
    /// When it measured, ISO 8601, UTC.
    pub timestamp: Timestamp,
}

macro_rules! with_unit {
    ($(#[$doc:meta])* $name:ident($value:ty), $unit_type:ident = $unit:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The unit's documented name.
            pub units: $unit_type,
            /// The value in that unit.
            pub value: $value,
        }

        impl From<$value> for $name {
            fn from(value: $value) -> Self {
                Self { units: $unit_type::Documented, value }
            }
        }

        unit_name!($unit_type = $unit);
    };
}

macro_rules! unit_name {
    ($unit_type:ident = $unit:literal) => {
        #[doc = concat!("The unit's name as documented: `", $unit, "`.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $unit_type {
            #[doc = concat!("`", $unit, "`")]
            #[serde(rename = $unit)]
            Documented,
        }
    };
}

unit_name!(MetresName = "meters");
with_unit!(
    /// Relative humidity with its unit.
    Humidity(RelativeHumidity), HumidityUnit = "RH"
);
with_unit!(
    /// Indoor air quality with its unit.
    Iaq(IndoorAirQuality), IaqUnit = "UBA"
);
with_unit!(
    /// Temperature with its unit.
    Temperature(Celsius), TemperatureUnit = "C"
);

/// Whether a space can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Nobody, and no signs of life.
    Available,
    /// Somebody, or signs of life.
    Occupied,
}

/// One record of the body of `space_availability`, which is an array of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceAvailability {
    /// The customer's own name of the building.
    pub building_ref_id: Option<BuildingRefId>,
    /// The customer's own name of the floor.
    pub floor_ref_id: Option<FloorRefId>,
    /// The customer's own name of the space.
    pub space_ref_id: Option<SpaceRefId>,
    /// Spacehook's own number of the space.
    pub space_id: SpaceId,
    /// The sensors that report on the space.
    pub sensor_ids: BTreeSet<SensorId>,
    /// Always `space_availability`.
    pub event_type: EventType,
    /// When the state changed, ISO 8601, UTC.
    pub timestamp: Timestamp,
    /// The state now.
    pub state: Availability,
    /// Occupied by belongings only; null where no sensor can tell.
    pub passively_occupied: Option<bool>,
}

impl SpaceAvailability {
    /// The record of a space.
    pub fn new(
        space: EventSpace,
        sensor_ids: BTreeSet<SensorId>,
        timestamp: Timestamp,
        state: Availability,
        passively_occupied: Option<bool>,
    ) -> Self {
        Self {
            building_ref_id: Some(space.building_ref_id),
            floor_ref_id: space.floor_ref_id,
            space_ref_id: Some(space.space_ref_id),
            space_id: space.space_id,
            sensor_ids,
            event_type: EventType::SpaceAvailability,
            timestamp,
            state,
            passively_occupied,
        }
    }
}
