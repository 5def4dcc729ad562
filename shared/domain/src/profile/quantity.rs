//! What readings have, and the units in which vendors write it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a quantity is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Count,
    Flag,
    Number,
    Lengths,
    Coordinates,
}

macro_rules! quantities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal as $form:ident,)+) => {
        /// What readings have.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum QuantityName {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl QuantityName {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in the native form.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The one of that name.
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }

            pub(super) fn form(self) -> Form {
                match self {
                    $(Self::$variant => Form::$form,)+
                }
            }
        }
    };
}

quantities! {
    /// People counted.
    PersonCount = "person_count" as Count,
    /// Where they are.
    Coordinates = "coordinates" as Coordinates,
    /// How far they are.
    Distances = "distances" as Lengths,
    /// Whether something moves.
    MotionDetected = "motion_detected" as Flag,
    /// Whether somebody is or was there.
    SignsOfLife = "signs_of_life" as Flag,
    /// Temperature.
    Temperature = "temperature" as Number,
    /// Relative humidity.
    Humidity = "humidity" as Number,
    /// Indoor air quality.
    Iaq = "iaq" as Number,
    /// Carbon dioxide.
    Co2 = "co2" as Number,
    /// Illuminance.
    Illuminance = "illuminance" as Number,
    /// Charge of the battery.
    Battery = "battery" as Number,
    /// For how many months the battery will do.
    BatteryMonthsLeft = "battery_months_left" as Number,
    /// Who came in by a door, in all.
    EntriesTotal = "entries_total" as Count,
    /// Who went out by a door, in all.
    ExitsTotal = "exits_total" as Count,
}

impl QuantityName {
    /// Whether a counter goes on counting it.
    pub(super) fn is_total(self) -> bool {
        matches!(self, Self::EntriesTotal | Self::ExitsTotal)
    }

    pub(super) fn is_in(self, unit: Unit) -> bool {
        match unit {
            Unit::Celsius | Unit::Fahrenheit | Unit::Kelvin => self == Self::Temperature,
            Unit::Metre | Unit::Centimetre | Unit::Millimetre | Unit::Foot | Unit::Inch => {
                matches!(self, Self::Coordinates | Self::Distances)
            }
            Unit::Percent | Unit::Fraction => matches!(self, Self::Humidity | Self::Battery),
        }
    }
}

impl fmt::Display for QuantityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A unit that vendors use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// °C.
    Celsius,
    /// °F.
    Fahrenheit,
    /// K.
    Kelvin,
    /// m.
    Metre,
    /// cm.
    Centimetre,
    /// mm.
    Millimetre,
    /// ft.
    Foot,
    /// in.
    Inch,
    /// Of a hundred.
    Percent,
    /// Of one.
    Fraction,
}

impl Unit {
    /// The number in the unit of readings.
    pub(super) fn to_that_of_readings(self, number: f64) -> f64 {
        match self {
            Self::Celsius | Self::Metre | Self::Percent => number,
            Self::Fahrenheit => (number - 32.0) / 1.8,
            Self::Kelvin => number - 273.15,
            Self::Centimetre => number / 1e2,
            Self::Millimetre => number / 1e3,
            Self::Foot => number * 0.3048,
            Self::Inch => number * 0.0254,
            Self::Fraction => number * 1e2,
        }
    }
}
