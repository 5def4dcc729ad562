//! What of a tenant's telemetry is kept: whether people's places are, and whether messages are kept as they came.
//!
//! Places of people (coordinates, and the distances between them) are kept unless the tenant says otherwise; then they are
//! dropped when a reading is taken in, before anything is stored or sent. Messages are not kept, unless the tenant wants to
//! see what its sensors really send, to debug a profile: then for some days, with an end. A message holds everything, places
//! too, so the two exclude each other.

use crate::ids::{ProfileName, SensorId};
use crate::profile::Origin;
use crate::reading::Measurements;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Bytes of a message that is kept, at most: of a larger one only is kept that it was too large.
pub const RAW_PAYLOAD_BYTES: usize = 64 * 1_024;
/// Messages of a tenant that are kept, at most: the newest.
pub const RAW_PAYLOADS_LIMIT: u64 = 1_000;
/// For how long one is kept, and for how long ahead they can be asked for.
pub const RAW_PAYLOADS_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// That messages are kept as they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawPayloads {
    /// Those that arrive before then.
    keep_until: Timestamp,
    /// Read by this profile alone, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<ProfileName>,
    /// On the topic of this sensor alone, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sensor_id: Option<SensorId>,
}

/// Why messages can't be kept so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be in the future, and at most 7 days ahead")]
pub struct InvalidKeepUntil;

impl RawPayloads {
    /// Messages that arrive before `keep_until`, at most 7 days ahead, are kept: those of this profile and this sensor, or
    /// of all.
    pub fn new(
        keep_until: Timestamp,
        profile: Option<ProfileName>,
        sensor_id: Option<SensorId>,
        now: Timestamp,
    ) -> Result<Self, InvalidKeepUntil> {
        let ahead = keep_until.duration_since(now);
        if ahead <= SignedDuration::ZERO || ahead > RAW_PAYLOADS_KEPT {
            return Err(InvalidKeepUntil);
        }
        Ok(Self { keep_until, profile, sensor_id })
    }

    /// Until when they are kept.
    pub fn keep_until(&self) -> Timestamp {
        self.keep_until
    }

    /// Of which profile; none where of all.
    pub fn profile(&self) -> Option<&ProfileName> {
        self.profile.as_ref()
    }

    /// Of which sensor; none where of all.
    pub fn sensor_id(&self) -> Option<&SensorId> {
        self.sensor_id.as_ref()
    }

    /// Whether a message is to be kept that arrives now.
    pub fn wants(&self, origin: Origin<'_>, now: Timestamp) -> bool {
        now < self.keep_until
            && self.profile.as_ref().is_none_or(|profile| profile == origin.profile)
            && self.sensor_id.as_ref().is_none_or(|sensor| sensor == origin.sensor_id)
    }
}

/// What of a tenant's telemetry is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub enum Privacy {
    /// Readings whole, and no messages.
    #[default]
    Usual,
    /// Readings without the places of people, and no messages.
    WithoutCoordinates,
    /// Readings whole, and messages.
    WithRawPayloads(RawPayloads),
}

/// What a tenant can't have at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("raw payloads have the coordinates in them: they can't be kept while coordinates is false")]
pub struct Contradiction;

impl Privacy {
    /// What is said in two fields.
    pub fn new(keeps_coordinates: bool, raw_payloads: Option<RawPayloads>) -> Result<Self, Contradiction> {
        match (keeps_coordinates, raw_payloads) {
            (true, None) => Ok(Self::Usual),
            (false, None) => Ok(Self::WithoutCoordinates),
            (true, Some(raw)) => Ok(Self::WithRawPayloads(raw)),
            (false, Some(_)) => Err(Contradiction),
        }
    }

    /// Whether the places of people are kept.
    pub fn keeps_coordinates(&self) -> bool {
        !matches!(self, Self::WithoutCoordinates)
    }

