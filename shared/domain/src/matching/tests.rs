use super::*;
use crate::event::{About, Change, EventSensorGroup};
use crate::filter::Filter;
use crate::ids::{BuildingRefId, FloorRefId, SpaceRefId, TenantId};
use crate::stream::Subject;
use crate::subscription::{Activity, DisabledReason};
use crate::test_data::{event, sensor_group, subscription};
use serde_json::json;

const UNCHANGED: Change = Change { occupancy_changed: false, first_of_hour: false };

#[test]
fn each_condition_is_named() {
    let sent = event(serde_json::json!({}));
    assert_eq!(check(&subscription(), &sent), Ok(()));

    let mut foreign = sent.clone();
    foreign.tenant = TenantId::parse("other").unwrap();
    assert_eq!(check(&subscription(), &foreign), Err(ConditionCode::Tenant));

    let mut disabled = subscription();
    let since = disabled.created_at;
    disabled.activity = Activity::Disabled { since, reason: DisabledReason::ByRequest };
    assert_eq!(check(&disabled, &sent), Err(ConditionCode::Enabled));

    let mut other_type = subscription();
    other_type.event_types = [EventType::SpaceAvailability].into();
    assert_eq!(check(&other_type, &sent), Err(ConditionCode::EventType));

    let mut elsewhere = subscription();
    elsewhere.building_ref_ids = [BuildingRefId::parse("building_2").unwrap()].into();
    assert_eq!(check(&elsewhere, &sent), Err(ConditionCode::Building));
    elsewhere.building_ref_ids.insert(BuildingRefId::parse("building_1").unwrap());
    assert_eq!(check(&elsewhere, &sent), Ok(()));
}

