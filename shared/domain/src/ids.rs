//! Identifiers, each its own type, so that one can't be passed for another.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is not an identifier of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be {rule}")]
pub struct InvalidId {
    /// Which identifier was meant, as the API names it.
    pub kind: &'static str,
    /// The rule it broke.
    pub rule: &'static str,
}

/// Has a type that `parse` makes of a text be written as that text, and read back through `parse`.
macro_rules! stored_as_text {
    ($name:ident, $error:ident) => {
        impl TryFrom<String> for $name {
            type Error = $error;
            fn try_from(text: String) -> Result<Self, $error> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(parsed: $name) -> String {
                parsed.0
            }
        }
    };
}
pub(crate) use stored_as_text;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses the text, refusing what is not of the documented form.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId { kind: $kind, rule: $rule }) }
            }

            /// The text as it is written everywhere.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        stored_as_text!($name, InvalidId);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(crate) use text_id;

/// True for a name that a customer chose: 1 to 128 characters, none of them a control character, not blank at an end.
pub(crate) fn is_reference(text: &str) -> bool {
    (1..=128).contains(&text.chars().count()) && text.trim() == text && !text.chars().any(char::is_control)
}

fn is_lower_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

text_id!(
    /// One customer of the system; the second level of the telemetry topic.
    TenantId,
    "tenant",
    "1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'",
    |text| (1..=63).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-')
);
text_id!(
    /// The customer's own name of a building.
    BuildingRefId,
    "building_ref_id",
    "1 to 128 characters without control characters or blanks at the ends",
    is_reference
);
text_id!(
    /// The customer's own name of a floor, unique in its building.
    FloorRefId,
    "floor_ref_id",
    "1 to 128 characters without control characters or blanks at the ends",
    is_reference
);
text_id!(
    /// The customer's own name of a space, unique in its building.
    SpaceRefId,
    "space_ref_id",
    "1 to 128 characters without control characters or blanks at the ends",
    is_reference
);
text_id!(
    /// The customer's own name of a group of sensors, unique in the tenant.
    SensorGroupRefId,
    "sensor_group_ref_id",
    "1 to 128 characters without control characters or blanks at the ends",
    is_reference
);
text_id!(
    /// A sensor, as its vendor names it; unique in the tenant.
    SensorId,
    "sensor_id",
    "1 to 128 characters without control characters or blanks at the ends",
    is_reference
);
text_id!(
    /// A profile: the form of messages; the third level of the telemetry topic.
    ProfileName,
    "profile",
    "1 to 64 of a-z, 0-9, '_' and '-', beginning with a letter or a digit",
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
        && !text.starts_with(['_', '-'])
);
text_id!(
    /// A subscription: `sub_` and a version 7 UUID, so that ids sort by creation.
    SubscriptionId,
    "subscription id",
    "'sub_' and 32 hexadecimal digits",
    |text| text.strip_prefix("sub_").is_some_and(|hex| is_lower_hex(hex, 32))
);
text_id!(
    /// An event: `evt_` and 32 hexadecimal digits. The first 12 say when it was received, in milliseconds since 1970, so
    /// ids sort by time, and a kept event is found by its id alone; the others are a digest: the same cause gives the same
    /// id.
    EventId,
    "event id",
    "'evt_' and 32 hexadecimal digits",
    |text| text.strip_prefix("evt_").is_some_and(|hex| is_lower_hex(hex, 32))
);

impl SubscriptionId {
    /// The id made of a UUID that the caller drew.
    pub fn from_uuid(uuid: uuid::Uuid) -> Self {
        Self(format!("sub_{}", uuid.simple()))
    }
}

text_id!(
    /// An attempt: `att_` and a version 7 UUID of the time that it started at, so that ids sort by it.
    AttemptId,
    "attempt id",
    "'att_' and 32 hexadecimal digits",
    |text| text.strip_prefix("att_").is_some_and(|hex| is_lower_hex(hex, 32))
);
text_id!(
    /// A job: `job_` and a version 7 UUID, so that ids sort by creation.
    JobId,
    "job id",
    "'job_' and 32 hexadecimal digits",
    |text| text.strip_prefix("job_").is_some_and(|hex| is_lower_hex(hex, 32))
);

/// The hexadecimal digits of an event's id that say when it was received.
const TIME_DIGITS: usize = 12;
/// The greatest time that fits into them: in the year 10889.
const TIME_MOST: u64 = (1 << 48) - 1;

