use crate::event::EventType;
use crate::ids::SensorId;
use crate::place::Space;
use crate::presence::Silence;
use crate::reading::{Celsius, Co2Ppm, Measurements, PersonCount, Reading};
use crate::settings::{MinimumChange, Settings};
use crate::space_state::{Occasion, SpaceState};
use crate::test_data::{space, tenant};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What somebody hears of.
static WANTED: LazyLock<BTreeSet<EventType>> = LazyLock::new(|| [EventType::SpaceReport].into());

fn with(minimum_change: &Value) -> Space {
    let settings = Settings { minimum_change: MinimumChange::read(minimum_change).unwrap(), ..Settings::default() };
    Space { settings, ..space(&["a", "b"]) }
}

fn count(people: u32) -> Measurements {
    Measurements { person_count: Some(PersonCount(people)), ..Measurements::default() }
}

fn warm(degrees: f64) -> Measurements {
    Measurements { temperature: Some(Celsius::new(degrees).unwrap()), ..Measurements::default() }
}

/// Whether the report of each counts as changed.
fn marks(space: &Space, readings: &[(&str, Measurements)]) -> Vec<bool> {
    let mut state = SpaceState::default();
    let mut marks = Vec::new();
    for (second, (sensor, measurements)) in readings.iter().enumerate() {
        let at = Timestamp::from_second(1_770_000_000 + i64::try_from(second).unwrap()).unwrap();
        let reading = Reading {
            sensor_id: SensorId::parse(*sensor).unwrap(),
            observed_at: at,
            received_at: at,
            measurements: measurements.clone(),
        };
        let events = state.take(
            Occasion { tenant: &tenant(), of: &space.clone().into(), trace: None, wanted: &WANTED },
            &reading,
            Silence::default(),
        );
        marks.push(events[0].change.occupancy_changed);
        let stored = serde_json::to_string(&state).unwrap();
        state = serde_json::from_str(&stored).unwrap();
    }
    marks
}

#[test]
fn without_settings_people_count_and_nothing_else() {
    let readings = [("a", count(1)), ("a", count(1)), ("a", count(2)), ("a", warm(20.0)), ("a", warm(40.0))];
    assert_eq!(marks(&with(&json!({})), &readings), [true, false, true, false, false]);
}

#[test]
fn people_must_move_as_far_as_is_settled() {
    let readings = [1, 2, 3, 4, 3, 2, 1, 0, 3].map(|people| ("a", count(people)));
    let space = with(&json!({"person_count": 3}));
    assert_eq!(marks(&space, &readings), [true, false, false, true, false, false, true, false, false]);
    let life = Measurements { signs_of_life: Some(true), ..count(1) };
    let readings = [("a", count(1)), ("a", life), ("a", count(3)), ("a", count(4))];
    assert_eq!(marks(&space, &readings), [true, true, false, true], "signs of life always count");
}

#[test]
fn a_slow_drift_adds_up_and_decimals_are_taken_as_they_are_written() {
    let readings = [21.1, 21.2, 21.3, 21.4, 21.2, 21.1, 21.1].map(|degrees| ("a", warm(degrees)));
    let space = with(&json!({"temperature": 0.2}));
    assert_eq!(marks(&space, &readings), [true, false, true, false, false, true, false]);
}

#[test]
fn two_sensors_that_differ_are_no_change() {
    let readings = [("a", warm(20.0)), ("b", warm(25.0)), ("a", warm(20.5)), ("b", warm(24.5)), ("b", warm(24.0))];
    assert_eq!(marks(&with(&json!({"temperature": 1})), &readings), [true, false, false, false, true]);
}

#[test]
fn another_quantity_starts_where_it_first_is() {
    let co2 = |ppm| Measurements { co2: Some(Co2Ppm::new(ppm).unwrap()), ..Measurements::default() };
    let readings = [("a", count(0)), ("a", co2(400.0)), ("a", co2(480.0)), ("a", co2(500.0)), ("a", warm(30.0))];
    assert_eq!(marks(&with(&json!({"co2": 100})), &readings), [true, false, false, true, false]);
}

proptest! {
    /// What is not told is never as far as the least change from what was told last.
    #[test]
    fn nobody_is_further_from_what_was_told_than_is_settled(
        tenths in prop::collection::vec(0_i32..100, 1..60), least in 1_i32..40
    ) {
        let readings: Vec<_> = tenths.iter().map(|tenths| ("a", warm(f64::from(*tenths) / 10.0))).collect();
        let space = with(&json!({"temperature": f64::from(least) / 10.0}));
        // A repeat is no report of its own here: each reading has a time of its own.
        let mut told = tenths[0];
        for (tenths, is_told) in tenths.iter().zip(marks(&space, &readings)).skip(1) {
            prop_assert_eq!(is_told, (tenths - told).abs() >= least);
            if is_told {
                told = *tenths;
            }
        }
    }

    /// Deadbands decide what is told, and never what is so.
    #[test]
    fn the_state_is_the_same_with_any_deadband(people in prop::collection::vec(0_u32..9, 1..40), least in 1_u32..9) {
        let run = |space: &Space| {
            let mut state = SpaceState::default();
            for (second, people) in (0_i64..).zip(&people) {
                let at = Timestamp::from_second(1_770_000_000 + second).unwrap();
                let sensor_id = SensorId::parse("a").unwrap();
                let reading = Reading { sensor_id, observed_at: at, received_at: at, measurements: count(*people) };
                let occasion = Occasion { tenant: &tenant(), of: &space.clone().into(), trace: None, wanted: &WANTED };
                state.take(occasion, &reading, Silence::default());
            }
            (state.aggregate(), state.observed_at(), state.sensors().clone(), state.sequence)
        };
        prop_assert_eq!(run(&with(&json!({"person_count": least}))), run(&with(&json!({}))));
    }
}
