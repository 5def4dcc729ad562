//! Small things that tests of several modules need.

use jiff::{SignedDuration, Timestamp};
use spacehook_domain::event::EventType;
use spacehook_domain::ids::{BuildingRefId, FloorRefId, SensorId, SpaceRefId, SubscriptionId, TenantId};
use spacehook_domain::key_values::KeyValues;
use spacehook_domain::place::{Building, Floor, Sensor, SpaceKey};
use spacehook_domain::subscription::{Activity, AuthKind, Send, Subscription, SubscriptionName};
use spacehook_store::SpaceDraft;
use uuid::Uuid;

pub(crate) fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// A time: so many seconds after some start of a quarter of an hour.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-03-29T01:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

pub(crate) fn building_id(name: &str) -> BuildingRefId {
    BuildingRefId::parse(name).unwrap()
}

pub(crate) fn floor_id(name: &str) -> FloorRefId {
    FloorRefId::parse(name).unwrap()
}

pub(crate) fn sensor_id(name: &str) -> SensorId {
    SensorId::parse(name).unwrap()
}

pub(crate) fn building(name: &str) -> Building {
    Building { building_ref_id: building_id(name), name: None }
}

pub(crate) fn floor(building: &str, name: &str) -> Floor {
    Floor { building_ref_id: building_id(building), floor_ref_id: floor_id(name), name: None }
}

pub(crate) fn draft(building: &str, floor: Option<&str>, space: &str) -> SpaceDraft {
    SpaceDraft {
        building_ref_id: building_id(building),
        floor_ref_id: floor.map(floor_id),
        space_ref_id: SpaceRefId::parse(space).unwrap(),
        name: None,
    }
}

pub(crate) fn space_key(building: &str, space: &str) -> SpaceKey {
    draft(building, None, space).key()
}

pub(crate) fn sensor(name: &str, building: &str, space: &str) -> Sensor {
    Sensor { sensor_id: sensor_id(name), space: space_key(building, space), name: None }
}

pub(crate) fn subscription_id(number: u128) -> SubscriptionId {
    SubscriptionId::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn subscription(number: u128, name: &str, types: &[EventType]) -> Subscription {
    Subscription {
        id: subscription_id(number),
        tenant: acme(),
        name: SubscriptionName::parse(name).unwrap(),
        description: Some("A kiosk's hook".to_owned()),
        url: "https://receiver.example.com/hook".to_owned(),
        event_types: types.iter().copied().collect(),
        activity: Activity::Enabled { since: at(0) },
        send: Send::Always,
        building_ref_ids: [building_id("HQ")].into(),
        auth: AuthKind::None,
        custom_header_names: [].into(),
        key_values: KeyValues::default(),
        contacts: [].into(),
        secret_name: "spacehook/test/acme/sub".to_owned(),
        secret_version: "1".to_owned(),
        created_at: at(0),
        updated_at: at(0),
        revision: 1,
    }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}
