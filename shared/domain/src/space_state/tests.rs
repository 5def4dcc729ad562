use super::*;
use crate::ids::SensorId;
use crate::place::Space;
use crate::reading::PersonCount;
use crate::reading::{
    BatteryPercent, Celsius, Co2Ppm, Coordinate, IndoorAirQuality, Measurements, Metres, RelativeHumidity,
};
use crate::test_data::{space, tenant};
use proptest::prelude::*;
use serde_json::json;

mod day;
mod groups;
mod sensors;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_770_000_000 + second).unwrap()
}

fn reading(sensor: &str, second: i64, measurements: Measurements) -> Reading {
    Reading {
        sensor_id: SensorId::parse(sensor).unwrap(),
        observed_at: at(second),
        received_at: at(second),
        measurements,
    }
}

fn count(people: u32) -> Measurements {
    Measurements { person_count: Some(PersonCount(people)), ..Measurements::default() }
}

fn life(signs: bool) -> Measurements {
    Measurements { signs_of_life: Some(signs), ..Measurements::default() }
}

/// What happens where somebody hears of these types.
fn take_of(wanted: &BTreeSet<EventType>, state: &mut SpaceState, space: &Space, reading: &Reading) -> Vec<Event> {
    let occasion = Occasion { tenant: &tenant(), of: &space.clone().into(), trace: None, wanted };
    state.take(occasion, reading, Silence::default())
}

/// The types that are of the space itself.
fn of_spaces() -> BTreeSet<EventType> {
    EventType::BUILT_IN[..7].iter().copied().collect()
}

fn take(state: &mut SpaceState, space: &Space, reading: &Reading) -> Vec<Event> {
    take_of(&of_spaces(), state, space, reading)
}

fn look(state: &mut SpaceState, space: &Space, wanted: &BTreeSet<EventType>, now: Timestamp) -> Vec<Event> {
    state.look(Occasion { tenant: &tenant(), of: &space.clone().into(), trace: None, wanted }, now)
}

fn states(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .filter(|event| event.event_type == EventType::SpaceAvailability)
        .map(|event| event.data[0]["state"].as_str().unwrap())
        .collect()
}

#[test]
fn a_report_has_exactly_the_documented_shape() {
    let mut state = SpaceState::default();
    let said = Measurements {
        coordinates: Some(vec![Coordinate(Metres::new(1.0).unwrap(), Metres::new(2.5).unwrap())]),
        distances: Some(vec![Metres::new(2.8).unwrap()]),
        motion_detected: Some(true),
        temperature: Some(Celsius::new(23.7).unwrap()),
        humidity: Some(RelativeHumidity::new(26.2).unwrap()),
        iaq: Some(IndoorAirQuality::new(52.0).unwrap()),
        co2: Some(Co2Ppm::new(749.0).unwrap()),
        ..count(1)
    };
    let events = take(&mut state, &space(&["a", "b"]), &reading("a", 0, said));
    assert_eq!(
        events[0].data,
        json!({
            "building_ref_id": "building_1", "floor_ref_id": null, "space_ref_id": "room_1", "space_id": 7,
            "event_type": "space_report", "timestamp": "2026-02-02T02:40:00Z", "person_count": 1,
            "signs_of_life": null, "motion_detected": true,
            "people": {"count": 1, "coordinates": [[[1.0, 2.5]]], "distances": {"units": "meters", "values": [2.8]}},
            "sensor_ids": ["a", "b"],
            "environment": {
                "humidity": {"units": "RH", "value": 26.2}, "iaq": {"units": "UBA", "value": 52.0}, "sensor": "a",
                "temperature": {"units": "C", "value": 23.7}, "timestamp": "2026-02-02T02:40:00Z"
            }
        })
    );
    assert_eq!(
        events[1].data,
        json!([{
            "building_ref_id": "building_1", "floor_ref_id": null, "space_ref_id": "room_1", "space_id": 7,
            "sensor_ids": ["a", "b"], "event_type": "space_availability", "timestamp": "2026-02-02T02:40:00Z",
            "state": "occupied", "passively_occupied": null
        }])
    );
}

