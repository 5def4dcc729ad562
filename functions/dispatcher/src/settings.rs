//! What an operator decides about deliveries.

use jiff::SignedDuration;
use spacehook_domain::kept_events::KeptDays;
use spacehook_domain::retry::Schedule;

/// The longest that a backlog can be kept, in hours: what it stores expires by itself after that.
const MAX_AGE_LIMIT_H: i64 = 14 * 24;
/// The usual age, in hours, after which a delivery that waits is dead.
const MAX_AGE_H: i64 = 72;
/// The most deliveries of one space that wait for one subscription.
const LANE_LIMIT: u64 = 10_000;

/// The settings of the dispatcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The waits between the attempts of a delivery.
    pub schedule: Schedule,
    /// How long a delivery may wait in a backlog.
    pub max_age: SignedDuration,
    /// How many deliveries of one space may wait for one subscription: then the oldest gives way.
    pub lane_limit: u64,
    /// How long events are kept.
    pub events_kept: KeptDays,
}

impl Default for Settings {
    fn default() -> Self {
        let max_age = SignedDuration::from_hours(MAX_AGE_H);
        Self { schedule: Schedule::default(), max_age, lane_limit: LANE_LIMIT, events_kept: KeptDays::default() }
    }
}

/// Why a text is no age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of hours from 1 to {MAX_AGE_LIMIT_H}")]
pub struct InvalidMaxAge;

/// Reads the age, in hours, after which a delivery that waits is dead.
pub fn parse_max_age_hours(text: &str) -> Result<SignedDuration, InvalidMaxAge> {
    let hours = text.parse().ok().filter(|hours| (1..=MAX_AGE_LIMIT_H).contains(hours)).ok_or(InvalidMaxAge)?;
    Ok(SignedDuration::from_hours(hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_1_hour_to_14_days() {
        assert_eq!(parse_max_age_hours("72"), Ok(Settings::default().max_age));
        for bad in ["", "0", "337", "1.5", "-1"] {
            assert_eq!(parse_max_age_hours(bad), Err(InvalidMaxAge), "{bad:?}");
        }
    }
}
