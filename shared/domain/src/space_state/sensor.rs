//! What one sensor says: of each quantity the newest value.

use crate::reading::{
    BatteryPercent, Celsius, Co2Ppm, Coordinate, IndoorAirQuality, Lux, Measurements, Metres, PersonCount,
    RelativeHumidity,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A value and when it was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dated<T> {
    /// When it was observed.
    pub at: Timestamp,
    /// The value.
    pub value: T,
}

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
}

/// Replaces `held` where `value` is newer, or of the same time and greater in the order of their JSON texts.
fn keep_newest<T: Serialize + PartialEq + Clone>(
    held: &mut Option<Dated<T>>,
    at: Timestamp,
    value: Option<&T>,
) -> bool {
    let Some(value) = value else { return false };
    let newer = match held {
        None => true,
        Some(held) if at != held.at => at > held.at,
        Some(held) => *value != held.value && order_text(value) > order_text(&held.value),
    };
    if newer {
        *held = Some(Dated { at, value: value.clone() });
    }
    newer
}

/// A text that orders values of one type. Which order does not matter, only that it is the same everywhere.
fn order_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl SensorState {
    /// Takes in a reading; true where anything in it was news.
    pub(super) fn take(&mut self, at: Timestamp, said: &Measurements) -> bool {
        // `|` and not `||`: every quantity is looked at.
        keep_newest(&mut self.person_count, at, said.person_count.as_ref())
            | keep_newest(&mut self.coordinates, at, said.coordinates.as_ref())
            | keep_newest(&mut self.distances, at, said.distances.as_ref())
            | keep_newest(&mut self.motion_detected, at, said.motion_detected.as_ref())
            | keep_newest(&mut self.signs_of_life, at, said.signs_of_life.as_ref())
            | keep_newest(&mut self.temperature, at, said.temperature.as_ref())
            | keep_newest(&mut self.humidity, at, said.humidity.as_ref())
            | keep_newest(&mut self.iaq, at, said.iaq.as_ref())
            | keep_newest(&mut self.co2, at, said.co2.as_ref())
            | keep_newest(&mut self.illuminance, at, said.illuminance.as_ref())
            | keep_newest(&mut self.battery, at, said.battery.as_ref())
    }

    /// When this sensor last measured its environment, as the space report documents environment.
    pub(super) fn environment_at(&self) -> Option<Timestamp> {
        let temperature = self.temperature.as_ref().map(|dated| dated.at);
        let humidity = self.humidity.as_ref().map(|dated| dated.at);
        let iaq = self.iaq.as_ref().map(|dated| dated.at);
        temperature.max(humidity).max(iaq)
    }
}
