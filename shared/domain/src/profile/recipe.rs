//! What a recipe is, and that it can be followed.

use crate::counter::{Bits, Resets};
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Why a text is no recipe.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRecipe {
    /// Not JSON of this shape.
    #[error("{0}")]
    Shape(#[from] serde_json::Error),
    /// A pointer that is none.
    #[error("{0}: '{1}' must be empty or begin with '/' (a JSON Pointer)")]
    Pointer(&'static str, String),
    /// A quantity is not measured in this unit.
    #[error("quantities/{0}: {1:?} is no unit of it")]
    Unit(QuantityName, Unit),
    /// Nothing is made of a message.
    #[error("quantities: must name one at least")]
    Empty,
    /// No decoder of that name.
    #[error("decode/script: there is no decoder '{0}'")]
    Decoder(String),
    /// An offset from UTC that is none.
    #[error("{0}: '{1}' must be an offset from UTC such as +01:00")]
    Offset(&'static str, String),
}

/// From a vendor's message to readings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The name in topics.
    pub name: String,
    /// Whose messages.
    pub title: String,
    /// Where their form is documented.
    pub source: String,
    /// What must hold of an item; of others nothing is made.
    #[serde(default)]
    pub only_if: Vec<Condition>,
    /// How its binary payload is read: `/decoded` has what it says.
    pub decode: Option<Decoding>,
    /// Where the items are that a reading is made of each: objects, or arrays of them. The message itself where not given.
    #[serde(default)]
    pub each: OneOrMore<String>,
    /// The sensor; that of the topic where not given, or not there.
    #[serde(default)]
    pub sensor_id: OneOrMore<Sensor>,
    /// When it was observed; when it arrived where not given, or not there.
    #[serde(default)]
    pub timestamp: OneOrMore<Time>,
    /// How the totals of entries and exits are counted.
    #[serde(default)]
    pub counter: CounterConstants,
    /// What is made of an item: of each quantity the first way that finds something.
    pub quantities: BTreeMap<QuantityName, OneOrMore<Quantity>>,
}

/// What is the same for all counters of a kind: the fields of the native form, each absent where it is as usual.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterConstants {
    /// 16 or 32.
    #[serde(rename(serialize = "counter_bits"), skip_serializing_if = "Option::is_none")]
    pub bits: Option<Bits>,
    /// When it begins at 0.
    #[serde(rename(serialize = "counter_resets"), skip_serializing_if = "Option::is_none")]
    pub resets: Option<Resets>,
    /// Whose midnight: such as `+01:00`.
    #[serde(rename(serialize = "counter_utc_offset"), skip_serializing_if = "Option::is_none")]
    pub utc_offset: Option<String>,
}

/// Where a binary payload stands, and what reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decoding {
    /// The decoder.
    pub script: String,
    /// Where the payload is.
    pub payload: OneOrMore<String>,
    /// How it is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// Where the port is, as a number or a text.
    #[serde(default)]
    pub f_port: OneOrMore<String>,
    /// What the decoder may know besides: by name, where it is.
    #[serde(default)]
    pub variables: BTreeMap<String, OneOrMore<String>>,
}

/// How bytes are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Base64, with padding.
    #[default]
    Base64,
    /// Two digits a byte.
    Hex,
}

/// One, or an array.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore<T> {
    /// Several, in the order in which they are tried.
    More(Vec<T>),
    /// One.
    One(T),
}

impl<T> Default for OneOrMore<T> {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

impl<T> OneOrMore<T> {
    /// All of them.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::More(all) => all,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

/// Of what a pointer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The item.
    #[default]
    Item,
    /// The message that the item is in.
    Message,
}

/// What must hold: the value is one of these.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Where.
    pub at: String,
    /// Of what.
    #[serde(default)]
    pub of: Of,
    /// One of these.
    pub is: Vec<Value>,
}

/// Where the name of a sensor stands.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    /// Where: a text or a whole number.
    pub at: String,
    /// Of what.
    #[serde(default)]
    pub of: Of,
    /// What is after the last of this text counts: of a path its last part.
    pub after_last: Option<String>,
}

/// Where a time stands.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// Where.
    pub at: String,
    /// Of what.
    #[serde(default)]
    pub of: Of,
    /// The offset from UTC that a text without one means; UTC where not given.
    pub offset: Option<String>,
}

impl Time {
    /// What a text without an offset means.
    pub fn offset(&self) -> Offset {
        self.offset.as_deref().and_then(parse_offset).unwrap_or(Offset::UTC)
    }
}

/// Reads `+01:00`.
pub(crate) fn parse_offset(text: &str) -> Option<Offset> {
    let (sign, rest) = if let Some(rest) = text.strip_prefix('-') { (-1, rest) } else { (1, text.strip_prefix('+')?) };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |digits: &str| (digits.len() == 2).then(|| digits.parse::<i32>().ok()).flatten();
    let (hours, minutes) = (two(hours)?, two(minutes).filter(|minutes| *minutes < 60)?);
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

/// Where a quantity stands, and how to read it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// Where.
    pub at: String,
    /// Of what.
    #[serde(default)]
    pub of: Of,
    /// What must hold of the item.
    #[serde(default)]
    pub only_if: Vec<Condition>,
    /// What its words mean, without regard to case.
    #[serde(default)]
    pub table: BTreeMap<String, Value>,
    /// What all other words mean; they are refused where not given.
    pub otherwise: Option<Value>,
    /// True: the number of items of the array that stands there.
    #[serde(default)]
    pub count: bool,
    /// True: what stands there are arrays in an array, and their items count.
    #[serde(default)]
    pub flatten: bool,
    /// In which unit it stands there; in that of readings where not given.
    pub unit: Option<Unit>,
    /// What a number is multiplied with to be in that unit.
    pub scale: Option<f64>,
}