#[test]
fn what_no_sensor_supports_is_absent_or_null() {
    let mut state = SpaceState::default();
    let events = take(&mut state, &space(&["a"]), &reading("a", 0, count(0)));
    let report = &events[0].data;
    assert_eq!(report["people"], json!({"count": 0, "coordinates": []}));
    assert!(report.get("environment").is_none());
    assert!(report["signs_of_life"].is_null() && report["motion_detected"].is_null());
}

#[test]
fn several_sensors_are_one_space() {
    let mut state = SpaceState::default();
    let space = space(&["a", "b"]);
    let mut all = Vec::new();
    for (sensor, second, people) in [("a", 0, 1), ("b", 1, 2), ("a", 2, 0), ("b", 3, 0)] {
        all.extend(take(&mut state, &space, &reading(sensor, second, count(people))));
    }
    assert_eq!(states(&all), ["occupied", "available"]);
    let counts: Vec<_> = all.iter().filter_map(|event| event.data.get("person_count")?.as_u64()).collect();
    assert_eq!(counts, [1, 3, 2, 0]);
    let sequences: Vec<_> = all.iter().map(|event| event.sequence.0).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn belongings_occupy_a_space_passively() {
    let mut state = SpaceState::default();
    let space = space(&["a"]);
    let both = |people, signs| Measurements { signs_of_life: Some(signs), ..count(people) };
    let seen = |events: Vec<Event>| events.get(1).map(|event| event.data[0]["passively_occupied"].clone());
    assert_eq!(seen(take(&mut state, &space, &reading("a", 0, both(0, true)))), Some(json!(true)));
    assert_eq!(seen(take(&mut state, &space, &reading("a", 1, both(1, true)))), None, "it stays occupied");
    assert_eq!(seen(take(&mut state, &space, &reading("a", 2, both(0, false)))), Some(json!(false)));
}

#[test]
fn a_message_with_the_battery_alone_leaves_the_room_occupied() {
    let mut state = SpaceState::default();
    let space = space(&["a"]);
    take(&mut state, &space, &reading("a", 0, count(3)));
    let battery = Measurements { battery: Some(BatteryPercent::new(5.0).unwrap()), ..Measurements::default() };
    let events = take(&mut state, &space, &reading("a", 1, battery));
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].data["person_count"], 3);
}

#[test]
fn a_space_that_nothing_can_tell_about_has_no_availability() {
    let mut state = SpaceState::default();
    let said = Measurements { temperature: Some(Celsius::new(20.0).unwrap()), ..Measurements::default() };
    let events = take(&mut state, &space(&["a"]), &reading("a", 0, said));
    assert_eq!(events.len(), 1);
    assert_eq!(state.aggregate().availability, None);
}

#[test]
fn a_repeat_or_an_older_reading_changes_nothing() {
    let mut state = SpaceState::default();
    let space = space(&["a"]);
    take(&mut state, &space, &reading("a", 10, count(1)));
    let before = state.clone();
    assert!(take(&mut state, &space, &reading("a", 10, count(1))).is_empty());
    assert!(take(&mut state, &space, &reading("a", 9, count(0))).is_empty());
    assert_eq!(state, before);
}

#[test]
fn a_late_sensor_does_not_turn_the_clock_back() {
    let mut state = SpaceState::default();
    let space = space(&["a", "b"]);
    take(&mut state, &space, &reading("a", 100, count(1)));
    let late = take(&mut state, &space, &reading("b", 40, count(1)));
    assert_eq!(late[0].occurred_at, at(100));
    assert_eq!(late[0].data["person_count"], 2);
}

