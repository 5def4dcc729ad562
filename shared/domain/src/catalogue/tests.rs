use super::*;
use crate::device::{DeviceRecord, Registration, UpdatedApp};
use crate::event::EventSpace;
use crate::ids::{FloorRefId, SensorId, SubscriptionId};
use crate::notice::{Happened, Notice, Window};
use crate::payload::{
    Availability, DOCUMENTED_FIELDS, DeviceNews, Distances, Environment, MetresName, People, SpaceAvailability,
    SpaceReport, SpaceStale,
};
use crate::reading::{Celsius, Coordinate, IndoorAirQuality, Metres, PersonCount, RelativeHumidity};
use crate::schema::{Schema, Work};
use crate::shadow::App;
use crate::stats::Counts;
use crate::subscription::{Activity, DisabledReason, Subscription};
use crate::test_data;
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;

const PLENTY: u64 = 100_000;

fn violations(event_type: EventType, document: &Value) -> Vec<String> {
    let schema = Schema::parse(&entry(event_type).unwrap().schema).unwrap();
    let found = schema.check(document, &mut Work::of_steps(PLENTY)).unwrap();
    found.into_iter().map(|violation| format!("{}: {}", violation.pointer, violation.detail)).collect()
}

#[test]
fn there_is_an_entry_for_every_type_and_its_example_is_valid() {
    assert_eq!(entries().iter().map(|entry| entry.event_type).collect::<Vec<_>>(), EventType::BUILT_IN);
    for entry in entries() {
        let name = entry.event_type.as_str();
        assert_eq!(entry.schema["title"], name);
        assert_eq!(violations(entry.event_type, &entry.example), Vec::<String>::new(), "{name}");
        let record = entry.example.get(0).unwrap_or(&entry.example);
        assert_eq!(record["event_type"], name);
        assert!(entry.description.ends_with('.') && entry.description.chars().count() <= 400, "{name}");
    }
}

/// The schema of a record.
fn record(schema: &Value) -> &Value {
    schema.get("items").unwrap_or(schema)
}

#[test]
fn every_shape_is_closed_and_key_value_pairs_can_take_none_of_its_names() {
    for entry in entries() {
        let name = entry.event_type.as_str();
        assert_eq!(record(&entry.schema)["additionalProperties"], false, "{name}");
        let required = record(&entry.schema)["required"].as_array().unwrap();
        assert_eq!(required[..2], [json!("event_type"), json!("timestamp")], "{name}");
        for field in record(&entry.schema)["properties"].as_object().unwrap().keys() {
            assert!(DOCUMENTED_FIELDS.contains(&field.as_str()), "{name}: {field}");
        }
        let mut with_more = entry.example.clone();
        let place = if with_more.is_array() { &mut with_more[0] } else { &mut with_more };
        place["qqq"] = json!(1);
        let expected = if entry.example.is_array() { "/0/qqq: is not known" } else { "/qqq: is not known" };
        assert_eq!(violations(entry.event_type, &with_more), [expected], "{name}");
        let place = if with_more.is_array() { &mut with_more[0] } else { &mut with_more };
        place["event_type"] = json!("other");
        assert_eq!(violations(entry.event_type, &with_more).len(), 2, "{name}");
    }
}

#[test]
fn a_shape_asks_for_all_that_it_documents_as_required() {
    for entry in entries() {
        for field in record(&entry.schema)["required"].as_array().unwrap() {
            let mut without = entry.example.clone();
            let place = if without.is_array() { &mut without[0] } else { &mut without };
            assert!(place.as_object_mut().unwrap().remove(field.as_str().unwrap()).is_some());
            assert_eq!(violations(entry.event_type, &without).len(), 1, "{}: {field}", entry.event_type);
        }
    }
}

#[test]
fn derived_are_those_that_the_code_makes() {
    let derived: BTreeSet<_> =
        entries().iter().filter(|entry| entry.origin == Origin::Derived).map(|entry| entry.event_type).collect();
    assert_eq!(derived, EventType::BUILT_IN[..11].iter().copied().collect());
    let published = entries().iter().filter(|entry| entry.origin == Origin::Published);
    let groups: BTreeSet<_> = published.map(|entry| entry.group).collect();
    assert_eq!(groups, [Group::Visitor, Group::Reservation, Group::Analytics, Group::User].into());
}

fn at() -> Timestamp {
    "2026-02-02T14:20:00.123Z".parse().unwrap()
}

fn place(floor: Option<&str>) -> EventSpace {
    let space = EventSpace::from(&test_data::space(&[]));
    EventSpace { floor_ref_id: floor.map(|floor| FloorRefId::parse(floor).unwrap()), ..space }
}

fn sensors() -> BTreeSet<SensorId> {
    ["VS0-123", "VS1-321"].map(|id| SensorId::parse(id).unwrap()).into()
}

fn assert_valid(event_type: EventType, document: impl serde::Serialize) {
    let document = serde_json::to_value(document).unwrap();
    assert_eq!(violations(event_type, &document), Vec::<String>::new(), "{document}");
}

