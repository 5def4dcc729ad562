//! One day of two rooms, as it really comes: in any order, repeated, revised, and filled in later.

use super::*;
use crate::counter::{Bits, Counting, Resets, Totals};
use crate::space_state::tests::sensors::assert_fits;
use jiff::SignedDuration;

const ROOMS: [&[&str]; 2] = [&["desk", "seat", "north", "south"], &["lounge", "gate"]];
const MINUTE: i64 = 60;
/// Seconds from the day's beginning to midnight, UTC.
const MIDNIGHT: i64 = (21 * 60 + 20) * MINUTE;

fn room(number: usize) -> Space {
    Space { space_id: crate::ids::SpaceId(number as u64 + 1), ..space(ROOMS[number]) }
}

/// What a sensor that is no door says.
fn any_said() -> impl Strategy<Value = Measurements> {
    let people = (prop::option::of(0_u32..3), prop::option::of(any::<bool>()), prop::option::of(any::<bool>()));
    (people, prop::option::of(18_u8..22), prop::option::of(0_u8..40)).prop_map(
        |((people, signs_of_life, motion_detected), degrees, charge)| Measurements {
            person_count: people.map(PersonCount),
            signs_of_life,
            motion_detected,
            temperature: degrees.map(|degrees| Celsius::new(f64::from(degrees)).unwrap()),
            battery: charge.map(|charge| BatteryPercent::new(f64::from(charge)).unwrap()),
            ..Measurements::default()
        },
    )
}

/// Readings of one moment: the first, those that revise it, and the same again later.
fn any_moment(sensor: &'static str) -> impl Strategy<Value = Vec<Reading>> {
    let arrivals = prop::collection::vec((any_said(), prop::sample::select(vec![0, 2, 200, 299, 400, 7_200])), 1..4);
    (0_i64..288, arrivals).prop_map(move |(step, arrivals)| {
        let first = arrivals[0].0.clone();
        let again = (first, 30);
        arrivals.into_iter().chain([again]).map(|(said, lag)| arrived(lag, reading(sensor, step * 300, said))).collect()
    })
}

fn arrived(lag: i64, reading: Reading) -> Reading {
    Reading { received_at: reading.observed_at + SignedDuration::from_secs(lag), ..reading }
}

/// A day of a door: totals that go on from anywhere, wrap, and begin anew at midnight where they do.
fn any_door(sensor: &'static str) -> impl Strategy<Value = Vec<Reading>> {
    let steps = prop::collection::vec((0_i64..288, 0_u32..9_000, 0_u32..9_000), 0..8);
    (any::<bool>(), any::<u16>(), any::<u16>(), steps).prop_map(move |(is_reset, entries, exits, mut steps)| {
        let resets = if is_reset { Resets::Midnight } else { Resets::Never };
        let counting = Counting { bits: Bits::Sixteen, resets, utc_offset_s: 0 };
        steps.sort_unstable();
        let (mut entries, mut exits, mut is_next_day) = (u32::from(entries), u32::from(exits), false);
        let mut readings = Vec::new();
        for (step, came, went) in steps {
            if is_reset && !is_next_day && step * 300 >= MIDNIGHT {
                (entries, exits, is_next_day) = (0, 0, true);
            }
            (entries, exits) = ((entries + came) % 65_536, (exits + went) % 65_536);
            let totals = Some(Totals { entries, exits, counting });
            readings.push(arrived(1, reading(sensor, step * 300, Measurements { totals, ..Measurements::default() })));
        }
        readings
    })
}

/// History that a sensor sends late, of as many moments as it kept.
fn any_history(sensor: &'static str) -> impl Strategy<Value = Vec<Reading>> {
    (0_i64..200, prop::collection::vec(any_said(), 0..4)).prop_map(move |(step, kept)| {
        let of = |(place, said)| arrived(20_000 - place * 300, reading(sensor, (step + place) * 300, said));
        (0..).zip(kept).map(of).collect()
    })
}

/// Readings, with their rooms.
type Day = Vec<(usize, Reading)>;

/// The readings of a day in the order of their times.
fn any_day() -> impl Strategy<Value = Day> {
    let moments = |sensor| prop::collection::vec(any_moment(sensor), 0..4).prop_map(|all| all.concat());
    let watched = |sensor| (moments(sensor), any_history(sensor)).prop_map(|(one, other)| [one, other].concat());
    let first = (watched("desk"), watched("seat"), any_door("north"), any_door("south"));
    let second = (watched("lounge"), any_door("gate"));
    (first, second).prop_map(|((a, b, c, d), (e, f))| {
        let first = [a, b, c, d].concat().into_iter().map(|reading| (0, reading));
        let second = [e, f].concat().into_iter().map(|reading| (1, reading));
        let mut day: Vec<_> = first.chain(second).filter(|(_, reading)| !reading.measurements.is_empty()).collect();
        day.sort_by_key(|(_, reading)| (reading.observed_at, reading.received_at));
        day
    })
}

