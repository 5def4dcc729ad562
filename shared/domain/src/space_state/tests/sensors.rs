//! What is told of single sensors and of groups.

use super::*;
use crate::catalogue;
use crate::counter::{Counting, Totals};
use crate::schema::{Schema, Work};
use crate::settings::{MinimumChange, Settings};

fn everything() -> BTreeSet<EventType> {
    EventType::BUILT_IN.into()
}

fn only(wanted: &[EventType]) -> BTreeSet<EventType> {
    wanted.iter().copied().collect()
}

/// Bodies of the events of these types, each of which is as the catalogue says.
fn told(wanted: &[EventType], state: &mut SpaceState, space: &Space, reading: &Reading) -> Vec<serde_json::Value> {
    let events = take_of(&only(wanted), state, space, reading);
    events
        .into_iter()
        .map(|event| {
            assert_fits(&event);
            event.data
        })
        .collect()
}

pub(super) fn assert_fits(event: &Event) {
    let schema = Schema::parse(&catalogue::entry(event.event_type).unwrap().schema).unwrap();
    let wrong = schema.check(&event.data, &mut Work::of_steps(100_000)).unwrap();
    assert!(wrong.is_empty(), "{wrong:?}: {}", event.data);
}

pub(super) fn battery(percent: f64) -> Measurements {
    Measurements { battery: Some(BatteryPercent::new(percent).unwrap()), ..Measurements::default() }
}

pub(super) fn motion(moved: bool) -> Measurements {
    Measurements { motion_detected: Some(moved), ..Measurements::default() }
}

pub(super) fn warmth(degrees: f64) -> Measurements {
    Measurements { temperature: Some(Celsius::new(degrees).unwrap()), ..Measurements::default() }
}

fn door(entries: u32, exits: u32) -> Measurements {
    Measurements { totals: Some(Totals { entries, exits, counting: Counting::default() }), ..Measurements::default() }
}

/// The same, arrived so much later.
fn late(seconds: i64, reading: Reading) -> Reading {
    Reading { received_at: reading.observed_at + jiff::SignedDuration::from_secs(seconds), ..reading }
}

#[test]
fn a_sensor_report_says_what_the_reading_says() {
    let said = Measurements {
        coordinates: Some(vec![Coordinate(Metres::new(1.0).unwrap(), Metres::new(2.5).unwrap())]),
        distances: Some(vec![Metres::new(2.8).unwrap()]),
        co2: Some(Co2Ppm::new(749.0).unwrap()),
        battery: Some(BatteryPercent::new(5.0).unwrap()),
        totals: door(7, 3).totals,
        ..count(1)
    };
    let mut state = SpaceState::default();
    let [body] = &told(&[EventType::SensorReport], &mut state, &space(&["a"]), &reading("a", 0, said))[..] else {
        panic!("one event")
    };
    assert_eq!(
        *body,
        json!({
            "event_type": "sensor_report", "timestamp": "2026-02-02T02:40:00Z",
            "building_ref_id": "building_1", "floor_ref_id": null, "space_ref_id": "room_1", "sensor_id": "a",
            "backfilled": false, "revised": false, "person_count": 1, "signs_of_life": null, "motion_detected": null,
            "people": {"count": 1, "coordinates": [[[1.0, 2.5]]], "distances": {"units": "meters", "values": [2.8]}},
            "environment": {"co2": {"units": "ppm", "value": 749.0}, "sensor": "a", "timestamp": "2026-02-02T02:40:00Z"},
            "entries_total": 7, "exits_total": 3, "battery": 5.0, "battery_health": "replace_now"
        })
    );
}

#[test]
fn history_is_told_once_and_changes_nothing() {
    let (mut state, space) = (SpaceState::default(), space(&["a"]));
    take_of(&everything(), &mut state, &space, &reading("a", 1_000, count(1)));
    let before = state.clone();
    for second in [400, 500] {
        let old = late(3_600, reading("a", second, count(0)));
        let events = take_of(&everything(), &mut state, &space, &old);
        assert_eq!(spoken(&events), [EventType::SensorReport]);
        assert_eq!((&events[0].data["backfilled"], events[0].occurred_at), (&json!(true), at(second)));
        assert_eq!(take_of(&everything(), &mut state, &space, &old), []);
    }
    assert_eq!((state.sensors(), state.aggregate()), (before.sensors(), before.aggregate()));
    assert_eq!(state.observed_at(), before.observed_at());
    assert_eq!(take_of(&everything(), &mut state, &space, &reading("a", 1_000, count(1))), [], "nor is a repeat");
    // What is new in part is no history.
    let part = reading("a", 600, Measurements { battery: battery(50.0).battery, ..count(0) });
    let reports = told(&[EventType::SensorReport], &mut state, &space, &part);
    assert_eq!(reports[0]["backfilled"], false);
}

