//! A reading: one normalized measurement of one sensor at one instant.

use crate::counter::Totals;
use crate::ids::SensorId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A value outside what its unit can be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("must be between {least} and {most} {unit}")]
pub struct OutOfRange {
    /// The least value accepted.
    pub least: f64,
    /// The greatest value accepted.
    pub most: f64,
    /// The unit.
    pub unit: &'static str,
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $unit:literal, $least:literal ..= $most:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            /// The greatest difference of two values, in this unit.
            pub const RANGE: f64 = $most - $least;

            /// Takes a value in this unit; refuses what no sensor can mean.
            pub fn new(value: f64) -> Result<Self, OutOfRange> {
                // NaN is in no range.
                if ($least..=$most).contains(&value) {
                    Ok(Self(value))
                } else {
                    Err(OutOfRange { least: $least, most: $most, unit: $unit })
                }
            }

            /// The value in this unit.
            pub fn value(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = OutOfRange;
            fn try_from(value: f64) -> Result<Self, OutOfRange> {
                Self::new(value)
            }
        }

        impl From<$name> for f64 {
            fn from(quantity: $name) -> f64 {
                quantity.0
            }
        }
    };
}

quantity!(
    /// Temperature in degrees Celsius.
    Celsius, "°C", -100.0..=200.0
);
quantity!(
    /// Relative humidity in percent.
    RelativeHumidity, "% RH", 0.0..=100.0
);
quantity!(
    /// Indoor air quality, in the units of the "UBA" scale that the space report documents.
    IndoorAirQuality, "UBA", 0.0..=100_000.0
);
quantity!(
    /// Carbon dioxide in parts per million.
    Co2Ppm, "ppm", 0.0..=100_000.0
);
quantity!(
    /// Illuminance in lux.
    Lux, "lx", 0.0..=1_000_000.0
);
quantity!(
    /// Charge of a battery in percent.
    BatteryPercent, "%", 0.0..=100.0
);
quantity!(
    /// For how long a battery will do, in months.
    Months, "months", 0.0..=1200.0
);
quantity!(
    /// A length or a coordinate in metres.
    Metres, "m", -100_000.0..=100_000.0
);

/// People that a sensor counts, at most.
pub const PERSON_COUNT_MOST: u32 = 10_000;

/// How many people a sensor counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonCount(pub u32);

/// One person's place, `[x, y]` in metres from the sensor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coordinate(pub Metres, pub Metres);

/// What one reading says. A field is absent where the sensor does not support it or did not say it this time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurements {
    /// People counted.
    pub person_count: Option<PersonCount>,
    /// Where they are.
    pub coordinates: Option<Vec<Coordinate>>,
    /// How far apart they are.
    pub distances: Option<Vec<Metres>>,
    /// Whether something moved.
    pub motion_detected: Option<bool>,
    /// Whether belongings (laptops, bags, coats) are there.
    pub signs_of_life: Option<bool>,
    /// Temperature.
    pub temperature: Option<Celsius>,
    /// Relative humidity.
    pub humidity: Option<RelativeHumidity>,
    /// Indoor air quality.
    pub iaq: Option<IndoorAirQuality>,
    /// Carbon dioxide.
    pub co2: Option<Co2Ppm>,
    /// Illuminance.
    pub illuminance: Option<Lux>,
    /// Battery.
    pub battery: Option<BatteryPercent>,
    /// For how long the battery will do, where the device says so itself.
    pub battery_months_left: Option<Months>,
    /// How many came in and went out by a door.
    pub totals: Option<Totals>,
}

impl Measurements {
    /// True where nothing was measured.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Forgets where people are, and how far apart.
    pub fn forget_places(&mut self) {
        self.coordinates = None;
        self.distances = None;
    }
}

/// One normalized measurement of one sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Which sensor measured.
    pub sensor_id: SensorId,
    /// When it measured, by its own clock if that can be believed, else by [`Reading::received_at`].
    pub observed_at: Timestamp,
    /// When the message arrived.
    pub received_at: Timestamp,
    /// What it measured.
    pub measurements: Measurements,
}
