//! Event types as clients see them.

use crate::openapi::EventTypeName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::catalogue::{Entry, Group, Origin};
use spacehook_domain::own_type::{OwnType, OwnTypeVersion};
use utoipa::ToSchema;

/// What a type is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EventTypeGroup)]
pub enum GroupName {
    /// Visitors: invitations, arrivals, departures.
    Visitor,
    /// Bookings of rooms, desks and things.
    Reservation,
    /// What is noted for analytics.
    Analytics,
    /// Users of a platform.
    User,
    /// Devices: there or not, in order or not.
    Device,
    /// What single sensors, or groups of them, measure.
    Sensor,
    /// Spaces: who is in them, whether they can be used.
    Space,
    /// Subscriptions themselves.
    Subscription,
    /// Types of the tenant's own.
    Own,
}

impl GroupName {
    /// All of them, by name.
    pub(super) const ALL: [(&'static str, Self); 9] = [
        ("visitor", Self::Visitor),
        ("reservation", Self::Reservation),
        ("analytics", Self::Analytics),
        ("user", Self::User),
        ("device", Self::Device),
        ("sensor", Self::Sensor),
        ("space", Self::Space),
        ("subscription", Self::Subscription),
        ("own", Self::Own),
    ];
}

impl From<Group> for GroupName {
    fn from(group: Group) -> Self {
        match group {
            Group::Visitor => Self::Visitor,
            Group::Reservation => Self::Reservation,
            Group::Analytics => Self::Analytics,
            Group::User => Self::User,
            Group::Device => Self::Device,
            Group::Sensor => Self::Sensor,
            Group::Space => Self::Space,
            Group::Subscription => Self::Subscription,
        }
    }
}

/// Who makes the events of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EventTypeOrigin)]
pub enum OriginName {
    /// Spacehook alone; they can't be published.
    Derived,
    /// Whoever publishes them, through `POST /v1/events`.
    Published,
    /// Whoever publishes them; Spacehook itself where it can.
    Either,
}

impl From<Origin> for OriginName {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Derived => Self::Derived,
            Origin::Published => Self::Published,
            Origin::Either => Self::Either,
        }
    }
}

/// A type of event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = EventTypeSummary)]
pub struct EventTypeView {
    /// Its name: `event_type` of its events, and what subscriptions list.
    #[schema(value_type = EventTypeName)]
    pub name: String,
    /// What happened, in words.
    #[schema(required)]
    pub description: Option<String>,
    /// What it is about; `own` for types of the tenant's own.
    pub group: GroupName,
    /// Who makes its events.
    pub origin: OriginName,
    /// The newest version of what its events look like.
    #[schema(minimum = 1)]
    pub version: u32,
    /// Whether it is archived: then nobody can publish it or newly subscribe to it.
    pub archived: bool,
    /// When it was registered; null for Spacehook's.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When it was last changed; null for Spacehook's.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
    /// 1, 2, 3, …: one more with each change; null for Spacehook's. In quotes it is the `ETag`.
    #[schema(required, minimum = 1)]
    pub revision: Option<u64>,
}

/// A type of event, and what its events look like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = EventType)]
pub struct EventTypeWithSchema {
    /// The type.
    #[serde(flatten)]
    pub event_type: EventTypeView,
    /// The JSON Schema (2020-12): for Spacehook's types of the body of a delivery, without the subscription's key-value
    /// pairs; for the tenant's own of the `data` that is published, to which deliveries add `event_type` and `timestamp`.
    /// Null where there is none: everything is allowed.
    #[schema(required)]
    pub schema: Option<Value>,
    /// An example of what the schema describes; null where there is none.
    #[schema(required)]
    pub example: Option<Value>,
}

/// What the events of a type look like: one version, which never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = EventTypeVersion)]
pub struct VersionView {
    /// Of which type.
    #[schema(value_type = EventTypeName)]
    pub name: String,
    /// Which version.
    #[schema(minimum = 1)]
    pub version: u32,
    /// The JSON Schema; null where there is none.
    #[schema(required)]
    pub schema: Option<Value>,
    /// An example; null where there is none.
    #[schema(required)]
    pub example: Option<Value>,
    /// When it was made; null for Spacehook's types.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
}

impl From<&Entry> for EventTypeView {
    fn from(entry: &Entry) -> Self {
        Self {
            name: entry.event_type.to_string(),
            description: Some(entry.description.clone()),
            group: entry.group.into(),
            origin: entry.origin.into(),
            version: entry.version,
            archived: false,
            created_at: None,
            updated_at: None,
            revision: None,
        }
    }
}

impl From<&OwnType> for EventTypeView {
    fn from(own: &OwnType) -> Self {
        Self {
            name: own.name.to_string(),
            description: own.description.clone(),
            group: GroupName::Own,
            origin: OriginName::Published,
            version: own.version,
            archived: own.archived_at.is_some(),
            created_at: Some(own.created_at),
            updated_at: Some(own.updated_at),
            revision: Some(own.revision),
        }
    }
}

impl From<&Entry> for EventTypeWithSchema {
    fn from(entry: &Entry) -> Self {
        Self { event_type: entry.into(), schema: Some(entry.schema.clone()), example: Some(entry.example.clone()) }
    }
}

impl EventTypeWithSchema {
    /// A type of a tenant's own, with its newest version.
    pub(super) fn of(own: &OwnType, version: OwnTypeVersion) -> Self {
        Self { event_type: own.into(), schema: version.schema, example: version.example.map(Value::Object) }
    }
}

impl From<&Entry> for VersionView {
    fn from(entry: &Entry) -> Self {
        Self {
            name: entry.event_type.to_string(),
            version: entry.version,
            schema: Some(entry.schema.clone()),
            example: Some(entry.example.clone()),
            created_at: None,
        }
    }
}

impl From<OwnTypeVersion> for VersionView {
    fn from(version: OwnTypeVersion) -> Self {
        Self {
            name: version.name.to_string(),
            version: version.version,
            schema: version.schema,
            example: version.example.map(Value::Object),
            created_at: Some(version.created_at),
        }
    }
}
