//! A stream: the events of one space, of one named group of sensors, or of one subject, each at its place. Within a stream a receiver gets events in order.

use crate::ids::{InvalidId, SensorGroupId, SpaceId, SubscriptionId, is_reference, stored_as_text, text_id};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

text_id!(
    /// What an event without a space is about: its events keep their order.
    Subject,
    "subject",
    "1 to 128 characters without control characters or blanks at the ends",
    is_reference
);

impl From<&SubscriptionId> for Subject {
    fn from(id: &SubscriptionId) -> Self {
        Self(id.as_str().to_owned())
    }
}

impl Subject {
    /// What an event is about that says nothing of it.
    pub fn of_nothing() -> Self {
        Self("-".to_owned())
    }

    /// The subject of an event that is about nothing that others are about.
    pub(crate) fn numbered(number: u128) -> Self {
        Self(format!("event_{number:024x}"))
    }
}

/// Set in the number of a subject's stream, and in no other's.
const OF_SUBJECT: u64 = 1 << 63;
/// Of what is no subject's set in the number of a group's stream, and in no space's.
const OF_GROUP: u64 = 1 << 62;

/// The number of a stream in its tenant: a space's own number, a group's, or the beginning of a digest of the subject. Should two
/// subjects ever have one number (of a million, once in ten million tenants), they wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stream(u64);

impl Stream {
    /// The stream of a space.
    pub fn of_space(space: SpaceId) -> Self {
        Self(space.0 & !OF_SUBJECT & !OF_GROUP)
    }

    /// The stream of a named group of sensors.
    pub fn of_sensor_group(group: SensorGroupId) -> Self {
        Self(group.0 & !OF_SUBJECT | OF_GROUP)
    }

    /// The stream of a subject.
    pub fn of_subject(subject: &Subject) -> Self {
        let digest: [u8; 32] = Sha256::digest(subject.as_str().as_bytes()).into();
        let number = digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte));
        Self(number | OF_SUBJECT)
    }

    /// The space, where it is one's.
    pub fn space(self) -> Option<SpaceId> {
        (self.0 & (OF_SUBJECT | OF_GROUP) == 0).then_some(SpaceId(self.0))
    }

    /// The group of sensors, where it is one's.
    pub fn sensor_group(self) -> Option<SensorGroupId> {
        (self.0 & (OF_SUBJECT | OF_GROUP) == OF_GROUP).then_some(SensorGroupId(self.0 & !OF_GROUP))
    }

    /// The number.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// As it is in message groups: a space's number as it is, a group's and a subject's marked as such.
impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.space(), self.sensor_group()) {
            (Some(space), _) => space.fmt(f),
            (None, Some(group)) => write!(f, "g{}", group.0),
            (None, None) => write!(f, "s{:016x}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_spaces_of_groups_and_of_subjects_are_never_one() {
        let space = Stream::of_space(SpaceId(7));
        assert_eq!((space.space(), space.to_string()), (Some(SpaceId(7)), "7".to_owned()));
        let subject = |text: &str| Stream::of_subject(&Subject::parse(text).unwrap());
        assert_eq!(subject("7").space(), None);
        assert_ne!(subject("7"), space);
        assert_ne!(subject("a"), subject("b"));
        assert_eq!(subject("a"), subject("a"));
        assert!(subject("a").to_string().starts_with('s'));
        let group = Stream::of_sensor_group(SensorGroupId(7));
        assert_eq!(
            (group.space(), group.sensor_group(), group.to_string()),
            (None, Some(SensorGroupId(7)), "g7".to_owned())
        );
        assert!((0..200).all(|n| subject(&format!("x{n}")).sensor_group().is_none()) && space.sensor_group().is_none());
    }
}
