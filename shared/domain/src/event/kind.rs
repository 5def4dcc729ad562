//! The types of event: those that Spacehook knows, and those that tenants make their own.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Characters of the name of a type, at most.
const NAME_LIMIT: usize = 64;

macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What kind of thing happened. Those of Spacehook have one documented shape each ([`crate::payload`] has the
        /// shapes of what it makes itself).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $($(#[$doc])* $variant,)+
            /// A type of a tenant's own.
            Custom(CustomType),
        }

        /// How many types Spacehook has.
        pub const BUILT_IN_TYPES: usize = [$($name),+].len();

        /// Each with the text of its entry in the catalogue; see [`crate::catalogue`], which reads it.
        pub(crate) const WRITTEN_ENTRIES: [(EventType, &str); BUILT_IN_TYPES] =
            [$((EventType::$variant, include_str!(concat!("../catalogue/", $name, ".v1.json")))),+];

        impl EventType {
            /// Every type that Spacehook has.
            pub const BUILT_IN: [Self; BUILT_IN_TYPES] = [$(Self::$variant),+];

            /// The name on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Custom(custom) => custom.as_str(),
                }
            }

            /// The type of Spacehook's that has this name.
            pub fn built_in(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

event_types! {
    /// A new reading of a space: everything its sensors say together.
    SpaceReport = "space_report",
    /// A space became available or occupied.
    SpaceAvailability = "space_availability",
    /// None of the sensors of a space has been heard of lately.
    SpaceStale = "space_stale",
    /// A sensor has sent no reading for a while.
    SensorReadingStale = "sensor_reading_stale",
    /// A device is there again.
    DeviceHealthStatusOnline = "device_health_status_online",
    /// A device has not been heard of for a while, or its connection broke.
    DeviceHealthStatusLostCommunication = "device_health_status_lost_communication",
    /// A device has not been heard of for a long while.
    DeviceHealthStatusOffline = "device_health_status_offline",
    /// Another subscription was enabled.
    SubscriptionEnabled = "subscription_enabled",
    /// Another subscription was disabled.
    SubscriptionDisabled = "subscription_disabled",
    /// Many attempts of another subscription fail.
    SubscriptionFailing = "subscription_failing",
    /// The attempts of another subscription that was failing are accepted again.
    SubscriptionRecovered = "subscription_recovered",
    /// A new reading of one sensor.
    SensorReport = "sensor_report",
    /// A motion sensor noticed somebody in a space that was empty.
    PirTriggered = "pir_triggered",
    /// What a sensor measures changed.
    SensorDeviceReadingUpdated = "sensor_device_reading_updated",
    /// What a sensor makes of its readings changed.
    SensorDeviceStateUpdated = "sensor_device_state_updated",
    /// The reading of a sensor is too old to go by.
    SensorDeviceReadingStale = "sensor_device_reading_stale",
    /// What a group of sensors measures together changed.
    SensorDeviceGroupReadingUpdated = "sensor_device_group_reading_updated",
    /// What is made of the readings of a group of sensors changed.
    SensorDeviceGroupStateUpdated = "sensor_device_group_state_updated",
    /// The readings of a group of sensors are too old to go by.
    SensorDeviceGroupReadingStale = "sensor_device_group_reading_stale",
    /// A device was registered.
    DeviceRegistered = "device_registered",
    /// A device was unregistered.
    DeviceUnregistered = "device_unregistered",
    /// A device has everything that it should have.
    DeviceInSync = "device_in_sync",
    /// A device lacks something that it should have.
    DeviceOutOfSync = "device_out_of_sync",
    /// The software of a device was updated.
    DeviceAppUpdated = "device_app_updated",
    /// Visitors were invited.
    InvitationCreated = "invitation_created",
    /// An invitation of visitors was changed.
    InvitationUpdated = "invitation_updated",
    /// An invitation of visitors was called off.
    InvitationCanceled = "invitation_canceled",
    /// An invitation of visitors was deleted.
    InvitationDeleted = "invitation_deleted",
    /// A visitor arrived.
    VisitorCheckIn = "visitor_check_in",
    /// A visitor left.
    VisitorCheckOut = "visitor_check_out",
    /// Somebody completed a checkpoint: a step of an arrival, say.
    CheckpointCompleted = "checkpoint_completed",
    /// A completed checkpoint met the conditions of a trigger.
    CompletedCheckpointTriggerMatched = "completed_checkpoint_trigger_matched",
    /// A booking of resources was made.
    ResourceCreated = "resource_created",
    /// A booking of resources was changed.
    ResourceUpdated = "resource_updated",
    /// A booking of resources ended.
    ResourceEnded = "resource_ended",
    /// A booking of resources was called off.
    ResourceCanceled = "resource_canceled",
    /// A booking of resources was deleted.
    ResourceDeleted = "resource_deleted",
    /// A resource can be booked from now on, or no longer.
    ResourceReservableStatusUpdated = "resource_reservable_status_updated",
    /// One resource of a booking was given up.
    ResourceReservationCanceled = "resource_reservation_canceled",
    /// One resource was deleted from a booking.
    ResourceReservationDeleted = "resource_reservation_deleted",
    /// Something was noted for analytics.
    AnalyticsEventCreated = "analytics_event_created",
    /// Somebody was invited to become a user.
    UserInvitationCreated = "user_invitation_created",
    /// An invitation to become a user was sent.
    UserInvitationSent = "user_invitation_sent",
    /// An invitation to become a user was sent again.
    UserInvitationResent = "user_invitation_resent",
    /// A user was made.
    UserCreated = "user_created",
    /// A user was activated.
    UserActivated = "user_activated",
    /// A user was changed.
    UserUpdated = "user_updated",
    /// A user was suspended.
    UserSuspended = "user_suspended",
    /// A user was deleted.
    UserDeleted = "user_deleted",
}

/// The text can't name an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the name of an event type: at most {NAME_LIMIT} of a-z, 0-9 and '_', beginning with a letter, in parts with \
     '.' between them"
)]
pub struct InvalidEventType;