    /// Which messages are kept, if any.
    pub fn raw_payloads(&self) -> Option<&RawPayloads> {
        if let Self::WithRawPayloads(raw) = self { Some(raw) } else { None }
    }

    /// Takes out of a reading what is not kept.
    pub fn strip(&self, measurements: &mut Measurements) {
        if !self.keeps_coordinates() {
            measurements.forget_places();
        }
    }
}

/// As it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    coordinates: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw_payloads: Option<RawPayloads>,
}

impl TryFrom<Stored> for Privacy {
    type Error = Contradiction;
    fn try_from(stored: Stored) -> Result<Self, Contradiction> {
        Self::new(stored.coordinates, stored.raw_payloads)
    }
}

impl From<Privacy> for Stored {
    fn from(privacy: Privacy) -> Self {
        Self { coordinates: privacy.keeps_coordinates(), raw_payloads: privacy.raw_payloads().cloned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::PersonCount;

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    #[test]
    fn messages_are_kept_with_an_end_and_of_what_was_asked() {
        for hours in [-1, 0, 7 * 24 + 1] {
            assert_eq!(RawPayloads::new(at(hours), None, None, at(0)), Err(InvalidKeepUntil), "{hours}");
        }
        let all = RawPayloads::new(at(7 * 24), None, None, at(0)).unwrap();
        let of_profile =
            RawPayloads::new(at(1), Some(ProfileName::parse("milesight_gateway").unwrap()), None, at(0)).unwrap();
        let of_sensor = RawPayloads::new(at(1), None, Some(SensorId::parse("a").unwrap()), at(0)).unwrap();
        let table = [
            (&all, ("native", "b"), 167, true),
            (&all, ("native", "b"), 168, false),
            (&of_profile, ("milesight_gateway", "b"), 0, true),
            (&of_profile, ("native", "b"), 0, false),
            (&of_profile, ("milesight_gateway", "b"), 1, false),
            (&of_sensor, ("native", "a"), 0, true),
            (&of_sensor, ("native", "b"), 0, false),
        ];
        for (raw, (profile, sensor), hours, wanted) in table {
            let (profile, sensor_id) = (ProfileName::parse(profile).unwrap(), SensorId::parse(sensor).unwrap());
            let origin = Origin { sensor_id: &sensor_id, profile: &profile, received_at: at(hours) };
            assert_eq!(raw.wants(origin, at(hours)), wanted, "{raw:?} {profile} {sensor} {hours}");
        }
    }

    #[test]
    fn places_are_taken_out_where_they_are_not_kept_and_nothing_else_is() {
        let said = Measurements {
            person_count: Some(PersonCount(1)),
            coordinates: Some(vec![]),
            distances: Some(vec![]),
            ..Measurements::default()
        };
        let stripped = |privacy: Privacy| {
            let mut measurements = said.clone();
            privacy.strip(&mut measurements);
            measurements
        };
        assert_eq!(stripped(Privacy::Usual), said);
        let without = Measurements { coordinates: None, distances: None, ..said.clone() };
        assert_eq!(stripped(Privacy::WithoutCoordinates), without);
    }

    #[test]
    fn what_is_kept_reads_back_and_a_contradiction_does_not() {
        let raw = RawPayloads::new(at(1), None, Some(SensorId::parse("a").unwrap()), at(0)).unwrap();
        for privacy in [Privacy::Usual, Privacy::WithoutCoordinates, Privacy::WithRawPayloads(raw.clone())] {
            let text = serde_json::to_string(&privacy).unwrap();
            assert_eq!(serde_json::from_str::<Privacy>(&text).unwrap(), privacy, "{text}");
        }
        assert_eq!(Privacy::new(false, Some(raw)), Err(Contradiction));
        let both = r#"{"coordinates":false,"raw_payloads":{"keep_until":"1970-01-01T01:00:00Z"}}"#;
        assert!(serde_json::from_str::<Privacy>(both).unwrap_err().to_string().contains("raw payloads have"));
    }
}