/// Both rooms after a day, and what was told.
fn live(day: &[(usize, Reading)], wanted: &BTreeSet<EventType>) -> [(SpaceState, Vec<Event>); 2] {
    let mut rooms = [(SpaceState::default(), Vec::new()), (SpaceState::default(), Vec::new())];
    for (number, reading) in day {
        let (state, events) = &mut rooms[*number];
        events.extend(take_of(wanted, state, &room(*number), reading));
    }
    rooms
}

fn disordered() -> impl Strategy<Value = (Day, Day)> {
    any_day().prop_flat_map(|day| {
        let repeated: Vec<_> = day.iter().chain(day.iter().step_by(2)).cloned().collect();
        (Just(day), Just(repeated).prop_shuffle())
    })
}

fn last(events: &[Event], event_type: EventType) -> Option<serde_json::Value> {
    events.iter().rfind(|event| event.event_type == event_type).map(|event| event.data.clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_interleaving_and_repetition_ends_as_the_ordered_day_does((day, disordered) in disordered()) {
        let wanted = EventType::BUILT_IN.into();
        let (ordered, disordered) = (live(&day, &wanted), live(&disordered, &wanted));
        for ((one, one_events), (other, other_events)) in ordered.iter().zip(&disordered) {
            prop_assert_eq!(one.sensors(), other.sensors());
            prop_assert_eq!(one.aggregate(), other.aggregate());
            prop_assert_eq!(one.observed_at(), other.observed_at());
            let report = |events| last(events, EventType::SpaceReport);
            prop_assert_eq!(report(one_events), report(other_events));
            let available = |events: &[Event]| last(events, EventType::SpaceAvailability).map(|body| body[0]["state"].clone());
            prop_assert_eq!(available(one_events), available(other_events));
            let now = serde_json::to_value(one.aggregate().availability).unwrap();
            prop_assert_eq!(available(one_events).unwrap_or_default(), now);
        }
    }

    #[test]
    fn who_listens_changes_nothing_of_what_is_known((_, disordered) in disordered()) {
        let (heard, silent) = (live(&disordered, &EventType::BUILT_IN.into()), live(&disordered, &BTreeSet::new()));
        for ((one, _), (other, events)) in heard.iter().zip(&silent) {
            prop_assert_eq!((one.sensors(), one.aggregate()), (other.sensors(), other.aggregate()));
            prop_assert!(events.is_empty());
        }
    }

    #[test]
    fn a_repeat_is_never_an_event((day, which) in (any_day().prop_shuffle(), prop::collection::vec(any::<prop::sample::Index>(), 1..9))) {
        let wanted = EventType::BUILT_IN.into();
        let (mut state, space) = (SpaceState::default(), room(0));
        let heard: Vec<_> = day.into_iter().filter(|(number, _)| *number == 0).map(|(_, reading)| reading).collect();
        for (place, reading) in heard.iter().enumerate() {
            take_of(&wanted, &mut state, &space, reading);
            for index in &which {
                let again = &heard[index.index(place + 1)];
                prop_assert_eq!(take_of(&wanted, &mut state, &space, again), vec![]);
            }
        }
    }

    #[test]
    fn history_changes_nothing_and_is_told_as_history(day in any_day().prop_shuffle()) {
        let wanted = EventType::BUILT_IN.into();
        let mut states = [SpaceState::default(), SpaceState::default()];
        for (number, reading) in day {
            let state = &mut states[number];
            let before = state.clone();
            let events = take_of(&wanted, state, &room(number), &reading);
            events.iter().for_each(assert_fits);
            // A door that never resets may be counted from another observation now.
            let is_history = events.iter().any(|event| event.data["backfilled"] == true) && reading.measurements.totals.is_none();
            if is_history {
                prop_assert_eq!(spoken(&events), [EventType::SensorReport]);
                prop_assert_eq!((state.sensors(), state.aggregate()), (before.sensors(), before.aggregate()));
            }
        }
    }

    #[test]
    fn motion_is_told_only_after_a_report_of_nobody_and_once(day in any_day().prop_shuffle()) {
        for (_, events) in live(&day, &EventType::BUILT_IN.into()) {
            let mut is_armed = false;
            for event in events {
                match event.event_type {
                    EventType::SpaceReport => is_armed = event.data["person_count"] == 0,
                    EventType::PirTriggered => {
                        prop_assert!(is_armed);
                        is_armed = false;
                    }
                    _ => {}
                }
            }
        }
    }
}