#[test]
fn what_the_code_makes_of_spaces_is_valid() {
    let metres = |value| Metres::new(value).unwrap();
    let full = SpaceReport {
        building_ref_id: Some(place(None).building_ref_id),
        floor_ref_id: place(Some("f")).floor_ref_id,
        space_ref_id: Some(place(None).space_ref_id),
        space_id: place(None).space_id,
        event_type: EventType::SpaceReport,
        timestamp: at(),
        person_count: PersonCount(1),
        signs_of_life: Some(true),
        motion_detected: Some(false),
        people: People {
            count: PersonCount(1),
            coordinates: vec![vec![], vec![Coordinate(metres(1.5), metres(-0.5))]],
            distances: Some(Distances { units: MetresName::Documented, values: vec![metres(2.0)] }),
        },
        sensor_ids: sensors(),
        environment: Some(Environment {
            humidity: Some(RelativeHumidity::new(40.0).unwrap().into()),
            iaq: Some(IndoorAirQuality::new(51.0).unwrap().into()),
            sensor: SensorId::parse("VS1-321").unwrap(),
            temperature: Some(Celsius::new(-3.5).unwrap().into()),
            timestamp: at(),
        }),
    };
    let plain = SpaceReport {
        building_ref_id: None,
        floor_ref_id: None,
        space_ref_id: None,
        signs_of_life: None,
        motion_detected: None,
        people: People { count: PersonCount(1), coordinates: vec![], distances: None },
        environment: None,
        ..full.clone()
    };
    assert_valid(EventType::SpaceReport, full);
    assert_valid(EventType::SpaceReport, plain);
    for (state, passively) in [(Availability::Available, None), (Availability::Occupied, Some(true))] {
        let record = SpaceAvailability::new(place(Some("f")), sensors(), at(), state, passively);
        assert_valid(EventType::SpaceAvailability, [record]);
    }
    for last in [None, Some(at())] {
        assert_valid(EventType::SpaceStale, SpaceStale::new(place(None), sensors(), at(), last));
    }
}

#[test]
fn what_the_code_makes_of_registrations_and_shadows_is_valid() {
    let sensor = SensorId::parse("VS0-123").unwrap();
    let record = |event_type| DeviceRecord::new(event_type, at(), place(Some("f")), sensor.clone());
    for event_type in [EventType::DeviceRegistered, EventType::DeviceUnregistered, EventType::DeviceInSync] {
        assert_valid(event_type, record(event_type));
    }
    let out = EventType::DeviceOutOfSync;
    assert_valid(out, DeviceRecord { reason: Some("x".repeat(500)), ..record(out) });
    let (updated, app) = (EventType::DeviceAppUpdated, App { name: "n".to_owned(), version: "v".to_owned() });
    let app = UpdatedApp { app, previous_version: Some("u".to_owned()) };
    assert_valid(updated, DeviceRecord { app: Some(app), ..record(updated) });
    for registration in [Registration::Registered, Registration::Unregistered] {
        let draft = registration.draft(at(), place(None), &sensor);
        assert_eq!(draft.subject.unwrap().as_str(), sensor.as_str());
        assert_valid(registration.event_type(), draft.data);
    }
}

#[test]
fn what_the_code_makes_of_devices_is_valid() {
    for event_type in [
        EventType::SensorReadingStale,
        EventType::DeviceHealthStatusOnline,
        EventType::DeviceHealthStatusLostCommunication,
        EventType::DeviceHealthStatusOffline,
    ] {
        for (last_reading, last_seen) in [(None, None), (Some(at()), Some(at()))] {
            let sensor = SensorId::parse("x").unwrap();
            assert_valid(event_type, DeviceNews::new(place(None), sensor, event_type, at(), last_reading, last_seen));
        }
    }
}

#[test]
fn what_the_code_makes_of_subscriptions_is_valid() {
    let reasons = [
        DisabledReason::ByRequest,
        DisabledReason::Gone,
        DisabledReason::FailureRate { failures: 2, attempts: 3, window_hours: 24 },
    ];
    let disabled = reasons.map(|reason| (Happened::Disabled, Activity::Disabled { since: at(), reason }));
    let enabled = Happened::ALL.map(|happened| (happened, Activity::Enabled { since: at() }));
    for (happened, activity) in disabled.into_iter().chain(enabled) {
        let subscription = Subscription { activity, ..test_data::subscription() };
        let counts = Counts { attempts: 3, failures: 2, successes: 1, ..Counts::default() };
        let window = Window { hours: 24, enabled_since: at(), counts };
        for window in [None, Some(window)] {
            let notice = Notice::new(happened, at(), subscription.clone(), window, false);
            assert_valid(happened.event_type(), notice.event().data);
        }
    }
    assert!(
        SubscriptionId::parse(
            entry(EventType::SubscriptionEnabled).unwrap().example["subscription"]["id"].as_str().unwrap()
        )
        .is_ok()
    );
}
