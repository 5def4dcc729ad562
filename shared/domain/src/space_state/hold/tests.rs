use crate::event::{Event, EventType};
use crate::ids::{EventId, SensorId};
use crate::observed::Observed;
use crate::place::Space;
use crate::presence::Silence;
use crate::reading::{Celsius, Measurements, PersonCount, Reading};
use crate::settings::{Settings, VacantAfter};
use crate::space_state::{Occasion, SpaceState};
use crate::test_data::{space, tenant};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What somebody hears of.
static WANTED: LazyLock<BTreeSet<EventType>> =
    LazyLock::new(|| [EventType::SpaceReport, EventType::SpaceAvailability].into());

/// When the space was told to be what.
type Told = Vec<(i64, String)>;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_770_000_000 + second).unwrap()
}

fn held_for(seconds: u64) -> Space {
    let settings = Settings { vacant_after: Some(VacantAfter::from_s(seconds).unwrap()), ..Settings::default() };
    Space { settings, ..space(&["a", "b"]) }
}

fn people(sensor: &str, observed: i64, received: i64, people: u32) -> Reading {
    Reading {
        sensor_id: SensorId::parse(sensor).unwrap(),
        observed_at: at(observed),
        received_at: at(received),
        measurements: Measurements { person_count: Some(PersonCount(people)), ..Measurements::default() },
    }
}

fn occasion<'a>(tenant: &'a crate::ids::TenantId, of: &'a Observed) -> Occasion<'a> {
    Occasion { tenant, of, trace: None, wanted: &WANTED }
}

/// Takes a reading in as ingest does: what was over before, the reading, what is over now.
fn take(state: &mut SpaceState, space: &Space, reading: &Reading) -> Vec<Event> {
    let tenant = tenant();
    let mut events = end(state, space, reading.received_at);
    events.extend(state.take(occasion(&tenant, &space.clone().into()), reading, Silence::default()));
    events.extend(end(state, space, reading.received_at));
    events
}

fn end(state: &mut SpaceState, space: &Space, now: Timestamp) -> Vec<Event> {
    state.end_hold(occasion(&tenant(), &space.clone().into()), now)
}

fn told(events: &[Event]) -> Told {
    events
        .iter()
        .filter(|event| event.event_type == EventType::SpaceAvailability)
        .map(|event| {
            assert!(event.change.occupancy_changed);
            assert_eq!(event.data[0]["timestamp"], event.occurred_at.to_string());
            let state = event.data[0]["state"].as_str().unwrap().to_owned();
            (event.occurred_at.as_second() - 1_770_000_000, state)
        })
        .collect()
}

fn is(at: i64, state: &str) -> (i64, String) {
    (at, state.to_owned())
}

#[test]
fn a_walk_to_the_printer_is_not_told() {
    let (mut state, space) = (SpaceState::default(), held_for(60));
    let mut events = Vec::new();
    for (second, count) in [(0, 1), (10, 0), (69, 1), (100, 0), (120, 0), (159, 0)] {
        events.extend(take(&mut state, &space, &people("a", second, second, count)));
    }
    assert_eq!(told(&events), [is(0, "occupied")]);
    assert_eq!(state.held_until(), Some(at(160)), "what goes on to say so does not begin it anew");
    assert_eq!(state.next_look(), Some(at(160)), "health finds it should its timer be lost");
    assert!(end(&mut state, &space, at(159)).is_empty());
    let events = end(&mut state, &space, at(161));
    assert_eq!(told(&events), [is(160, "available")], "to the second, whenever it is found out");
    assert_eq!((events[0].received_at, events[0].data[0]["passively_occupied"].is_null()), (at(161), true));
    assert!(end(&mut state, &space, at(161)).is_empty(), "once");
}

#[test]
fn reports_are_not_held() {
    let (mut state, space) = (SpaceState::default(), held_for(60));
    take(&mut state, &space, &people("a", 0, 0, 1));
    let events = take(&mut state, &space, &people("a", 5, 5, 0));
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].event_type, events[0].data["person_count"].as_u64()), (EventType::SpaceReport, Some(0)));
}

