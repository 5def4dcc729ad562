//! What was told of a sensor, as far as its values do not say it: small, and there only for those whom somebody hears of.
//!
//! Unlike the values it depends on the order in which they came: it is about what happened and not about what is.

use crate::payload::Measured;
use crate::profile::QuantityName;
use crate::reading::Reading;
use crate::settings::MinimumChange;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Readings of a sensor that are remembered as heard, at most: history from before them that comes again is told again.
pub const READINGS_REMEMBERED: usize = 32;
/// And of all sensors of a space together: their state and a report must fit an item. So of 100 sensors ten each.
const READINGS_OF_A_SPACE: usize = 1_024;

/// How many readings are remembered of each sensor of a space that has so many.
pub(super) fn readings_remembered(sensors: usize) -> usize {
    (READINGS_OF_A_SPACE / sensors.max(1)).clamp(1, READINGS_REMEMBERED)
}
/// Bytes of the digest of a reading. Of 32 remembered one is taken for another once in 10¹³ readings.
const DIGEST_BYTES: usize = 6;

/// What was told of one sensor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    pub(super) values: Values,
    #[serde(default, skip_serializing_if = "Readings::is_empty")]
    pub(super) readings: Readings,
}

impl Told {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.readings.is_empty()
    }
}

/// The values that were last told, of those quantities whose newest value differs from it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Values(BTreeMap<QuantityName, f64>);

impl Values {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in that what is measured went from `before` to `after`; whether that is to be told, by an event that has what is
    /// `said`. What changed too little is compared with what was told, and not with what was heard: a slow drift is told once
    /// it adds up.
    pub(super) fn take(
        &mut self,
        (before, after): (&Measured, &Measured),
        said: &Measured,
        minimum: &MinimumChange,
    ) -> bool {
        let before: BTreeMap<QuantityName, f64> = before.numbers().collect();
        let mut is_news = false;
        let mut held_back = BTreeMap::new();
        for (quantity, value) in after.numbers() {
            let told = self.0.get(&quantity).or_else(|| before.get(&quantity)).copied();
            if minimum.is_reached(quantity, told, value) {
                is_news = true;
            } else if let Some(told) = told.filter(|told| (told - value).abs() > 0.0) {
                held_back.insert(quantity, told);
            }
        }
        if is_news {
            for (quantity, _) in said.numbers() {
                held_back.remove(&quantity);
            }
        }
        self.0 = held_back;
        is_news
    }
}

/// Digests of the readings that were heard last, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Readings(Vec<[u8; DIGEST_BYTES]>);

impl Readings {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Remembers a reading as one of so many; false where it is already.
    pub(super) fn remember(&mut self, reading: &Reading, limit: usize) -> bool {
        let digest = digest(reading);
        if self.0.contains(&digest) {
            return false;
        }
        let too_many = (self.0.len() + 1).saturating_sub(limit);
        self.0.drain(..too_many.min(self.0.len()));
        self.0.push(digest);
        true
    }
}

fn digest(reading: &Reading) -> [u8; DIGEST_BYTES] {
    let mut digest = Sha256::new();
    digest.update(reading.observed_at.to_string());
    digest.update(serde_json::to_vec(&reading.measurements).unwrap_or_default());
    let whole = digest.finalize();
    let mut first = [0; DIGEST_BYTES];
    first.copy_from_slice(&whole[..DIGEST_BYTES]);
    first
}

/// One text of eight characters a reading: a state is read and written with every message.
impl From<Readings> for String {
    fn from(readings: Readings) -> Self {
        URL_SAFE_NO_PAD.encode(readings.0.concat())
    }
}

impl TryFrom<String> for Readings {
    type Error = base64::DecodeError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text)?;
        let (digests, _) = bytes.as_chunks::<DIGEST_BYTES>();
        Ok(Self(digests.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{Celsius, Co2Ppm};
    use jiff::Timestamp;

    fn measured(degrees: f64, ppm: f64) -> Measured {
        let (temperature, co2) = (Celsius::new(degrees).ok(), Co2Ppm::new(ppm).ok());
        Measured { temperature, co2, ..Measured::nothing(Timestamp::UNIX_EPOCH) }
    }

    fn take(told: &mut Values, before: &Measured, after: &Measured, minimum: &MinimumChange) -> bool {
        told.take((before, after), after, minimum)
    }

    #[test]
    fn a_slow_drift_is_told_once_it_adds_up() {
        let minimum = MinimumChange::read(&serde_json::json!({"temperature": 0.5})).unwrap();
        let mut told = Values::default();
        let at = |step: i32| measured(20.0 + f64::from(step) * 0.25, 400.0);
        let steps: Vec<bool> = (1..=5).map(|step| take(&mut told, &at(step - 1), &at(step), &minimum)).collect();
        assert_eq!(steps, [false, true, false, true, false]);
        assert!(!told.is_empty());
        assert!(!take(&mut told, &at(5), &at(4), &minimum));
        assert!(told.is_empty(), "back at what was told");
        assert!(take(&mut told, &Measured::nothing(Timestamp::UNIX_EPOCH), &at(0), &minimum), "the first");
    }

    #[test]
    fn what_an_event_says_is_told_though_it_is_not_why() {
        let minimum = MinimumChange::read(&serde_json::json!({"temperature": 0.5})).unwrap();
        let mut told = Values::default();
        let (before, after) = (measured(20.0, 400.0), measured(20.25, 401.0));
        let without = Measured { temperature: None, ..after };
        assert!(told.take((&before, &after), &without, &minimum));
        assert!(!told.is_empty());
        assert!(told.take((&after, &measured(20.25, 402.0)), &after, &minimum));
        assert!(told.is_empty());
    }

    #[test]
    fn without_a_minimum_nothing_is_remembered() {
        let mut told = Values::default();
        assert!(take(&mut told, &measured(20.0, 400.0), &measured(20.1, 400.0), &MinimumChange::default()));
        assert!(!take(&mut told, &measured(20.1, 400.0), &measured(20.1, 400.0), &MinimumChange::default()));
        assert!(told.is_empty());
    }

    #[test]
    fn so_many_readings_are_remembered_and_stored_as_a_text() {
        let reading = |second| Reading {
            sensor_id: crate::ids::SensorId::parse("a").unwrap(),
            observed_at: Timestamp::from_second(second).unwrap(),
            received_at: Timestamp::UNIX_EPOCH,
            measurements: crate::reading::Measurements::default(),
        };
        let mut readings = Readings::default();
        assert!((0..32).all(|second| readings.remember(&reading(second), 32)));
        assert!((0..32).all(|second| !readings.remember(&reading(second), 32)));
        let text = serde_json::to_string(&readings).unwrap();
        assert_eq!(text.len(), 32 * 8 + 2);
        assert_eq!(serde_json::from_str::<Readings>(&text).unwrap(), readings);
        assert!(readings.remember(&reading(32), 32) && readings.remember(&reading(0), 32), "the oldest is forgotten");
        assert!(readings.remember(&reading(40), 10));
        assert_eq!(readings.0.len(), 10);
        assert_eq!([0, 1, 32, 100].map(readings_remembered), [32, 32, 32, 10]);
    }
}
