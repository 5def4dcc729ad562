//! What there is to say of each of Spacehook's own event types: who makes its events, and what they look like.
//!
//! One file a type and version, beside this one. They are read when somebody asks for the first time, and only the api
//! function does: in the others neither they nor the code that reads them are linked.

use crate::event::{EventType, WRITTEN_ENTRIES};
use serde::Deserialize;
use serde_json::Value;
use std::sync::LazyLock;

/// What a type is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
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
}

/// Who makes the events of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Spacehook alone, of telemetry and of what becomes of subscriptions.
    Derived,
    /// The platform that owns what they are about, through the API.
    Published,
    /// A platform through the API; Spacehook itself where it can.
    Either,
}

/// One type.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Which.
    pub event_type: EventType,
    /// The version of its shape: 1, 2, 3, …
    pub version: u32,
    /// What happened, and whose shape it is.
    pub description: String,
    /// What it is about.
    pub group: Group,
    /// Who makes its events.
    pub origin: Origin,
    /// The JSON Schema (2020-12) of its body, without a subscription's key-value pairs.
    pub schema: Value,
    /// A body.
    pub example: Value,
}

/// As a file holds it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    description: String,
    group: Group,
    origin: Origin,
    schema: Value,
    example: Value,
}

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| WRITTEN_ENTRIES.into_iter().filter_map(read).collect());

/// A test sees to it that each can be read.
fn read((event_type, text): (EventType, &str)) -> Option<Entry> {
    let Written { description, group, origin, schema, example } = serde_json::from_str(text).ok()?;
    Some(Entry { event_type, version: 1, description, group, origin, schema, example })
}

/// Every type, in the order of [`EventType::BUILT_IN`].
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// A type; none where it is a tenant's own.
pub fn entry(event_type: EventType) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.event_type == event_type)
}

#[cfg(test)]
mod tests;