impl EventType {
    /// The type of that name. Whether a tenant has a type of its own of that name is another matter.
    pub fn parse(text: &str) -> Result<Self, InvalidEventType> {
        match Self::built_in(text) {
            Some(built_in) => Ok(built_in),
            None => CustomType::parse(text).map(Self::Custom),
        }
    }

    /// The type, where it is a tenant's own.
    pub fn custom(&self) -> Option<CustomType> {
        match self {
            Self::Custom(custom) => Some(*custom),
            _ => None,
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "the name of an event type", Self::parse)
    }
}

/// The name of a type of a tenant's own. It holds its text in place, so that it is copied like any other type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomType {
    /// Zeros follow the text, so that names are compared as texts are.
    bytes: [u8; NAME_LIMIT],
    length: u8,
}

impl CustomType {
    /// Takes a name that is none of Spacehook's own types.
    pub fn parse(text: &str) -> Result<Self, InvalidEventType> {
        if !is_name(text) || EventType::built_in(text).is_some() {
            return Err(InvalidEventType);
        }
        let mut bytes = [0; NAME_LIMIT];
        let place = bytes.get_mut(..text.len()).ok_or(InvalidEventType)?;
        place.copy_from_slice(text.as_bytes());
        Ok(Self { bytes, length: u8::try_from(text.len()).map_err(|_| InvalidEventType)? })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        // It was made of a text.
        std::str::from_utf8(text).unwrap_or_default()
    }
}

/// Parts of lower-case letters, digits and underscores, with dots between them; the first begins with a letter.
fn is_name(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    text.len() <= NAME_LIMIT
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.split('.').all(is_part)
}

impl fmt::Debug for CustomType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for CustomType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for CustomType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CustomType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "the name of an event type of a tenant's own", Self::parse)
    }
}

/// Reads a text without copying it.
fn parsed<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    what: &'static str,
    parse: fn(&str) -> Result<T, InvalidEventType>,
) -> Result<T, D::Error> {
    struct Text<T> {
        what: &'static str,
        parse: fn(&str) -> Result<T, InvalidEventType>,
    }

    impl<T> serde::de::Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.what)
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            (self.parse)(text).map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text { what, parse })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_built_in_type_has_its_own_name_of_the_form() {
        for event_type in EventType::BUILT_IN {
            assert!(is_name(event_type.as_str()), "{event_type}");
            assert_eq!(EventType::parse(event_type.as_str()), Ok(event_type));
            assert_eq!(CustomType::parse(event_type.as_str()), Err(InvalidEventType), "{event_type}");
            let json = serde_json::to_string(&event_type).unwrap();
            assert_eq!(serde_json::from_str::<EventType>(&json).unwrap(), event_type);
        }
        assert_eq!(EventType::SensorDeviceGroupStateUpdated.as_str(), "sensor_device_group_state_updated");
    }

    #[test]
    fn names_of_a_tenants_own_have_one_form() {
        let longest = "a".repeat(64);
        for good in ["a", "door_opened", "acme.door.1", "a.0_", &longest] {
            let custom = CustomType::parse(good).unwrap();
            assert_eq!((custom.as_str(), EventType::parse(good)), (good, Ok(EventType::Custom(custom))));
            assert_eq!(format!("{custom:?}"), format!("{good:?}"));
        }
        let too_long = "a".repeat(65);
        for bad in ["", "A", "1a", "_a", ".a", "a.", "a..b", "a-b", "a#b", "a b", "é", "a\u{0}", &too_long] {
            assert_eq!(EventType::parse(bad), Err(InvalidEventType), "{bad:?}");
            assert!(serde_json::from_value::<EventType>(bad.into()).is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<EventType>("7").is_err());
    }

    proptest! {
        #[test]
        fn what_is_parsed_reads_back_and_sorts_as_text(one in "[a-z][a-z0-9_]{0,9}(\\.[a-z0-9_]{1,9}){0,3}", other in "[a-z][a-z0-9_.]{0,20}") {
            let (Ok(one), other) = (CustomType::parse(&one), CustomType::parse(&other)) else { return Ok(()) };
            let json = serde_json::to_string(&one).unwrap();
            prop_assert_eq!(serde_json::from_str::<CustomType>(&json).unwrap(), one);
            if let Ok(other) = other {
                prop_assert_eq!(one.cmp(&other), one.as_str().cmp(other.as_str()));
                prop_assert_eq!(one == other, one.as_str() == other.as_str());
            }
        }
    }
}
