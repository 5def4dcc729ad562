//! Small things that tests of several modules need.

use crate::event::{About, Change, EVENT_VERSION, Event, EventSpace, EventType};
use crate::failure::FailureReason;
use crate::ids::{
    BuildingRefId, SensorGroupId, SensorGroupRefId, SensorId, Sequence, SpaceId, SpaceRefId, SubscriptionId, TenantId,
};
use crate::place::{SensorGroup, Space};
use crate::settings::Settings;
use crate::stream::Stream;
use crate::subscription::{Activity, AuthKind, BacklogMode, Send, Subscription, SubscriptionName};
use jiff::Timestamp;

pub(crate) fn tenant() -> TenantId {
    TenantId::parse("acme").unwrap()
}

pub(crate) fn space(sensors: &[&str]) -> Space {
    Space {
        space_id: SpaceId(7),
        building_ref_id: BuildingRefId::parse("building_1").unwrap(),
        floor_ref_id: None,
        space_ref_id: SpaceRefId::parse("room_1").unwrap(),
        name: None,
        sensor_ids: sensors.iter().map(|id| SensorId::parse(*id).unwrap()).collect(),
        settings: Settings::default(),
    }
}

/// The same sensors as a named group, of the building where it is one's.
pub(crate) fn sensor_group(sensors: &[&str], building: Option<&str>) -> SensorGroup {
    SensorGroup {
        sensor_group_id: SensorGroupId(7),
        sensor_group_ref_id: SensorGroupRefId::parse("west").unwrap(),
        building_ref_id: building.map(|id| BuildingRefId::parse(id).unwrap()),
        name: None,
        sensor_ids: space(sensors).sensor_ids,
        settings: Settings::default(),
    }
}

pub(crate) fn event(data: serde_json::Value) -> Event {
    let at = Timestamp::from_second(1_770_000_000).unwrap();
    Event {
        version: EVENT_VERSION,
        id: Event::derived_id(&tenant(), Stream::of_space(SpaceId(7)), EventType::SpaceReport, Sequence(1), at),
        tenant: tenant(),
        event_type: EventType::SpaceReport,
        sequence: Sequence(1),
        about: About::Space(EventSpace::from(&space(&[]))),
        occurred_at: at,
        received_at: at,
        trace: None,
        change: Change { occupancy_changed: true, first_of_hour: false },
        test: false,
        data,
    }
}

pub(crate) fn subscription() -> Subscription {
    let at = Timestamp::from_second(1_760_000_000).unwrap();
    Subscription {
        id: SubscriptionId::from_uuid(uuid::Uuid::from_u128(1)),
        tenant: tenant(),
        name: SubscriptionName::parse("kiosk").unwrap(),
        description: None,
        url: "https://receiver.example.com/hook".to_owned(),
        event_types: [EventType::SpaceReport].into(),
        activity: Activity::Enabled { since: at },
        send: Send::Always,
        building_ref_ids: [].into(),
        floor_ref_ids: [].into(),
        space_ref_ids: [].into(),
        filter: None,
        backlog: BacklogMode::All,
        rate_limit_per_second: None,
        auth: AuthKind::None,
        custom_header_names: [].into(),
        key_values: crate::key_values::KeyValues::default(),
        contacts: [].into(),
        metadata: crate::metadata::Metadata::default(),
        secret_name: "spacehook/test/acme/sub".to_owned(),
        secret_version: "1".to_owned(),
        auth_header_name: None,
        own_secret_arn: None,
        previous_signing_secret_until: None,
        created_at: at,
        updated_at: at,
        revision: 1,
    }
}

pub(crate) fn http_failure(status: u16) -> FailureReason {
    FailureReason::from_http_status(status)
}