#[test]
fn the_first_state_is_told_at_once() {
    let (mut state, space) = (SpaceState::default(), held_for(60));
    assert_eq!(told(&take(&mut state, &space, &people("a", 0, 0, 0))), [is(0, "available")]);
}

#[test]
fn a_change_of_the_setting_holds_from_the_next_hold_on() {
    for changed in [0, 10, 600] {
        let (mut state, space, after) = (SpaceState::default(), held_for(60), held_for(changed));
        take(&mut state, &space, &people("a", 0, 0, 1));
        take(&mut state, &space, &people("a", 10, 10, 0));
        assert!(told(&take(&mut state, &after, &people("a", 30, 30, 0))).is_empty());
        assert_eq!(told(&end(&mut state, &after, at(70))), [is(70, "available")], "{changed}");
        take(&mut state, &after, &people("a", 100, 100, 1));
        let at_once = told(&take(&mut state, &after, &people("a", 200, 200, 0)));
        let expected = if changed == 0 { vec![is(200, "available")] } else { vec![] };
        assert_eq!(at_once, expected);
        assert_eq!(state.held_until().is_some(), changed > 0);
    }
}

#[test]
fn history_in_one_message_is_judged_by_its_own_times() {
    let (mut state, space, tenant) = (SpaceState::default(), held_for(60), tenant());
    let mut events = Vec::new();
    for (second, count) in [(0, 1), (10, 0), (40, 1), (50, 0), (200, 1), (300, 0)] {
        let reading = people("a", second, 5_000, count);
        events.extend(state.take(occasion(&tenant, &space.clone().into()), &reading, Silence::default()));
    }
    events.extend(end(&mut state, &space, at(5_000)));
    let expected = [is(0, "occupied"), is(110, "available"), is(200, "occupied"), is(360, "available")];
    assert_eq!(told(&events), expected);
}

#[test]
fn a_clock_that_is_ahead_neither_ends_nor_lengthens_a_hold() {
    let (mut state, space) = (SpaceState::default(), held_for(60));
    take(&mut state, &space, &people("a", 0, 0, 1));
    take(&mut state, &space, &people("a", 240, 10, 0));
    assert_eq!(state.held_until(), Some(at(70)));
    let warm = Measurements { temperature: Some(Celsius::new(20.0).unwrap()), ..Measurements::default() };
    let ahead = Reading { measurements: warm, ..people("b", 250, 20, 0) };
    assert!(told(&take(&mut state, &space, &ahead)).is_empty());
    assert_eq!(told(&end(&mut state, &space, at(70))), [is(70, "available")]);
}

#[test]
fn what_is_told_after_a_hold_did_not_happen_before_its_end() {
    let (mut state, space) = (SpaceState::default(), held_for(60));
    take(&mut state, &space, &people("a", 0, 0, 1));
    take(&mut state, &space, &people("a", 10, 10, 0));
    let events = take(&mut state, &space, &people("a", 65, 75, 1));
    assert_eq!(told(&events), [is(70, "available"), is(70, "occupied")]);
}

#[test]
fn a_sensor_that_is_moved_away_takes_its_hold_with_it() {
    let (mut state, space) = (SpaceState::default(), held_for(60));
    take(&mut state, &space, &people("a", 0, 0, 1));
    take(&mut state, &space, &people("a", 10, 10, 0));
    let without = Space { sensor_ids: [SensorId::parse("b").unwrap()].into(), ..held_for(60) };
    assert!(end(&mut state, &without, at(70)).is_empty());
    assert_eq!(state.held_until(), None);
}

