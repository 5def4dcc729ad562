//! An event: what happened, one JSON document with an id.

use crate::ids::{BuildingRefId, EventId, FloorRefId, Sequence, SpaceId, SpaceRefId, TenantId};
use crate::message::{Kind, UnreadableMessage, Versioned, read};
use crate::place::Space;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The types of event, each with one documented shape (see [`crate::payload`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// A new reading of a space: everything its sensors say together.
    SpaceReport,
    /// A space became available or occupied.
    SpaceAvailability,
}

/// The text names no event type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an event type; the types are space_report and space_availability")]
pub struct UnknownEventType;

impl EventType {
    /// Every type there is.
    pub const ALL: [Self; 2] = [Self::SpaceReport, Self::SpaceAvailability];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SpaceReport => "space_report",
            Self::SpaceAvailability => "space_availability",
        }
    }

    /// The type of that name.
    pub fn parse(text: &str) -> Result<Self, UnknownEventType> {
        Self::ALL.into_iter().find(|event_type| event_type.as_str() == text).ok_or(UnknownEventType)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The space an event is about, as it was named then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSpace {
    /// Spacehook's own number of the space.
    pub space_id: SpaceId,
    /// The building it is in.
    pub building_ref_id: BuildingRefId,
    /// The floor it is on.
    pub floor_ref_id: Option<FloorRefId>,
    /// The customer's own name of it.
    pub space_ref_id: SpaceRefId,
}

impl From<&Space> for EventSpace {
    fn from(space: &Space) -> Self {
        Self {
            space_id: space.space_id,
            building_ref_id: space.building_ref_id.clone(),
            floor_ref_id: space.floor_ref_id.clone(),
            space_ref_id: space.space_ref_id.clone(),
        }
    }
}

/// What a report adds to the one before it: what `send: on_change` looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The number of people or the signs of life differ from the report before.
    pub occupancy_changed: bool,
    /// The first report of the space in a new hour (UTC).
    pub first_of_hour: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Which form this document has; see [`EVENT_VERSION`].
    #[serde(rename = "v")]
    pub version: u32,
    /// Its id: `webhook-id` of every delivery, and what receivers and queues drop doubles by.
    pub id: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What kind of thing happened.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// Its place in the history of its space.
    pub sequence: Sequence,
    /// The space it is about.
    pub space: EventSpace,
    /// When it happened: the newest observation it rests on.
    pub occurred_at: Timestamp,
    /// When the reading that caused it arrived.
    pub received_at: Timestamp,
    /// For `send: on_change`.
    pub change: Change,
    /// The documented body: an object, or an array of one record a space.
    pub data: Value,
}

/// The form of [`Event`] that this code writes and reads.
pub const EVENT_VERSION: u32 = 1;

impl Versioned for Event {
    const KIND: Kind = Kind { name: "event", indefinite: "an event", version: EVENT_VERSION };
    fn version(&self) -> u32 {
        self.version
    }
}

impl Event {
    /// The id of the event that a space's history has at `sequence`. The same history gives the same id, however
    /// often it is written; the space's number is in it, so that a space made anew never repeats an id.
    pub fn derived_id(tenant: &TenantId, space: SpaceId, event_type: EventType, sequence: Sequence) -> EventId {
        let mut digest = Sha256::new();
        digest.update(format!("{tenant}\n{space}\n{event_type}\n{sequence}"));
        EventId::from_digest(&digest.finalize().into())
    }

    /// Reads an event from a queue message.
    pub fn from_json(text: &str) -> Result<Self, UnreadableMessage> {
        read(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_deterministic_and_distinct() {
        let tenant = TenantId::parse("acme").unwrap();
        let id =
            |space, event_type, sequence| Event::derived_id(&tenant, SpaceId(space), event_type, Sequence(sequence));
        let first = id(1, EventType::SpaceReport, 1);
        assert_eq!(first, id(1, EventType::SpaceReport, 1));
        assert_ne!(first, id(1, EventType::SpaceReport, 2));
        assert_ne!(first, id(2, EventType::SpaceReport, 1));
        assert_ne!(first, id(1, EventType::SpaceAvailability, 1));
        assert_ne!(id(11, EventType::SpaceReport, 1), id(1, EventType::SpaceReport, 11));
    }

    #[test]
    fn unreadable_messages_say_why() {
        assert!(Event::from_json("{").unwrap_err().to_string().starts_with("not an event"));
        assert_eq!(
            Event::from_json(r#"{"v":9}"#).unwrap_err().to_string(),
            "event version 9; this release reads version 1"
        );
        assert_eq!(
            Event::from_json("{}").unwrap_err().to_string(),
            "not an event: .: missing field `v` at line 1 column 2"
        );
        let missing = Event::from_json(r#"{"v":1,"id":"evt_1"}"#).unwrap_err().to_string();
        assert!(missing.contains("id: event id must be"), "{missing}");
    }
}
