//! An event: what happened, one JSON document with an id.

use crate::ids::{
    BuildingRefId, EventId, FloorRefId, JobId, SensorGroupId, SensorGroupRefId, Sequence, SpaceId, SpaceRefId, TenantId,
};
use crate::message::{Kind, UnreadableMessage, Versioned, read};
use crate::place::{SensorGroup, Space, SpaceKey};
use crate::stream::{Stream, Subject};
use crate::trace::TraceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

mod kind;

pub(crate) use kind::WRITTEN_ENTRIES;
pub use kind::{BUILT_IN_TYPES, CustomType, EventType, InvalidEventType};

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

impl EventSpace {
    /// The name of the space in its tenant, as it was then.
    pub fn key(&self) -> SpaceKey {
        SpaceKey { building_ref_id: self.building_ref_id.clone(), space_ref_id: self.space_ref_id.clone() }
    }
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

/// The named group of sensors an event is about, as it was named then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSensorGroup {
    /// Spacehook's own number of the group.
    pub sensor_group_id: SensorGroupId,
    /// The customer's own name of it.
    pub sensor_group_ref_id: SensorGroupRefId,
    /// The building that it is of, where the customer says so.
    pub building_ref_id: Option<BuildingRefId>,
}

impl From<&SensorGroup> for EventSensorGroup {
    fn from(group: &SensorGroup) -> Self {
        Self {
            sensor_group_id: group.sensor_group_id,
            sensor_group_ref_id: group.sensor_group_ref_id.clone(),
            building_ref_id: group.building_ref_id.clone(),
        }
    }
}

/// What an event is about: it has its place in the history of this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A space.
    Space(EventSpace),
    /// A named group of sensors.
    SensorGroup(EventSensorGroup),
    /// Something else.
    Subject(Subject),
}

impl About {
    /// The stream that the event has its place in.
    pub fn stream(&self) -> Stream {
        match self {
            Self::Space(space) => Stream::of_space(space.space_id),
            Self::SensorGroup(group) => Stream::of_sensor_group(group.sensor_group_id),
            Self::Subject(subject) => Stream::of_subject(subject),
        }
    }
}

/// What a report adds to the one before it: what `send: on_change` looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Its place in the history of what it is about.
    pub sequence: Sequence,
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// When it happened: the newest observation it rests on.
    pub occurred_at: Timestamp,
    /// When the reading that caused it arrived, or it was found out.
    pub received_at: Timestamp,
    /// The trace of what caused it; none where that had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// For `send: on_change`.
    pub change: Change,
    /// Somebody asked for it to try a receiver: nothing happened. Receivers are told by a header.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
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
    /// The space it is about, where it is about one.
    pub fn space(&self) -> Option<&EventSpace> {
        match &self.about {
            About::Space(space) => Some(space),
            About::SensorGroup(_) | About::Subject(_) => None,
        }
    }

    /// The named group of sensors it is about, where it is about one.
    pub fn sensor_group(&self) -> Option<&EventSensorGroup> {
        match &self.about {
            About::SensorGroup(group) => Some(group),
            About::Space(_) | About::Subject(_) => None,
        }
    }

    /// What it is about, where that is neither a space nor a named group of sensors.
    pub fn subject(&self) -> Option<&Subject> {
        match &self.about {
            About::Subject(subject) => Some(subject),
            About::Space(_) | About::SensorGroup(_) => None,
        }
    }

    /// The building that what it is about is in, where it is in one.
    pub fn building(&self) -> Option<&BuildingRefId> {
        match &self.about {
            About::Space(space) => Some(&space.building_ref_id),
            About::SensorGroup(group) => group.building_ref_id.as_ref(),
            About::Subject(_) => None,
        }
    }

    /// The stream that it has its place in.
    pub fn stream(&self) -> Stream {
        self.about.stream()
    }

    /// The id of the event that a stream has at `sequence`, whose cause was received then. The same history gives the same
    /// id, however often it is written; a space's number is in it, so that a space made anew never repeats an id.
    pub fn derived_id(
        tenant: &TenantId,
        stream: Stream,
        event_type: EventType,
        sequence: Sequence,
        received_at: Timestamp,
    ) -> EventId {
        let mut digest = Sha256::new();
        digest.update(format!("{tenant}\n{stream}\n{event_type}\n{sequence}"));
        EventId::at(received_at, &digest.finalize().into())
    }

    /// The id of the event by which a job tells of the present state of a stream: the same job makes the same id.
    pub fn id_of_resync(
        job: &JobId,
        stream: Stream,
        event_type: EventType,
        sequence: Sequence,
        at: Timestamp,
    ) -> EventId {
        let mut digest = Sha256::new();
        digest.update(format!("{job}\n{stream}\n{event_type}\n{sequence}"));
        EventId::at(at, &digest.finalize().into())
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
        let at = Timestamp::from_second(1_770_000_000).unwrap();
        let id = |space, event_type, sequence| {
            Event::derived_id(&tenant, Stream::of_space(SpaceId(space)), event_type, Sequence(sequence), at)
        };
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