#[test]
fn the_first_report_of_an_hour_is_marked() {
    let mut state = SpaceState::default();
    let space = space(&["a"]);
    // 02:40:00 UTC is second 0; the hour changes at second 1200.
    let marks: Vec<_> = [0, 60, 1199, 1200, 1260, 8000]
        .into_iter()
        .map(|second| take(&mut state, &space, &reading("a", second, count(1)))[0].change)
        .map(|change| (change.occupancy_changed, change.first_of_hour))
        .collect();
    assert_eq!(marks, [(true, true), (false, false), (false, false), (false, true), (false, false), (false, true)]);
}

#[test]
fn a_sensor_that_left_the_space_is_forgotten() {
    let mut state = SpaceState::default();
    take(&mut state, &space(&["a", "b"]), &reading("a", 0, count(4)));
    take(&mut state, &space(&["a", "b"]), &reading("b", 1, count(1)));
    let events = take(&mut state, &space(&["b"]), &reading("b", 2, count(1)));
    assert_eq!(events[0].data["person_count"], 1);
}

#[test]
fn the_state_survives_being_stored() {
    let mut state = SpaceState::default();
    let space = space(&["a", "b"]);
    take(&mut state, &space, &reading("a", 0, Measurements { signs_of_life: Some(true), ..count(4) }));
    take(&mut state, &space, &reading("b", 1, life(false)));
    let stored = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<SpaceState>(&stored).unwrap(), state);
}

/// A reading of one of three sensors at one of a few instants, so that equal times and repeats are frequent.
fn any_reading() -> impl Strategy<Value = Reading> {
    let measurements = (
        prop::option::of(0_u32..4),
        prop::option::of(any::<bool>()),
        prop::option::of(any::<bool>()),
        prop::option::of(15_i32..30),
    )
        .prop_map(|(people, signs, motion, degrees)| Measurements {
            person_count: people.map(PersonCount),
            signs_of_life: signs,
            motion_detected: motion,
            temperature: degrees.map(|degrees| Celsius::new(f64::from(degrees)).unwrap()),
            ..Measurements::default()
        });
    (0_usize..3, 0_i64..40, measurements)
        .prop_map(|(sensor, step, measurements)| reading(["a", "b", "c"][sensor], step * 300, measurements))
}

fn run(readings: &[Reading]) -> (SpaceState, Vec<Event>) {
    let mut state = SpaceState::default();
    let space = space(&["a", "b", "c"]);
    let events = readings.iter().flat_map(|reading| take(&mut state, &space, reading)).collect();
    (state, events)
}

fn shuffled(readings: Vec<Reading>) -> impl Strategy<Value = (Vec<Reading>, Vec<Reading>)> {
    let repeated: Vec<Reading> = readings.iter().chain(readings.iter().step_by(2)).cloned().collect();
    (Just(readings), Just(repeated).prop_shuffle())
}

proptest! {
    #[test]
    fn order_and_repetition_do_not_matter(
        (readings, disordered) in prop::collection::vec(any_reading(), 0..60).prop_flat_map(shuffled)
    ) {
        let mut ordered = readings;
        ordered.sort_by_key(|reading| reading.observed_at);
        let (one, one_events) = run(&ordered);
        let (other, other_events) = run(&disordered);
        prop_assert_eq!(one.sensors(), other.sensors());
        prop_assert_eq!(one.aggregate(), other.aggregate());
        prop_assert_eq!(one.observed_at(), other.observed_at());
        let (one_states, other_states) = (states(&one_events), states(&other_events));
        prop_assert_eq!(one_states.last(), other_states.last());
        // The last report of either says the same, but for its place in the history.
        let last = |events: &[Event]| {
            events.iter().rfind(|event| event.event_type == EventType::SpaceReport).map(|event| event.data.clone())
        };
        prop_assert_eq!(last(&one_events), last(&other_events));
    }

    #[test]
    fn sequences_are_gapless_and_times_never_go_back(readings in prop::collection::vec(any_reading(), 0..60)) {
        let (_, events) = run(&readings);
        for (place, event) in events.iter().enumerate() {
            prop_assert_eq!(event.sequence.0, place as u64 + 1);
        }
        prop_assert!(events.is_sorted_by_key(|event| event.occurred_at));
    }

    #[test]
    fn availability_events_alternate(readings in prop::collection::vec(any_reading(), 0..60)) {
        let (state, events) = run(&readings);
        let said = states(&events);
        prop_assert!(said.windows(2).all(|pair| pair[0] != pair[1]));
        let now = serde_json::to_value(state.aggregate().availability).unwrap();
        prop_assert_eq!(said.last().copied(), now.as_str());
    }

    #[test]
    fn the_same_history_gives_the_same_ids(readings in prop::collection::vec(any_reading(), 0..30)) {
        let ids = |events: Vec<Event>| events.into_iter().map(|event| event.id).collect::<Vec<_>>();
        prop_assert_eq!(ids(run(&readings).1), ids(run(&readings).1));
    }
}

