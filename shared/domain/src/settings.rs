//! What a customer settles of a space, or of its building for all spaces in it: which changes are worth telling, and how
//! long a space stays empty before it is told to be available.
//!
//! What a space says wins over what its building says, one setting and one quantity at a time
//! ([`Settings::or`]); what neither says is not in force.

use crate::profile::QuantityName;
use crate::reading::{BatteryPercent, Celsius, Co2Ppm, IndoorAirQuality, Lux, PERSON_COUNT_MOST, RelativeHumidity};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The quantities whose changes can be too small to tell.
pub const SETTLED_QUANTITIES: [QuantityName; 7] = [
    QuantityName::PersonCount,
    QuantityName::Temperature,
    QuantityName::Humidity,
    QuantityName::Iaq,
    QuantityName::Co2,
    QuantityName::Illuminance,
    QuantityName::Battery,
];

/// The greatest change of a quantity there can be (its whole range), and the unit of both; none of others.
fn range(quantity: QuantityName) -> Option<(f64, &'static str)> {
    match quantity {
        QuantityName::PersonCount => Some((f64::from(PERSON_COUNT_MOST), "people")),
        QuantityName::Temperature => Some((Celsius::RANGE, "°C")),
        QuantityName::Humidity => Some((RelativeHumidity::RANGE, "%")),
        QuantityName::Iaq => Some((IndoorAirQuality::RANGE, "UBA")),
        QuantityName::Co2 => Some((Co2Ppm::RANGE, "ppm")),
        QuantityName::Illuminance => Some((Lux::RANGE, "lx")),
        QuantityName::Battery => Some((BatteryPercent::RANGE, "%")),
        _ => None,
    }
}

/// What decimal fractions lose in binary: 21.3 is 0.2 more than 21.1, which floating point says is a trace less.
const ROUNDING: f64 = 1e-9;

/// A change of a quantity, in its unit: more than nothing, and within its range.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
struct Step(f64);

/// It is no NaN.
impl Eq for Step {}

/// By how much a quantity must move before a report counts as changed, for those that say so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<QuantityName, f64>")]
pub struct MinimumChange(BTreeMap<QuantityName, Step>);

/// What is wrong with a setting, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct InvalidSetting {
    /// The field within the setting; empty where it is the setting itself.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

impl MinimumChange {
    /// Reads them from a JSON object: each quantity that is named, with a number in its unit. All mistakes are told.
    pub fn read(value: &Value) -> Result<Self, Vec<InvalidSetting>> {
        let wrong = |field: &str, detail: String| InvalidSetting { field: field.to_owned(), detail };
        let Some(object) = value.as_object() else {
            return Err(vec![wrong("", "must be an object of quantities and numbers".to_owned())]);
        };
        let (mut read, mut mistakes) = (BTreeMap::new(), Vec::new());
        for (name, value) in object {
            let Some(quantity) = QuantityName::named(name).filter(|quantity| range(*quantity).is_some()) else {
                let known = SETTLED_QUANTITIES.map(QuantityName::as_str).join(", ");
                mistakes.push(wrong(name, format!("is not known; known are {known}")));
                continue;
            };
            match value.as_f64().ok_or_else(|| "must be a number".to_owned()).and_then(|step| checked(quantity, step)) {
                Ok(step) => drop(read.insert(quantity, step)),
                Err(detail) => mistakes.push(wrong(name, detail)),
            }
        }
        if mistakes.is_empty() { Ok(Self(read)) } else { Err(mistakes) }
    }

    /// The least change of a quantity that counts; none where nothing is settled.
    pub fn of(&self, quantity: QuantityName) -> Option<f64> {
        self.0.get(&quantity).map(|step| step.0)
    }

    /// Whether a value differs enough from what was last told of its quantity (none: nothing was) to be told. Without a least
    /// change any difference does.
    pub fn is_reached(&self, quantity: QuantityName, told: Option<f64>, now: f64) -> bool {
        let Some(told) = told else { return true };
        let moved = (now - told).abs();
        moved > 0.0 && moved + ROUNDING >= self.of(quantity).unwrap_or_default()
    }

