//! What is stored reads back as it was, in every form that the domain has.

use super::*;
use jiff::Timestamp;
use proptest::prelude::*;
use spacehook_domain::attempt::{Attempt, Outcome};
use spacehook_domain::event::EventType;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::filter::Filter;
use spacehook_domain::ids::{EventId, FloorRefId, Sequence, SubscriptionId, TenantId};
use spacehook_domain::key_values::KeyValues;
use spacehook_domain::metadata::Metadata;
use spacehook_domain::retry::AttemptNumber;
use spacehook_domain::subscription::{
    Activity, AuthKind, BacklogMode, DisabledReason, EmailAddress, RateLimit, Send, Subscription, SubscriptionName,
};
use spacehook_domain::trace::TraceId;
use std::time::Duration;

fn key() -> Key {
    Key { pk: "T#acme".to_owned(), sk: "X".to_owned() }
}

fn at() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000_000_000).prop_map(|us| Timestamp::from_microsecond(us).unwrap())
}

fn activity() -> impl Strategy<Value = Activity> {
    prop_oneof![
        at().prop_map(|since| Activity::Enabled { since }),
        (at(), any::<u64>(), any::<u64>(), any::<u32>()).prop_map(|(since, failures, attempts, window_hours)| {
            Activity::Disabled { since, reason: DisabledReason::FailureRate { failures, attempts, window_hours } }
        }),
        at().prop_map(|since| Activity::Disabled { since, reason: DisabledReason::Gone }),
        at().prop_map(|since| Activity::Disabled { since, reason: DisabledReason::ByRequest }),
    ]
}

fn event_type() -> impl Strategy<Value = EventType> {
    let own = "[a-z][a-z0-9_]{0,20}".prop_filter_map("a built-in type", |name| EventType::parse(&name).ok());
    prop_oneof![prop::sample::select(EventType::BUILT_IN.to_vec()), own]
}

prop_compose! {
    fn subscription()(
        activity in activity(),
        description in prop::option::of("\\PC{0,20}"),
        types in prop::collection::btree_set(event_type(), 1..=2),
        keeps_latest in any::<bool>(), limit in prop::option::of(1_u32..=1_000),
        pairs in prop::collection::btree_map("x_[a-z]{1,8}", "\\PC{0,10}", 0..4),
        created_at in at(), updated_at in at(), revision in any::<u64>(), on_change in any::<bool>(),
    ) -> Subscription {
        Subscription {
            id: SubscriptionId::from_uuid(uuid::Uuid::from_u128(9)),
            tenant: TenantId::parse("acme").unwrap(),
            name: SubscriptionName::parse("Kiosk #1").unwrap(),
            description,
            url: "https://receiver.example.com/hook?a=%20".to_owned(),
            event_types: types,
            activity,
            send: if on_change { Send::OnChange } else { Send::Always },
            building_ref_ids: [].into(),
            floor_ref_ids: [FloorRefId::parse("1 #").unwrap()].into(),
            space_ref_ids: [].into(),
            // Numbers that DynamoDB would write in another way, or not take.
            filter: Filter::parse(serde_json::json!({"a": [300.0, 1e300, ""], "": [null]})).ok(),
            backlog: if keeps_latest { BacklogMode::Latest } else { BacklogMode::All },
            rate_limit_per_second: limit.map(|limit| RateLimit::new(limit).unwrap()),
            auth: AuthKind::CustomHeader,
            custom_header_names: ["x-key".to_owned()].into(),
            key_values: KeyValues::parse(pairs).unwrap(),
            contacts: [EmailAddress::parse("ops@example.com").unwrap()].into(),
            metadata: Metadata::parse([("erp".to_owned(), String::new())].into()).unwrap(),
            secret_name: "spacehook/test/acme/sub".to_owned(),
            secret_version: "1".to_owned(),
            auth_header_name: None,
            own_secret_arn: None,
            previous_signing_secret_until: Some(updated_at),
            created_at, updated_at, revision,
        }
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let reason = prop_oneof![
        (0_u64..100_000).prop_map(|ms| FailureReason::timeout(Duration::from_millis(ms))),
        (100_u16..1_000).prop_map(|status| FailureReason::HttpStatus { status }),
        Just(FailureReason::ConnectionRefused),
        prop::sample::select(vec!["tls_certificate_expired", "dns_no_such_host", "policy_loopback"])
            .prop_filter_map("a known reason", FailureReason::from_key),
    ];
    prop_oneof![
        (200_u16..300).prop_map(|status| Outcome::Accepted { status }),
        (reason, prop::option::of(100_u16..1_000), prop::option::of("\\PC{0,40}"))
            .prop_map(|(reason, status, answer)| Outcome::Failed { reason, status, answer }),
    ]
}

proptest! {
    #[test]
    fn subscriptions_read_back(subscription in subscription()) {
        let item = to_item(&key(), &subscription).unwrap();
        prop_assert_eq!(key_of(&item), key());
        prop_assert_eq!(from_item::<Subscription>(item).unwrap(), subscription);
    }

    #[test]
    fn attempts_read_back(
        outcome in outcome(), started_at in at(), number in any::<u32>(), duration_ms in any::<u64>(), freshness_ms in any::<u64>(),
    ) {
        let attempt = Attempt {
            event_id: EventId::at(Timestamp::UNIX_EPOCH, &[7; 32]),
        revision: 1,
        sequence: Sequence(1),
        superseded: None,
        space: None,
        sensor_group: None,
            event_type: EventType::SpaceReport,
            trace_id: TraceId::parse("5759e988bd862e3fe1be46a994272793").ok(),
            number: AttemptNumber(number),
            started_at, duration_ms, freshness_ms, outcome,
        };
        let item = to_item(&key(), &attempt).unwrap();
        prop_assert_eq!(from_item::<Attempt>(item).unwrap(), attempt);
    }
}

#[test]
fn an_unreadable_item_is_named() {
    let mut item = key_item(&key());
    item.insert("id".to_owned(), text("not an id"));
    let error = from_item::<Subscription>(item).unwrap_err();
    assert_eq!(error.unreadable_item(), Some(("T#acme", "X")));
    let item = [("n".to_owned(), text("many"))].into();
    assert!(counter(&item, "n").unwrap_err().unreadable_item().is_some());
    assert_eq!(counter(&item, "absent").unwrap(), 0);
}

#[test]
fn the_limit_is_of_the_whole_item() {
    let of = |bytes: usize| keyed(&key(), [("a".to_owned(), text("x".repeat(bytes)))].into());
    // pk, sk, "T#acme", "X", and the attribute's name.
    let rest = 2 + 2 + 6 + 1 + 1;
    assert!(of(ITEM_BYTES_LIMIT - rest).is_ok());
    let error = of(ITEM_BYTES_LIMIT - rest + 1).unwrap_err();
    assert!(error.is_too_large(), "{error}");
}
