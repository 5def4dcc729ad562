//! What there is to say of each of Spacehook's own event types: who makes its events, and what they look like.
//!
//! One file a type and version, beside this one. They are read when somebody asks for the first time, and only the api
//! function does: in the others neither they nor the code that reads them are linked.

use crate::event::{BUILT_IN_TYPES, EventType};
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

macro_rules! written {
    ($($variant:ident = $file:literal,)+) => {
        /// Each type with the text of its file.
        const WRITTEN: [(EventType, &str); BUILT_IN_TYPES] =
            [$((EventType::$variant, include_str!(concat!("catalogue/", $file, ".v1.json")))),+];
    };
}

written! {
    SpaceReport = "space_report",
    SpaceAvailability = "space_availability",
    SpaceStale = "space_stale",
    SensorReadingStale = "sensor_reading_stale",
    DeviceHealthStatusOnline = "device_health_status_online",
    DeviceHealthStatusLostCommunication = "device_health_status_lost_communication",
    DeviceHealthStatusOffline = "device_health_status_offline",
    SubscriptionEnabled = "subscription_enabled",
    SubscriptionDisabled = "subscription_disabled",
    SubscriptionFailing = "subscription_failing",
    SubscriptionRecovered = "subscription_recovered",
    SensorReport = "sensor_report",
    PirTriggered = "pir_triggered",
    SensorDeviceReadingUpdated = "sensor_device_reading_updated",
    SensorDeviceStateUpdated = "sensor_device_state_updated",
    SensorDeviceReadingStale = "sensor_device_reading_stale",
    SensorDeviceGroupReadingUpdated = "sensor_device_group_reading_updated",
    SensorDeviceGroupStateUpdated = "sensor_device_group_state_updated",
    SensorDeviceGroupReadingStale = "sensor_device_group_reading_stale",
    DeviceRegistered = "device_registered",
    DeviceUnregistered = "device_unregistered",
    DeviceInSync = "device_in_sync",
    DeviceOutOfSync = "device_out_of_sync",
    DeviceAppUpdated = "device_app_updated",
    InvitationCreated = "invitation_created",
    InvitationUpdated = "invitation_updated",
    InvitationCanceled = "invitation_canceled",
    InvitationDeleted = "invitation_deleted",
    VisitorCheckIn = "visitor_check_in",
    VisitorCheckOut = "visitor_check_out",
    CheckpointCompleted = "checkpoint_completed",
    CompletedCheckpointTriggerMatched = "completed_checkpoint_trigger_matched",
    ResourceCreated = "resource_created",
    ResourceUpdated = "resource_updated",
    ResourceEnded = "resource_ended",
    ResourceCanceled = "resource_canceled",
    ResourceDeleted = "resource_deleted",
    ResourceReservableStatusUpdated = "resource_reservable_status_updated",
    ResourceReservationCanceled = "resource_reservation_canceled",
    ResourceReservationDeleted = "resource_reservation_deleted",
    AnalyticsEventCreated = "analytics_event_created",
    UserInvitationCreated = "user_invitation_created",
    UserInvitationSent = "user_invitation_sent",
    UserInvitationResent = "user_invitation_resent",
    UserCreated = "user_created",
    UserActivated = "user_activated",
    UserUpdated = "user_updated",
    UserSuspended = "user_suspended",
    UserDeleted = "user_deleted",
}

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| WRITTEN.into_iter().filter_map(read).collect());

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