/// What readings have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuantityName {
    /// People counted.
    PersonCount,
    /// Where they are.
    Coordinates,
    /// How far they are.
    Distances,
    /// Whether something moves.
    MotionDetected,
    /// Whether somebody is or was there.
    SignsOfLife,
    /// Temperature.
    Temperature,
    /// Relative humidity.
    Humidity,
    /// Indoor air quality.
    Iaq,
    /// Carbon dioxide.
    Co2,
    /// Illuminance.
    Illuminance,
    /// Charge of the battery.
    Battery,
    /// Who came in by a door, in all.
    EntriesTotal,
    /// Who went out by a door, in all.
    ExitsTotal,
}

/// How a quantity is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Count,
    Flag,
    Number,
    Lengths,
    Coordinates,
}

impl QuantityName {
    /// The name in the native form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PersonCount => "person_count",
            Self::Coordinates => "coordinates",
            Self::Distances => "distances",
            Self::MotionDetected => "motion_detected",
            Self::SignsOfLife => "signs_of_life",
            Self::Temperature => "temperature",
            Self::Humidity => "humidity",
            Self::Iaq => "iaq",
            Self::Co2 => "co2",
            Self::Illuminance => "illuminance",
            Self::Battery => "battery",
            Self::EntriesTotal => "entries_total",
            Self::ExitsTotal => "exits_total",
        }
    }

    pub(super) fn form(self) -> Form {
        match self {
            Self::PersonCount | Self::EntriesTotal | Self::ExitsTotal => Form::Count,
            Self::MotionDetected | Self::SignsOfLife => Form::Flag,
            Self::Distances => Form::Lengths,
            Self::Coordinates => Form::Coordinates,
            Self::Temperature | Self::Humidity | Self::Iaq | Self::Co2 | Self::Illuminance | Self::Battery => {
                Form::Number
            }
        }
    }

    fn is_in(self, unit: Unit) -> bool {
        match unit {
            Unit::Celsius | Unit::Fahrenheit | Unit::Kelvin => self == Self::Temperature,
            Unit::Metre | Unit::Centimetre | Unit::Millimetre | Unit::Foot | Unit::Inch => {
                matches!(self, Self::Coordinates | Self::Distances)
            }
            Unit::Percent | Unit::Fraction => matches!(self, Self::Humidity | Self::Battery),
        }
    }
}

impl std::fmt::Display for QuantityName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A unit that vendors use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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

impl Recipe {
    /// Reads a recipe, and sees that it can be followed.
    pub fn parse(text: &str) -> Result<Self, InvalidRecipe> {
        let recipe: Self = serde_json::from_str(text)?;
        recipe.check().map(|()| recipe)
    }

    fn check(&self) -> Result<(), InvalidRecipe> {
        are_pointers("each", self.each.as_slice())?;
        if let Some(decode) = &self.decode {
            are_pointers("decode/payload", decode.payload.as_slice())?;
            are_pointers("decode/f_port", decode.f_port.as_slice())?;
            for places in decode.variables.values() {
                are_pointers("decode/variables", places.as_slice())?;
            }
            if super::decoder(&decode.script).is_none() {
                return Err(InvalidRecipe::Decoder(decode.script.clone()));
            }
        }
        check_conditions(&self.only_if)?;
        for sensor in self.sensor_id.as_slice() {
            is_pointer("sensor_id/at", &sensor.at)?;
        }
        for time in self.timestamp.as_slice() {
            is_pointer("timestamp/at", &time.at)?;
            if let Some(offset) = time.offset.as_deref().filter(|offset| parse_offset(offset).is_none()) {
                return Err(InvalidRecipe::Offset("timestamp/offset", offset.to_owned()));
            }
        }
        if let Some(offset) = self.counter.utc_offset.as_deref().filter(|offset| parse_offset(offset).is_none()) {
            return Err(InvalidRecipe::Offset("counter/utc_offset", offset.to_owned()));
        }
        for (name, ways) in &self.quantities {
            for way in ways.as_slice() {
                is_pointer("quantities/at", &way.at)?;
                check_conditions(&way.only_if)?;
                if let Some(unit) = way.unit.filter(|unit| !name.is_in(*unit)) {
                    return Err(InvalidRecipe::Unit(*name, unit));
                }
            }
        }
        if self.quantities.is_empty() { Err(InvalidRecipe::Empty) } else { Ok(()) }
    }
}

fn check_conditions(conditions: &[Condition]) -> Result<(), InvalidRecipe> {
    conditions.iter().try_for_each(|condition| is_pointer("only_if/at", &condition.at))
}

fn are_pointers(field: &'static str, texts: &[String]) -> Result<(), InvalidRecipe> {
    texts.iter().try_for_each(|text| is_pointer(field, text))
}

fn is_pointer(field: &'static str, text: &str) -> Result<(), InvalidRecipe> {
    let is_one = text.is_empty() || text.starts_with('/');
    if is_one { Ok(()) } else { Err(InvalidRecipe::Pointer(field, text.to_owned())) }
}