#[test]
fn on_change_sends_changes_and_the_first_of_the_hour() {
    let mut subscription = subscription();
    let table = [
        (Send::Always, UNCHANGED, Ok(())),
        (Send::OnChange, UNCHANGED, Err(ConditionCode::OnChange)),
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

fn filtered(filter: serde_json::Value) -> Subscription {
    Subscription { filter: Some(Filter::parse(filter).unwrap()), ..subscription() }
}

fn disabled(subscription: Subscription) -> Subscription {
    let since = subscription.created_at;
    Subscription { activity: Activity::Disabled { since, reason: DisabledReason::ByRequest }, ..subscription }
}

#[test]
fn floors_and_spaces_are_filters_in_the_buildings_listed() {
    let floor = |name: &str| FloorRefId::parse(name).unwrap();
    let mut on_floor = event(json!({}));
    let About::Space(space) = &mut on_floor.about else { panic!("of a space") };
    space.floor_ref_id = Some(floor("floor_1"));
    let mut wanted = subscription();
    wanted.floor_ref_ids = [floor("floor_1"), floor("floor_2")].into();
    assert_eq!(check(&wanted, &on_floor), Ok(()));
    assert_eq!(check(&wanted, &event(json!({}))), Err(ConditionCode::Floor), "the space is on no floor");
    wanted.space_ref_ids = [SpaceRefId::parse("room_1").unwrap()].into();
    assert_eq!(check(&wanted, &on_floor), Ok(()));
    wanted.space_ref_ids = [SpaceRefId::parse("room_2").unwrap()].into();
    assert_eq!(check(&wanted, &on_floor), Err(ConditionCode::Space));
    wanted.building_ref_ids = [BuildingRefId::parse("building_2").unwrap()].into();
    assert_eq!(check(&wanted, &on_floor), Err(ConditionCode::Building), "the building is looked at first");

    let mut of_no_space = on_floor;
    of_no_space.about = About::Subject(Subject::parse("x").unwrap());
    assert_eq!(check(&wanted, &of_no_space), Ok(()), "no list is about an event without a space");
}

#[test]
fn a_named_group_is_of_its_building_and_of_no_floor_or_space() {
    let of_group = |building| {
        let about = About::SensorGroup(EventSensorGroup::from(&sensor_group(&["a"], building)));
        Event { about, ..event(json!({})) }
    };
    let of = |buildings: &[&str]| Subscription {
        building_ref_ids: buildings.iter().map(|id| BuildingRefId::parse(*id).unwrap()).collect(),
        ..subscription()
    };
    for (listed, building, expected) in [
        (&[][..], None, Ok(())),
        (&["building_1"][..], Some("building_1"), Ok(())),
        (&["building_1"][..], Some("building_2"), Err(ConditionCode::Building)),
        (&["building_1"][..], None, Err(ConditionCode::Building)),
    ] {
        assert_eq!(check(&of(listed), &of_group(building)), expected, "{listed:?} {building:?}");
    }
    let in_rooms = Subscription { space_ref_ids: [SpaceRefId::parse("room_1").unwrap()].into(), ..of(&[]) };
    assert_eq!(check(&in_rooms, &of_group(Some("building_1"))), Err(ConditionCode::Space));
    let sentences: Vec<_> =
        conditions(&of(&["building_1"]), &of_group(None)).into_iter().map(|it| it.sentence).collect();
    assert!(sentences[3].contains("The group of sensors is of no building"), "{sentences:?}");
}

#[test]
fn a_filter_looks_at_the_record() {
    let wanted = filtered(json!({"person_count": [{"numeric": [">", 3]}]}));
    assert_eq!(check(&wanted, &event(json!({"person_count": 4}))), Ok(()));
    assert_eq!(check(&wanted, &event(json!([{"person_count": 4}]))), Ok(()), "in an array, too");
    assert_eq!(check(&wanted, &event(json!({"person_count": 3}))), Err(ConditionCode::Filter));
}

#[test]
fn what_a_disabled_subscription_wants_it_still_wants() {
    let sent = event(json!({"a": 1}));
    assert_eq!(wants(&disabled(subscription()), &sent), Ok(()));
    assert_eq!(check(&disabled(subscription()), &sent), Err(ConditionCode::Enabled));
    let other = disabled(filtered(json!({"a": [2]})));
    assert_eq!(check(&other, &sent), Err(ConditionCode::Filter), "enabling it would change nothing");
}

#[test]
fn nobody_is_told_of_itself() {
    let mut of_itself = event(json!({}));
    of_itself.about = About::Subject(Subject::from(&subscription().id));
    assert_eq!(check(&subscription(), &of_itself), Err(ConditionCode::AboutItself));
}

#[test]
fn each_condition_is_said_with_its_values() {
    let mut wanted = disabled(filtered(json!({"person_count": [5], "state": ["open"]})));
    wanted.event_types = [EventType::SpaceAvailability].into();
    wanted.building_ref_ids = [BuildingRefId::parse("building_2").unwrap()].into();
    wanted.floor_ref_ids = [FloorRefId::parse("floor_1").unwrap()].into();
    wanted.send = Send::OnChange;
    let mut report = event(json!({"person_count": 0}));
    report.change = UNCHANGED;
    let told: Vec<_> = conditions(&wanted, &report)
        .into_iter()
        .map(|condition| format!("{} {}: {}", condition.code, condition.holds, condition.sentence))
        .collect();
    let expected = [
        "tenant true: The event is of the subscription's tenant.",
        "event_type false: The event is of the type space_report; the subscription lists 'space_availability'.",
        "about_itself true: The event is not about this subscription.",
        "building false: The event is of the building 'building_1'; the subscription lists 'building_2'.",
        "floor false: The space of the event is on no floor; the subscription lists 'floor_1'.",
        "space true: The subscription lists no space, so all are meant.",
        "on_change false: send is on_change: neither people nor signs of life changed, and it is not the first report of \
         the hour.",
        "filter false: The filter does not match: person_count is 0, and wanted is [5]; state is not there, and wanted is \
         [\"open\"].",
        "enabled false: The subscription was disabled at 2025-10-09T08:53:20Z, by request; what it wants is kept until it \
         is enabled.",
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_is_said_is_what_is_done() {
    let base = event(json!({"a": 1}));
    let foreign = Event { tenant: TenantId::parse("other").unwrap(), ..base.clone() };
    let quiet = Event { change: UNCHANGED, ..base.clone() };
    let on_change = Subscription { send: Send::OnChange, ..subscription() };
    for subscription in [subscription(), disabled(subscription()), filtered(json!({"a": [2]})), on_change] {
        for event in [&base, &foreign, &quiet] {
            let told = conditions(&subscription, event);
            let first = told.iter().find(|condition| !condition.holds).map(|condition| condition.code);
            assert_eq!(check(&subscription, event).err(), first);
            let first = first.filter(|code| *code != ConditionCode::Enabled);
            assert_eq!(wants(&subscription, event).err(), first);
        }
    }
}
