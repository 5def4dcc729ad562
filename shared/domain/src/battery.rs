//! How a sensor's battery is, in a word that a person can act on.
//!
//! The levels are those of VergeSense: healthy with more than six months left, to be replaced soon with less, and now with
//! less than two. Most devices say percent; then the months are those of a battery that lasts
//! [`EXPECTED_LIFE_MONTHS`] and drains evenly.

use crate::reading::{BatteryPercent, Months};
use serde::{Deserialize, Serialize};

/// How long a full battery is expected to last: so 20 % are six months, and 6.7 % are two.
pub const EXPECTED_LIFE_MONTHS: f64 = 30.0;
/// With so many months or more a battery is healthy.
pub const HEALTHY_FROM_MONTHS: f64 = 6.0;
/// With fewer months than this it is to be replaced now.
pub const REPLACE_NOW_BELOW_MONTHS: f64 = 2.0;

/// The level of a battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatteryHealth {
    /// Six months or more are left.
    Healthy,
    /// Less than six months.
    ReplaceSoon,
    /// Less than two months.
    ReplaceNow,
}

impl BatteryHealth {
    /// The level; none where nothing is known of the battery. What a device says of months takes precedence.
    pub fn of(charge: Option<BatteryPercent>, months_left: Option<Months>) -> Option<Self> {
        let by_charge = || charge.map(|charge| charge.value() * EXPECTED_LIFE_MONTHS / 100.0);
        months_left.map(Months::value).or_else(by_charge).map(Self::with_months)
    }

    fn with_months(months: f64) -> Self {
        if months < REPLACE_NOW_BELOW_MONTHS {
            Self::ReplaceNow
        } else if months < HEALTHY_FROM_MONTHS {
            Self::ReplaceSoon
        } else {
            Self::Healthy
        }
    }

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::ReplaceSoon => "replace_soon",
            Self::ReplaceNow => "replace_now",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_percent(percent: f64) -> Option<BatteryHealth> {
        BatteryHealth::of(Some(BatteryPercent::new(percent).unwrap()), None)
    }

    #[test]
    fn the_levels_are_those_of_months_left() {
        let levels = [(100.0, "healthy"), (20.0, "healthy"), (19.9, "replace_soon"), (6.7, "replace_soon")];
        for (percent, level) in levels.into_iter().chain([(6.6, "replace_now"), (0.0, "replace_now")]) {
            assert_eq!(of_percent(percent).map(BatteryHealth::as_str), Some(level), "{percent} %");
        }
        assert_eq!(BatteryHealth::of(None, None), None);
    }

    #[test]
    fn what_a_device_says_of_months_takes_precedence() {
        let months = |months| BatteryHealth::of(BatteryPercent::new(90.0).ok(), Months::new(months).ok());
        assert_eq!(months(1.9), Some(BatteryHealth::ReplaceNow));
        assert_eq!(months(2.0), Some(BatteryHealth::ReplaceSoon));
        assert_eq!(months(6.0), Some(BatteryHealth::Healthy));
    }
}
