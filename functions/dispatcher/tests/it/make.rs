//! Tenants, subscriptions and events, as tests want them.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use spacehook_domain::event::{About, Change, EVENT_VERSION, Event, EventSpace, EventType};
use spacehook_domain::ids::{BuildingRefId, Sequence, SpaceId, SpaceRefId, SubscriptionId, TenantId};
use spacehook_domain::key_values::KeyValues;
use spacehook_domain::metadata::Metadata;
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::{Activity, AuthKind, BacklogMode, Send, Subscription, SubscriptionName};
use spacehook_domain::trace::TraceId;
use std::collections::BTreeSet;
use std::time::Duration;

/// When the virtual clock starts, in seconds since 1970.
const EPOCH_S: i64 = 1_770_000_000;

/// So long after the virtual clock's start.
pub(crate) fn at(elapsed: Duration) -> Timestamp {
    Timestamp::from_second(EPOCH_S).unwrap() + SignedDuration::try_from(elapsed).unwrap()
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

/// A subscription to reports, enabled an hour ago.
pub(crate) fn subscription(owner: &str, number: u128, host: &str) -> Subscription {
    let made = at(Duration::ZERO) - SignedDuration::from_hours(1);
    Subscription {
        id: SubscriptionId::from_uuid(uuid::Uuid::from_u128(number)),
        tenant: tenant(owner),
        name: SubscriptionName::parse(format!("receiver {number}")).unwrap(),
        description: None,
        url: format!("https://{host}/hook"),
        event_types: [EventType::SpaceReport].into(),
        activity: Activity::Enabled { since: made },
        send: Send::Always,
        building_ref_ids: BTreeSet::new(),
        floor_ref_ids: BTreeSet::new(),
        space_ref_ids: BTreeSet::new(),
        filter: None,
        backlog: BacklogMode::All,
        rate_limit_per_second: None,
        auth: AuthKind::Bearer,
        custom_header_names: BTreeSet::new(),
        key_values: KeyValues::default(),
        contacts: BTreeSet::new(),
        metadata: Metadata::default(),
        secret_name: format!("secret {number}"),
        secret_version: "1".to_owned(),
        auth_header_name: None,
        own_secret_arn: None,
        previous_signing_secret_until: None,
        created_at: made,
        updated_at: made,
        revision: 1,
    }
}

/// A type of a tenant's own.
pub(crate) fn own_type() -> EventType {
    EventType::parse("acme.door_opened").unwrap()
}

/// The types that tests send.
pub(crate) fn types() -> [EventType; 3] {
    [EventType::SpaceReport, EventType::SpaceAvailability, own_type()]
}

/// What happened in a space of building `b` a minute before, and is heard of now.
pub(crate) fn event(owner: &str, space: u64, event_type: EventType, sequence: u64, now: Timestamp) -> Event {
    let happened = now - SignedDuration::from_mins(1);
    Event {
        version: EVENT_VERSION,
        id: Event::derived_id(&tenant(owner), Stream::of_space(SpaceId(space)), event_type, Sequence(sequence), now),
        tenant: tenant(owner),
        event_type,
        sequence: Sequence(sequence),
        about: About::Space(EventSpace {
            space_id: SpaceId(space),
            building_ref_id: BuildingRefId::parse("b").unwrap(),
            floor_ref_id: None,
            space_ref_id: SpaceRefId::parse("s").unwrap(),
        }),
        occurred_at: happened,
        received_at: now,
        trace: Some(trace()),
        change: Change { occupancy_changed: true, first_of_hour: false },
        test: false,
        data: json!({"event_type": event_type.as_str(), "space": space}),
    }
}

/// The trace of every event.
pub(crate) fn trace() -> TraceId {
    TraceId::parse("5759e988bd862e3fe1be46a994272793").unwrap()
}

/// The stream of a space.
pub(crate) fn stream(space: u64) -> Stream {
    Stream::of_space(SpaceId(space))
}