#[test]
fn a_repeat_that_comes_when_it_is_old_is_no_history() {
    let (mut state, space) = (SpaceState::default(), space(&["a"]));
    for second in 0..20 {
        take_of(&everything(), &mut state, &space, &reading("a", second, count(1)));
    }
    for second in 0..20 {
        assert_eq!(take_of(&everything(), &mut state, &space, &late(60, reading("a", second, count(1)))), []);
    }
}

#[test]
fn who_does_not_listen_to_reports_of_sensors_pays_nothing_for_them() {
    let (mut state, space) = (SpaceState::default(), space(&["a"]));
    take_of(&everything(), &mut state, &space, &reading("a", 0, count(1)));
    assert!(serde_json::to_string(&state).unwrap().contains("told"));
    take(&mut state, &space, &reading("a", 1, count(0)));
    assert!(!serde_json::to_string(&state).unwrap().contains("told"));
}

#[test]
fn of_two_values_of_one_time_the_later_counts_for_five_minutes() {
    let (mut state, space) = (SpaceState::default(), space(&["a"]));
    let people = |state: &SpaceState| state.aggregate().person_count.0;
    take(&mut state, &space, &late(10, reading("a", 0, count(9))));
    let revised = late(290, reading("a", 0, count(0)));
    let events = take_of(&everything(), &mut state.clone(), &space, &revised);
    let types = spoken(&events);
    assert!(types.contains(&EventType::SpaceReport) && types.contains(&EventType::SpaceAvailability), "{types:?}");
    assert_eq!((types[0], &events[0].data["revised"]), (EventType::SensorReport, &json!(true)));
    take(&mut state, &space, &revised);
    assert_eq!(people(&state), 0);

    assert_eq!(take(&mut state, &space, &late(11, reading("a", 0, count(5)))), [], "it came in between");
    assert_eq!(take(&mut state, &space, &late(301, reading("a", 0, count(5)))), [], "it came too late");
    assert_eq!(people(&state), 0);
    // The same again is no news, but it is what arrived last.
    assert_eq!(take(&mut state, &space, &late(300, reading("a", 0, count(0)))), []);
    assert_eq!(take(&mut state, &space, &late(295, reading("a", 0, count(5)))), []);
    assert_eq!(people(&state), 0);
}

#[test]
fn changed_values_of_a_sensor_are_told() {
    let wanted = [EventType::SensorDeviceReadingUpdated];
    let (mut state, space) = (SpaceState::default(), space(&["a"]));
    let mut bodies = Vec::new();
    for (second, degrees) in [(0, 20.0), (1, 20.0), (2, 20.5)] {
        bodies.extend(told(&wanted, &mut state, &space, &reading("a", second, warmth(degrees))));
    }
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[1]["reading"], json!({"observed_at": "2026-02-02T02:40:02Z", "temperature": 20.5}));
    assert!(told(&wanted, &mut state, &space, &reading("a", 1, warmth(1.0))).is_empty(), "history");
}

#[test]
fn a_minimum_holds_back_what_changes_too_little() {
    let minimum_change = MinimumChange::read(&json!({"temperature": 0.5})).unwrap();
    let settings = Settings { minimum_change, ..Settings::default() };
    let (mut state, space) = (SpaceState::default(), Space { settings, ..space(&["a"]) });
    let wanted = &only(&[EventType::SensorDeviceReadingUpdated, EventType::SensorDeviceGroupReadingUpdated]);
    let occasion = Occasion { tenant: &tenant(), of: &space.into(), trace: None, wanted };
    let events: Vec<_> = (0..5)
        .map(|step| {
            let warm = reading("a", i64::from(step), warmth(20.0 + f64::from(step) * 0.25));
            spoken(&state.take(occasion, &warm, Silence::default())).len()
        })
        .collect();
    assert_eq!(events, [2, 0, 2, 0, 2], "of the sensor and of the group");
}

#[test]
fn what_is_made_of_a_sensors_readings_is_told_when_it_changes() {
    let wanted = [EventType::SensorDeviceStateUpdated];
    let (mut state, space) = (SpaceState::default(), space(&["a"]));
    let mut states = Vec::new();
    let news = [battery(90.0), battery(80.0), count(1), count(2), battery(10.0), life(true), count(0), warmth(20.0)];
    for (second, said) in (0..).zip(news.into_iter().chain([life(false)])) {
        states.extend(told(&wanted, &mut state, &space, &reading("a", second, said)));
    }
    let states: Vec<_> = states
        .iter()
        .map(|body| (body["state"]["availability"].as_str(), body["state"]["battery_health"].as_str()))
        .collect();
    assert_eq!(
        states,
        [
            (None, Some("healthy")),
            (Some("occupied"), Some("healthy")),
            (Some("occupied"), Some("replace_soon")),
            (Some("available"), Some("replace_soon"))
        ]
    );
}