#[test]
fn the_present_state_is_the_one_that_is_told() {
    let (mut state, space, tenant) = (SpaceState::default(), held_for(60), tenant());
    take(&mut state, &space, &people("a", 0, 0, 1));
    take(&mut state, &space, &people("a", 10, 10, 0));
    let resynced = |state: &SpaceState| {
        let id = |_, _| EventId::at(at(99), &[7; 32]);
        let event = state.as_event(occasion(&tenant, &space.clone().into()), EventType::SpaceAvailability, at(99), id);
        told(&Vec::from_iter(event))
    };
    assert_eq!(resynced(&state), [is(10, "occupied")]);
    assert_eq!(serde_json::to_value(state.present_availability(&state.aggregate())).unwrap(), "occupied");
    let read: SpaceState = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
    assert_eq!(read, state, "a hold is remembered");
    end(&mut state, &space, at(80));
    assert_eq!(resynced(&state), [is(70, "available")]);
}

#[test]
fn health_tells_what_a_lost_timer_did_not() {
    let (mut state, space, tenant) = (SpaceState::default(), held_for(60), tenant());
    take(&mut state, &space, &people("a", 0, 0, 1));
    take(&mut state, &space, &people("a", 10, 10, 0));
    assert_eq!(told(&state.look(occasion(&tenant, &space.clone().into()), at(300))), [is(70, "available")]);
    assert!(state.look(occasion(&tenant, &space.clone().into()), at(301)).is_empty());
}

/// What is to be told, by the intervals between the changes alone.
fn model(readings: &[(i64, bool)], hold: i64) -> Told {
    let mut runs: Vec<(i64, bool)> = Vec::new();
    for (at, is_occupied) in readings {
        if runs.last().is_none_or(|(_, last)| last != is_occupied) {
            runs.push((*at, *is_occupied));
        }
    }
    let ends = runs.iter().skip(1).map(|(at, _)| *at).chain([i64::MAX]);
    let mut told = Told::new();
    for (place, ((from, is_occupied), until)) in runs.iter().zip(ends).enumerate() {
        let state = if *is_occupied { "occupied" } else { "available" };
        let at = if *is_occupied || place == 0 { *from } else { from + hold };
        if at <= until && told.last().is_none_or(|(_, last)| last != state) {
            told.push((at, state.to_owned()));
        }
    }
    told
}

proptest! {
    /// Timers come when they should, or early, twice, late or never: all that is told is what the model says.
    #[test]
    fn any_sequence_is_told_as_the_model_says_whatever_becomes_of_the_timers(
        steps in prop::collection::vec((1_i64..90, any::<bool>(), prop::collection::vec(0_i64..90, 0..4)), 1..60),
        hold in 0_u64..100,
        keeps_timers in any::<bool>(),
    ) {
        let (mut state, space) = (SpaceState::default(), held_for(hold));
        let (mut now, mut events, mut readings) = (0, Vec::new(), Vec::new());
        for (step, is_occupied, looks) in &steps {
            let mut looks: Vec<i64> = looks.iter().filter(|after| *after < step).map(|after| now + after).collect();
            looks.sort_unstable();
            if keeps_timers && let Some(until) = state.held_until() {
                let until = until.as_second() - 1_770_000_000;
                looks = if until <= now + step { vec![until, until] } else { vec![] };
            }
            for look in looks {
                events.extend(end(&mut state, &space, at(look)));
            }
            now += step;
            readings.push((now, *is_occupied));
            let stored = serde_json::to_string(&state).unwrap();
            state = serde_json::from_str(&stored).unwrap();
            events.extend(take(&mut state, &space, &people("a", now, now, u32::from(*is_occupied))));
        }
        events.extend(end(&mut state, &space, at(now + 1_000)));
        prop_assert_eq!(told(&events), model(&readings, i64::try_from(hold).unwrap()));
        prop_assert_eq!(state.held_until(), None);
    }

    #[test]
    fn a_hold_of_zero_is_none(
        readings in prop::collection::vec((0_usize..2, 0_i64..500, 0_u32..3), 0..60)
    ) {
        let run = |space: &Space| {
            let mut state = SpaceState::default();
            let take = |(sensor, second, count): &(usize, i64, u32)| {
                take(&mut state, space, &people(["a", "b"][*sensor], *second, *second, *count))
            };
            let events: Vec<Event> = readings.iter().flat_map(take).collect();
            (state, events)
        };
        prop_assert_eq!(run(&held_for(0)), run(&space(&["a", "b"])));
    }
}