impl EventId {
    /// The id of an event that was received then, and of whose cause this is a digest.
    pub fn at(received_at: Timestamp, digest: &[u8; 32]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(36);
        let _ = write!(text, "evt_{:012x}", time_ms(received_at));
        for byte in &digest[..10] {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// When its event was received, in milliseconds since 1970.
    pub fn received_at_ms(&self) -> i64 {
        let digits = self.0.get(4..4 + TIME_DIGITS).unwrap_or_default();
        i64::from_str_radix(digits, 16).unwrap_or_default()
    }

    /// The same as a time.
    pub fn received_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.received_at_ms()).unwrap_or(Timestamp::MAX)
    }
}

fn time_ms(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or_default().min(TIME_MOST)
}

impl AttemptId {
    /// The id of an attempt that started then; `random` tells those of one millisecond apart.
    pub fn at(started_at: Timestamp, random: [u8; 10]) -> Self {
        let id = uuid::Builder::from_unix_timestamp_millis(time_ms(started_at), &random).into_uuid();
        Self(format!("att_{}", id.simple()))
    }

    /// Its 32 hexadecimal digits.
    pub fn digits(&self) -> &str {
        self.0.strip_prefix("att_").unwrap_or_default()
    }

    /// The id of these digits.
    pub fn from_digits(digits: &str) -> Result<Self, InvalidId> {
        Self::parse(format!("att_{digits}"))
    }
}

impl JobId {
    /// The id made of a UUID that the caller drew.
    pub fn from_uuid(uuid: uuid::Uuid) -> Self {
        Self(format!("job_{}", uuid.simple()))
    }

    /// Its 32 hexadecimal digits.
    pub fn digits(&self) -> &str {
        self.0.strip_prefix("job_").unwrap_or_default()
    }

    /// The id of these digits.
    pub fn from_digits(digits: &str) -> Result<Self, InvalidId> {
        Self::parse(format!("job_{digits}"))
    }
}

/// One subscription of all there are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SubscriptionKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    #[serde(rename = "subscription_id")]
    pub id: SubscriptionId,
}

/// Spacehook's own number of a space: never used again in its tenant, also when the space is deleted and made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpaceId(pub u64);

impl fmt::Display for SpaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Spacehook's own number of a group of sensors: never used again in its tenant, also when the group is deleted and made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SensorGroupId(pub u64);

/// The place of an event in the history of its space: 1, 2, 3, …; monotonic, with gaps where a receiver did not
/// subscribe to a type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The one after this.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_safe_in_topics_and_keys() {
        for good in ["a", "default", "acme-2"] {
            assert!(TenantId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a/b", "a#b", "a b", &"a".repeat(64)] {
            assert!(TenantId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn references_keep_the_customers_spelling() {
        assert_eq!(SpaceRefId::parse("123.321").unwrap().as_str(), "123.321");
        assert!(SpaceRefId::parse("Salle A/ë #2").is_ok());
        for bad in ["", " a", "a\n", &"x".repeat(129)] {
            assert!(SpaceRefId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn subscription_ids_round_trip() {
        let id = SubscriptionId::from_uuid(uuid::Uuid::from_u128(7));
        assert_eq!(SubscriptionId::parse(id.as_str()).unwrap(), id);
        assert!(SubscriptionId::parse("sub_12").is_err());
    }

    #[test]
    fn ids_of_events_say_when_they_were_received_and_sort_by_it() {
        let at: Timestamp = "2026-02-02T14:19:00.5Z".parse().unwrap();
        let id = EventId::at(at, &[0xab; 32]);
        assert_eq!(id.as_str(), "evt_019c1eb89a14abababababababababab");
        assert_eq!((id.received_at(), EventId::parse(id.as_str())), (at, Ok(id.clone())));
        let later = EventId::at(at + jiff::SignedDuration::from_millis(1), &[0; 32]);
        assert!(id < later);
        assert_eq!(EventId::at(Timestamp::MIN, &[0; 32]).received_at_ms(), 0);
        assert_eq!(EventId::parse(format!("evt_{}", "f".repeat(32))).unwrap().received_at_ms(), (1 << 48) - 1);
    }

    #[test]
    fn ids_of_attempts_sort_by_their_start() {
        let at: Timestamp = "2026-02-02T14:19:00.5Z".parse().unwrap();
        let id = AttemptId::at(at, [0; 10]);
        assert_eq!(id.as_str(), "att_019c1eb89a1470008000000000000000");
        assert_eq!(AttemptId::from_digits(id.digits()), Ok(id.clone()));
        assert!(
            id < AttemptId::at(at, [1; 10])
                && AttemptId::at(at, [0xff; 10]) < AttemptId::at(at + jiff::SignedDuration::from_millis(1), [0; 10])
        );
        let job = JobId::from_uuid(uuid::Uuid::from_u128(7));
        assert_eq!(JobId::from_digits(job.digits()), Ok(job));
    }
}