#[test]
fn the_sensors_of_a_space_are_a_group() {
    let (mut state, space) = (SpaceState::default(), space(&["a", "b"]));
    let wanted = [EventType::SensorDeviceGroupReadingUpdated, EventType::SensorDeviceGroupStateUpdated];
    let mut bodies = Vec::new();
    for (sensor, second, said) in
        [("a", 0, count(1)), ("b", 1, count(2)), ("b", 2, count(2)), ("a", 3, count(0)), ("b", 4, count(0))]
    {
        bodies.extend(told(&wanted, &mut state, &space, &reading(sensor, second, said)));
    }
    let said: Vec<_> = bodies
        .iter()
        .map(|body| (body["reading"]["person_count"].as_u64(), body["state"]["availability"].as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (Some(1), None),
            (None, Some("occupied")),
            (Some(3), None),
            (Some(2), None),
            (Some(0), None),
            (None, Some("available"))
        ]
    );
    assert_eq!(bodies[0]["sensor_group"], json!({"id": "room_1", "sensor_ids": ["a", "b"]}));
}

#[test]
fn silence_is_told_by_both_names_and_of_the_group() {
    let (mut state, space) = (SpaceState::default(), space(&["a"]));
    take(&mut state, &space, &reading("a", 0, count(1)));
    let events = look(&mut state, &space, &everything(), at(3_600));
    events.iter().for_each(assert_fits);
    assert_eq!(
        spoken(&events),
        [
            EventType::SensorReadingStale,
            EventType::SensorDeviceReadingStale,
            EventType::DeviceHealthStatusLostCommunication,
            EventType::SpaceStale,
            EventType::SensorDeviceGroupReadingStale
        ]
    );
    assert_eq!(events[4].data["last_reading_at"], "2026-02-02T02:40:00Z");
}

#[test]
fn motion_is_told_once_after_a_report_of_nobody() {
    let (mut state, space) = (SpaceState::default(), space(&["a", "pir"]));
    let mut fires = |sensor, second, said| {
        told(&[EventType::PirTriggered], &mut state, &space, &reading(sensor, second, said)).len()
    };
    assert_eq!(fires("pir", 0, motion(true)), 0, "no report of 0 yet");
    assert_eq!(fires("pir", 1, motion(true)), 0, "its own report of 0 does not count");
    assert_eq!(fires("a", 2, count(0)), 0);
    assert_eq!(
        fires("pir", 1, Measurements { co2: Co2Ppm::new(400.0).ok(), ..motion(true) }),
        0,
        "of before the report"
    );
    assert_eq!(fires("a", 3, count(0)), 0);
    assert_eq!(fires("pir", 4, motion(true)), 1);
    assert_eq!(fires("pir", 5, motion(true)), 0, "once");
    assert_eq!(fires("a", 6, count(2)), 0);
    assert_eq!(fires("pir", 7, motion(true)), 0, "somebody is there");
    assert_eq!(fires("a", 8, count(0)), 0);
    assert_eq!(fires("pir", 9, motion(false)), 0);
    assert_eq!(fires("pir", 10, motion(true)), 1);
}

#[test]
fn two_doors_count_one_room() {
    let (mut state, space) = (SpaceState::default(), space(&["north", "south", "seat"]));
    let mut people = |sensor, second, said| {
        take(&mut state, &space, &reading(sensor, second, said));
        state.aggregate().person_count.0
    };
    assert_eq!(people("north", 0, door(100, 90)), 0);
    assert_eq!(people("south", 1, door(50, 50)), 0);
    assert_eq!(people("north", 2, door(105, 90)), 5);
    assert_eq!(people("south", 3, door(50, 52)), 3, "they came in by one and left by the other");
    assert_eq!(people("seat", 4, count(1)), 4);
    assert_eq!(people("south", 5, door(50, 60)), 0, "never less than nobody");
    assert_eq!(state.aggregate().availability, Some(Availability::Available));
    assert_eq!(state.sensors().values().filter_map(SensorState::availability).count(), 1, "a door can't tell alone");
}

#[test]
fn what_nobody_wants_is_not_made_and_only_the_space_counts_on() {
    let (mut silent, mut heard) = (SpaceState::default(), SpaceState::default());
    let space = space(&["a"]);
    for second in 0..3 {
        let said = reading("a", second, Measurements { battery: battery(50.0).battery, ..count(1) });
        assert_eq!(take_of(&BTreeSet::new(), &mut silent, &space, &said), []);
        take_of(&everything(), &mut heard, &space, &said);
    }
    assert_eq!(silent.sequence.0, 4, "three reports and one availability");
    assert_eq!(heard.sequence.0, 4 + 3 + 1 + 1 + 1 + 1, "and what is told of the sensor and of its group");
    assert_eq!((silent.sensors(), silent.aggregate()), (heard.sensors(), heard.aggregate()));
}
