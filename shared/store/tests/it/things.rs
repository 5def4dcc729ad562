//! Small things that tests of several modules need.

use jiff::{SignedDuration, Timestamp};
use spacehook_domain::backlog::Kept;
use spacehook_domain::event::{About, Change, EVENT_VERSION, Event, EventSpace, EventType};
use spacehook_domain::ids::{
    BuildingRefId, FloorRefId, SensorId, Sequence, SpaceId, SpaceRefId, SubscriptionId, SubscriptionKey, TenantId,
};
use spacehook_domain::key_values::KeyValues;
use spacehook_domain::metadata::Metadata;
use spacehook_domain::observed::ObservedId;
use spacehook_domain::place::{Building, Floor, Sensor, SpaceKey};
use spacehook_domain::settings::Settings;
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::{Activity, AuthKind, BacklogMode, Send, Subscription, SubscriptionName};
use spacehook_store::SpaceDraft;
use uuid::Uuid;

pub(crate) fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// A time: so many seconds after some start of a quarter of an hour.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-03-29T01:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

pub(crate) fn space_id(number: u64) -> ObservedId {
    ObservedId::Space(SpaceId(number))
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
    Building { building_ref_id: building_id(name), name: None, settings: Settings::default() }
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
        settings: Settings::default(),
    }
}

pub(crate) fn space_key(building: &str, space: &str) -> SpaceKey {
    draft(building, None, space).key()
}

pub(crate) fn sensor(name: &str, building: &str, space: &str) -> Sensor {
    Sensor {
        sensor_id: sensor_id(name),
        space: space_key(building, space),
        name: None,
        profile: None,
        sensor_group_ref_ids: [].into(),
    }
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
        floor_ref_ids: [].into(),
        space_ref_ids: [].into(),
        filter: None,
        backlog: BacklogMode::All,
        rate_limit_per_second: None,
        auth: AuthKind::None,
        custom_header_names: [].into(),
        key_values: KeyValues::default(),
        contacts: [].into(),
        metadata: Metadata::default(),
        secret_name: "spacehook/test/acme/sub".to_owned(),
        secret_version: "1".to_owned(),
        auth_header_name: None,
        own_secret_arn: None,
        previous_signing_secret_until: None,
        created_at: at(0),
        updated_at: at(0),
        revision: 1,
    }
}

/// A type of the tenant's own.
pub(crate) fn own_type() -> EventType {
    EventType::parse("acme.door_opened").unwrap()
}

pub(crate) fn subscription_key(number: u128) -> SubscriptionKey {
    SubscriptionKey { tenant: acme(), id: subscription_id(number) }
}

/// The event that the history of a space has at a place.
pub(crate) fn event(space: u64, sequence: u64) -> Event {
    let (space_id, sequence) = (SpaceId(space), Sequence(sequence));
    Event {
        version: EVENT_VERSION,
        id: Event::derived_id(&acme(), Stream::of_space(space_id), EventType::SpaceReport, sequence, at(1)),
        tenant: acme(),
        event_type: EventType::SpaceReport,
        sequence,
        about: About::Space(EventSpace {
            space_id,
            building_ref_id: building_id("HQ"),
            floor_ref_id: None,
            space_ref_id: SpaceRefId::parse("room").unwrap(),
        }),
        occurred_at: at(0),
        received_at: at(1),
        trace: None,
        change: Change { occupancy_changed: true, first_of_hour: false },
        test: false,
        // Numbers that DynamoDB would write in another way, were they numbers there.
        data: serde_json::json!({"person_count": 2, "temperature": 21.0, "tiny": 1e-7, "note": "é #\u{1f3e2}"}),
    }
}

/// Its delivery, waiting.
pub(crate) fn kept(space: u64, sequence: u64) -> Kept {
    Kept { event: event(space, sequence), kept_at: at(100), replayed: false }
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

/// The stream of a space.
pub(crate) fn stream(space: u64) -> Stream {
    Stream::of_space(SpaceId(space))
}
