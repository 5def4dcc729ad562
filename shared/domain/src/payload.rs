//! The documented shapes of what receivers get.
//!
//! Field for field the shapes of the VergeSense documents (`space_report`, an object; `space_availability`, an array
//! of one record a space), including the older `people.distances`, which is there when a sensor reports it.

use crate::event::{EventSpace, EventType};
use crate::ids::{BuildingRefId, FloorRefId, SensorId, SpaceId, SpaceRefId, SubscriptionId};
use crate::reading::{Celsius, Coordinate, IndoorAirQuality, Metres, PersonCount, RelativeHumidity};
use crate::subscription::{DisabledReason, SubscriptionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Top-level fields of the documented shapes, those of [`crate::catalogue`] among them: key-value pairs may not take their
/// names.
pub const DOCUMENTED_FIELDS: [&str; 44] = [
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
    "sensor_id",
    "last_reading_at",
    "last_seen_at",
    "subscription",
    "reading",
    "sensor_group",
    "reason",
    "app",
    "invitation",
    "visitor",
    "visitors",
    "host",
    "checkpoint",
    "trigger",
    "user",
    "reservation",
    "resource",
    "resources",
    "organizer",
    "reservable",
    "analytics_event",
    "user_invitation",
    "by",
    "changed",
    "backfilled",
    "revised",
    "entries_total",
    "exits_total",
    "battery",
    "battery_health",
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

mod sensors;

pub use sensors::{
    DeviceState, Measured, PirTriggered, PlaceNames, Said, SensorEnvironment, SensorNews, SensorPeople, SensorReport,
    Watched, WatchedGroup,
};

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

/// Body of `sensor_reading_stale` and of the `device_health_status_…` events: news of one sensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceNews {
    /// The customer's own name of the building.
    pub building_ref_id: Option<BuildingRefId>,
    /// The customer's own name of the floor.
    pub floor_ref_id: Option<FloorRefId>,
    /// The customer's own name of the space.
    pub space_ref_id: Option<SpaceRefId>,
    /// Spacehook's own number of the space.
    pub space_id: SpaceId,
    /// The sensor, as its vendor names it.
    pub sensor_id: SensorId,
    /// Which news.
    pub event_type: EventType,
    /// Since when it is so, ISO 8601, UTC.
    pub timestamp: Timestamp,
    /// When its newest reading arrived.
    pub last_reading_at: Option<Timestamp>,
    /// When there was the last sign of it: a reading, or a word of the broker about its connection.
    pub last_seen_at: Option<Timestamp>,
}

impl DeviceNews {
    /// News of a sensor of a space.
    pub fn new(
        space: EventSpace,
        sensor_id: SensorId,
        event_type: EventType,
        timestamp: Timestamp,
        last_reading_at: Option<Timestamp>,
        last_seen_at: Option<Timestamp>,
    ) -> Self {
        Self {
            building_ref_id: Some(space.building_ref_id),
            floor_ref_id: space.floor_ref_id,
            space_ref_id: Some(space.space_ref_id),
            space_id: space.space_id,
            sensor_id,
            event_type,
            timestamp,
            last_reading_at,
            last_seen_at,
        }
    }
}

/// Body of `space_stale`: nothing has been heard of any sensor of a space for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceStale {
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
    /// Always `space_stale`.
    pub event_type: EventType,
    /// Since when it is so, ISO 8601, UTC.
    pub timestamp: Timestamp,
    /// When the newest reading of any of them arrived.
    pub last_reading_at: Option<Timestamp>,
}

impl SpaceStale {
    /// What is said of a space.
    pub fn new(
        space: EventSpace,
        sensor_ids: BTreeSet<SensorId>,
        timestamp: Timestamp,
        last_reading_at: Option<Timestamp>,
    ) -> Self {
        Self {
            building_ref_id: Some(space.building_ref_id),
            floor_ref_id: space.floor_ref_id,
            space_ref_id: Some(space.space_ref_id),
            space_id: space.space_id,
            sensor_ids,
            event_type: EventType::SpaceStale,
            timestamp,
            last_reading_at,
        }
    }
}

/// Body of the `subscription_…` events: what happened to a subscription. It goes to others of the same tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionNews {
    /// Which news.
    pub event_type: EventType,
    /// When it happened, ISO 8601, UTC.
    pub timestamp: Timestamp,
    /// The subscription.
    pub subscription: SubscriptionState,
}

/// A subscription, as its own events show it: nothing of its receiver but what is needed to know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionState {
    /// Its id.
    pub id: SubscriptionId,
    /// Its name.
    pub name: SubscriptionName,
    /// Whether events are sent to it.
    pub enabled: bool,
    /// Why it is disabled; null where it is enabled.
    pub disabled_reason: Option<DisabledCode>,
    /// The attempts that led to it; null where attempts did not.
    pub attempts: Option<AttemptsState>,
}

/// Why a subscription is disabled, as a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledCode {
    /// Somebody asked for it.
    ByRequest,
    /// Too many of its attempts failed.
    FailureRate,
    /// Its receiver answered 410 Gone.
    Gone,
}

impl From<&DisabledReason> for DisabledCode {
    fn from(reason: &DisabledReason) -> Self {
        match reason {
            DisabledReason::ByRequest => Self::ByRequest,
            DisabledReason::FailureRate { .. } => Self::FailureRate,
            DisabledReason::Gone => Self::Gone,
        }
    }
}

/// Attempts of the window of failures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptsState {
    /// The window's length in hours.
    pub window_hours: u32,
    /// All attempts.
    pub total: u64,
    /// Those that failed.
    pub failed: u64,
    /// Failed ÷ all in percent, two decimals, rounded down.
    pub failed_percent: f64,
}