    /// Those that are settled.
    pub fn iter(&self) -> impl Iterator<Item = (QuantityName, f64)> + '_ {
        self.0.iter().map(|(quantity, step)| (*quantity, step.0))
    }

    /// True where none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn checked(quantity: QuantityName, step: f64) -> Result<Step, String> {
    let (range, unit) = range(quantity).ok_or("has no least change")?;
    // NaN is neither.
    if !(step > 0.0 && step <= range) {
        return Err(format!("must be more than 0 and at most {range} {unit}"));
    }
    if quantity == QuantityName::PersonCount && step.fract() != 0.0 {
        return Err("must be a whole number of people".to_owned());
    }
    Ok(Step(step))
}

impl TryFrom<BTreeMap<QuantityName, f64>> for MinimumChange {
    type Error = String;
    fn try_from(steps: BTreeMap<QuantityName, f64>) -> Result<Self, String> {
        let checked = |(quantity, step)| checked(quantity, step).map(|step| (quantity, step));
        Ok(Self(steps.into_iter().map(checked).collect::<Result<_, _>>()?))
    }
}

/// For how long a space must have been empty before it is told to be available: whole seconds, at most a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct VacantAfter(u32);

/// Why a number is no such time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of seconds from 0 to {}", VacantAfter::LONGEST_S)]
pub struct InvalidVacantAfter;

impl VacantAfter {
    /// The longest: a day.
    pub const LONGEST_S: u32 = 86_400;

    /// Takes seconds.
    pub fn from_s(seconds: u64) -> Result<Self, InvalidVacantAfter> {
        let seconds = u32::try_from(seconds).ok().filter(|seconds| *seconds <= Self::LONGEST_S);
        seconds.map(Self).ok_or(InvalidVacantAfter)
    }

    /// In seconds.
    pub fn as_s(self) -> u32 {
        self.0
    }

    /// As a duration.
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.0))
    }
}

impl TryFrom<u64> for VacantAfter {
    type Error = InvalidVacantAfter;
    fn try_from(seconds: u64) -> Result<Self, InvalidVacantAfter> {
        Self::from_s(seconds)
    }
}

impl From<VacantAfter> for u64 {
    fn from(vacant_after: VacantAfter) -> Self {
        u64::from(vacant_after.0)
    }
}

/// The settings of a space or a building.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The least changes that count.
    #[serde(default, skip_serializing_if = "MinimumChange::is_empty")]
    pub minimum_change: MinimumChange,
    /// How long a space stays empty before it is available; none where nothing is settled, which is as 0.
    #[serde(default, rename = "vacant_after_s", skip_serializing_if = "Option::is_none")]
    pub vacant_after: Option<VacantAfter>,
}

impl Settings {
    /// True where nothing is settled.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These, and where they are silent, those of the building: one setting and one quantity at a time.
    #[must_use]
    pub fn or(self, building: &Self) -> Self {
        let mut minimum_change = building.minimum_change.clone();
        minimum_change.0.extend(self.minimum_change.0);
        Self { minimum_change, vacant_after: self.vacant_after.or(building.vacant_after) }
    }

