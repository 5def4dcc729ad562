use super::*;
use crate::event::{Change, EventType};
use crate::ids::{BuildingRefId, TenantId};
use crate::subscription::{Activity, DisabledReason};
use crate::test_data::{event, subscription};

const UNCHANGED: Change = Change { occupancy_changed: false, first_of_hour: false };

#[test]
fn each_condition_is_named() {
    let sent = event(serde_json::json!({}));
    assert_eq!(check(&subscription(), &sent), Ok(()));

    let mut foreign = sent.clone();
    foreign.tenant = TenantId::parse("other").unwrap();
    assert_eq!(check(&subscription(), &foreign), Err(NotSent::OtherTenant));

    let mut disabled = subscription();
    let since = disabled.created_at;
    disabled.activity = Activity::Disabled { since, reason: DisabledReason::ByRequest };
    assert_eq!(check(&disabled, &sent), Err(NotSent::Disabled));

    let mut other_type = subscription();
    other_type.event_types = [EventType::SpaceAvailability].into();
    assert_eq!(check(&other_type, &sent), Err(NotSent::OtherType));

    let mut elsewhere = subscription();
    elsewhere.building_ref_ids = [BuildingRefId::parse("building_2").unwrap()].into();
    assert_eq!(check(&elsewhere, &sent), Err(NotSent::OtherBuilding));
    elsewhere.building_ref_ids.insert(BuildingRefId::parse("building_1").unwrap());
    assert_eq!(check(&elsewhere, &sent), Ok(()));
}

#[test]
fn on_change_sends_changes_and_the_first_of_the_hour() {
    let mut subscription = subscription();
    let table = [
        (Send::Always, UNCHANGED, Ok(())),
        (Send::OnChange, UNCHANGED, Err(NotSent::Unchanged)),
        (Send::OnChange, Change { occupancy_changed: true, first_of_hour: false }, Ok(())),
        (Send::OnChange, Change { occupancy_changed: false, first_of_hour: true }, Ok(())),
    ];
    for (send, change, expected) in table {
        subscription.send = send;
        let mut report = event(serde_json::json!({}));
        report.change = change;
        assert_eq!(check(&subscription, &report), expected, "{send:?} {change:?}");
    }
}

#[test]
fn on_change_never_holds_back_an_availability_event() {
    let mut subscription = subscription();
    subscription.send = Send::OnChange;
    subscription.event_types = [EventType::SpaceAvailability].into();
    let mut availability = event(serde_json::json!([]));
    availability.event_type = EventType::SpaceAvailability;
    availability.change = UNCHANGED;
    assert_eq!(check(&subscription, &availability), Ok(()));
}