fn spoken(events: &[Event]) -> Vec<EventType> {
    events.iter().map(|event| event.event_type).collect()
}

#[test]
fn a_hundred_sensors_that_fall_silent_are_told_of_in_parts() {
    let names: Vec<String> = (0..100).map(|n| format!("{n:0>128}")).collect();
    let here = space(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut state = SpaceState::default();
    for name in &names {
        take(&mut state, &here, &reading(name, 0, count(1)));
    }
    let now = at(5 * 3_600);
    let (mut told, mut looks) = (Vec::new(), 0);
    while state.next_look().is_some_and(|due| due <= now) {
        let events = look(&mut state, &here, &of_spaces(), now);
        assert!(serde_json::to_string(&events).unwrap().len() < 150_000);
        told.extend(spoken(&events));
        looks += 1;
    }
    assert_eq!((looks, told.len()), (4, 301), "stale, lost and offline each, and the space");
    assert_eq!(told.last(), Some(&EventType::SpaceStale));
    assert!(serde_json::to_string(&state).unwrap().len() < 150_000);
}

#[test]
fn a_space_whose_stale_sensors_are_moved_away_is_not_stale() {
    let mut state = SpaceState::default();
    take(&mut state, &space(&["a", "b"]), &reading("a", 0, count(1)));
    let (here, without) = (space(&["a", "b"]), space(&["b"]));
    look(&mut state, &here, &of_spaces(), at(3_600));
    assert!(state.is_stale());
    look(&mut state, &without, &of_spaces(), at(3_700));
    assert!(!state.is_stale() && state.next_look().is_none());
}

#[test]
fn the_present_state_is_what_the_newest_events_said() {
    let space = space(&["a", "b"]);
    let mut state = SpaceState::default();
    let as_event = |state: &SpaceState, event_type| {
        let wanted = &BTreeSet::new();
        let occasion = Occasion { tenant: &tenant(), of: &space.clone().into(), trace: None, wanted };
        state.as_event(occasion, event_type, at(99), |_, _| EventId::at(at(99), &[7; 32]))
    };
    assert_eq!(as_event(&state, EventType::SpaceReport), None);
    take(&mut state, &space, &reading("a", 0, count(1)));
    let newest = take(&mut state, &space, &reading("b", 5, count(2)));
    let report = as_event(&state, EventType::SpaceReport).unwrap();
    assert_eq!((&report.data, report.sequence), (&newest[0].data, state.sequence));
    assert_eq!((report.received_at, report.occurred_at), (at(99), at(5)));
    let availability = as_event(&state, EventType::SpaceAvailability).unwrap();
    assert_eq!(
        (states(std::slice::from_ref(&availability)), availability.sequence),
        (vec!["occupied"], state.sequence)
    );
    assert_eq!(as_event(&state, EventType::SpaceStale), None);
}