    /// How long a space that becomes empty is still occupied.
    pub fn hold(&self) -> SignedDuration {
        self.vacant_after.map_or(SignedDuration::ZERO, VacantAfter::duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(text: &str) -> Settings {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_space_wins_over_its_building_one_quantity_at_a_time() {
        let building = settings(r#"{"minimum_change":{"temperature":1,"co2":100},"vacant_after_s":600}"#);
        let table = [
            ("{}", building.clone()),
            (
                r#"{"minimum_change":{"temperature":0.5}}"#,
                settings(r#"{"minimum_change":{"temperature":0.5,"co2":100},"vacant_after_s":600}"#),
            ),
            (
                r#"{"vacant_after_s":0,"minimum_change":{"iaq":5}}"#,
                settings(r#"{"minimum_change":{"temperature":1,"co2":100,"iaq":5},"vacant_after_s":0}"#),
            ),
        ];
        for (space, merged) in table {
            assert_eq!(settings(space).or(&building), merged, "{space}");
        }
        assert_eq!(building.clone().or(&Settings::default()), building);
        assert!(Settings::default().or(&Settings::default()).is_empty());
        assert_eq!(Settings::default().hold(), SignedDuration::ZERO);
        assert_eq!(building.hold(), SignedDuration::from_mins(10));
    }

    #[test]
    fn a_mistake_names_the_quantity_and_the_limit_and_all_are_told() {
        let table = [
            (json!([]), "", "must be an object of quantities and numbers"),
            (json!({"temprature": 1}), "temprature", "is not known; known are person_count, temperature, "),
            (json!({"temperature": "1"}), "temperature", "must be a number"),
            (json!({"temperature": 0}), "temperature", "must be more than 0 and at most 300 °C"),
            (json!({"temperature": 300.5}), "temperature", "must be more than 0 and at most 300 °C"),
            (json!({"battery": -1}), "battery", "must be more than 0 and at most 100 %"),
            (json!({"person_count": 1.5}), "person_count", "must be a whole number of people"),
            (json!({"person_count": 10_001}), "person_count", "must be more than 0 and at most 10000 people"),
        ];
        for (value, field, detail) in table {
            let mistakes = MinimumChange::read(&value).unwrap_err();
            assert_eq!(mistakes.len(), 1, "{value}");
            assert_eq!(mistakes[0].field, field, "{value}");
            assert!(mistakes[0].detail.starts_with(detail), "{}", mistakes[0]);
        }
        assert_eq!(MinimumChange::read(&json!({"co2": 0, "x": 1})).unwrap_err().len(), 2);
        let all: serde_json::Map<String, Value> = SETTLED_QUANTITIES
            .iter()
            .map(|quantity| (quantity.as_str().to_owned(), json!(range(*quantity).unwrap().0)))
            .collect();
        assert_eq!(MinimumChange::read(&Value::Object(all)).unwrap().iter().count(), SETTLED_QUANTITIES.len());
    }

    #[test]
    fn a_change_counts_from_its_minimum_on() {
        let minimum = MinimumChange::read(&json!({"temperature": 0.2})).unwrap();
        assert!(minimum.is_reached(QuantityName::Temperature, None, 21.0));
        assert!(minimum.is_reached(QuantityName::Temperature, Some(21.3), 21.5));
        assert!(!minimum.is_reached(QuantityName::Temperature, Some(21.3), 21.49));
        assert!(minimum.is_reached(QuantityName::Humidity, Some(40.0), 40.001), "any change");
        assert!(!minimum.is_reached(QuantityName::Humidity, Some(40.0), 40.0));
    }

    #[test]
    fn settings_read_back_as_they_were_stored_and_no_others_are_read() {
        let table = ["{}", r#"{"vacant_after_s":0}"#, r#"{"minimum_change":{"co2":50.5,"person_count":2.0}}"#];
        for text in table {
            assert_eq!(serde_json::to_string(&settings(text)).unwrap().len(), text.len(), "{text}");
        }
        for text in [r#"{"vacant_after_s":86401}"#, r#"{"vacant_after_s":-1}"#, r#"{"minimum_change":{"co2":0}}"#] {
            assert!(serde_json::from_str::<Settings>(text).is_err(), "{text}");
        }
        assert_eq!(VacantAfter::from_s(86_400).unwrap().as_s(), 86_400);
        assert_eq!(
            VacantAfter::from_s(86_401).unwrap_err().to_string(),
            "must be a whole number of seconds from 0 to 86400"
        );
    }
}
