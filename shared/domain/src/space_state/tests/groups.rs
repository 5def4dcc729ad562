//! What is told of named groups of sensors: as of the group that a space is, and nothing else.

use super::sensors::{assert_fits, battery, motion, warmth};
use super::*;
use crate::event::About;
use crate::observed::ObservedKey;
use crate::presence::LinkReport;
use crate::test_data::sensor_group;
use jiff::SignedDuration;

use EventType::{
    SensorDeviceGroupReadingStale as Stale, SensorDeviceGroupReadingUpdated as Updated,
    SensorDeviceGroupStateUpdated as State,
};

/// What is told of a group where everything is listened to.
fn take_in(state: &mut SpaceState, of: &Observed, reading: &Reading) -> Vec<Event> {
    let wanted = &EventType::BUILT_IN.into();
    let events = state.take(Occasion { tenant: &tenant(), of, trace: None, wanted }, reading, Silence::default());
    events.iter().for_each(assert_fits);
    events
}

fn types(events: &[Event]) -> Vec<EventType> {
    events.iter().map(|event| event.event_type).collect()
}

#[test]
fn a_group_tells_of_itself_alone() {
    let (mut state, of) = (SpaceState::default(), Observed::from(sensor_group(&["a", "b"], Some("building_1"))));
    let mut told = Vec::new();
    for (sensor, second, said) in [
        ("a", 0, count(0)),
        ("a", 1, battery(5.0)),
        ("b", 2, motion(true)),
        ("b", 3, warmth(20.0)),
        ("a", 4, count(2)),
        ("a", 3, count(9)),
        ("a", 4, count(2)),
    ] {
        told.extend(take_in(&mut state, &of, &reading(sensor, second, said)));
    }
    assert_eq!(types(&told), [Updated, State, Updated, Updated, Updated, State], "no battery, no report, no PIR");
    let sequences: Vec<u64> = told.iter().map(|event| event.sequence.0).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6], "nothing that is not told takes a number");
    let last = &told[5];
    assert!(matches!(&last.about, About::SensorGroup(group) if group.sensor_group_ref_id.as_str() == "west"));
    assert_eq!(
        last.data,
        json!({
            "event_type": "sensor_device_group_state_updated", "timestamp": "2026-02-02T02:40:04Z",
            "building_ref_id": "building_1", "floor_ref_id": null, "space_ref_id": null,
            "sensor_group": {"id": "west", "sensor_ids": ["a", "b"]},
            "state": {"availability": "occupied", "since": "2026-02-02T02:40:04Z"}
        })
    );
    assert_eq!(state.place(), Some(&ObservedKey::Group { sensor_group_ref_id: "west".to_owned().try_into().unwrap() }));
    let occasion = Occasion { tenant: &tenant(), of: &of, trace: None, wanted: &EventType::BUILT_IN.into() };
    assert!(state.as_event(occasion, EventType::SpaceReport, at(9), |_, _| unreachable!()).is_none());
}

#[test]
fn silence_is_told_once_and_of_the_group() {
    let (mut state, of) = (SpaceState::default(), Observed::from(sensor_group(&["a", "b"], None)));
    take_in(&mut state, &of, &reading("a", 0, count(1)));
    take_in(&mut state, &of, &reading("b", 1_800, count(1)));
    let wanted = &EventType::BUILT_IN.into();
    let occasion = Occasion { tenant: &tenant(), of: &of, trace: None, wanted };
    let report = LinkReport { at: at(1_900), session: 1, link: crate::presence::Link::Broken };
    assert_eq!(state.link(occasion, &SensorId::parse("a").unwrap(), report, at(1_900)), []);
    assert_eq!(state.look(occasion, at(3_700)), []);
    assert_eq!(types(&state.look(occasion, at(5_400))), [Stale]);
    assert_eq!(state.look(occasion, at(99_999)), []);
    assert!(state.is_stale());
    take_in(&mut state, &of, &reading("a", 100_000, count(1)));
    assert!(!state.is_stale());
}

#[test]
fn who_leaves_a_group_is_forgotten() {
    let mut state = SpaceState::default();
    let both = Observed::from(sensor_group(&["a", "b"], None));
    take_in(&mut state, &both, &reading("a", 0, count(3)));
    take_in(&mut state, &both, &reading("b", 1, count(1)));
    assert_eq!(state.aggregate().person_count.0, 4);
    let one = Observed::from(sensor_group(&["b"], None));
    let told = take_in(&mut state, &one, &reading("b", 2, count(0)));
    assert_eq!((types(&told), state.aggregate().person_count.0), (vec![Updated, State], 0));
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let said = prop_oneof![(0_u32..3).prop_map(count), any::<bool>().prop_map(life), any::<bool>().prop_map(motion)];
    (prop::sample::select(vec!["a", "b", "c"]), 0_i64..600, 0_i64..400, said).prop_map(|(sensor, second, lag, said)| {
        let reading = reading(sensor, second, said);
        Reading { received_at: reading.observed_at + SignedDuration::from_secs(lag), ..reading }
    })
}

proptest! {
    /// A group of the sensors of a space says what the space says of them as a group, in any order and however often.
    #[test]
    fn a_group_says_what_a_space_of_its_sensors_says(readings in prop::collection::vec(any_reading(), 1..40)) {
        let of = Observed::from(sensor_group(&["a", "b", "c"], None));
        let (mut group, mut space_state, space) = (SpaceState::default(), SpaceState::default(), space(&["a", "b", "c"]));
        let wanted = [Updated, State, Stale].into();
        for reading in readings.iter().chain(readings.iter().rev()) {
            let of_group = take_in(&mut group, &of, reading);
            let of_space = take_of(&wanted, &mut space_state, &space, reading);
            prop_assert_eq!(types(&of_group), types(&of_space));
            for (one, other) in of_group.iter().zip(&of_space) {
                prop_assert_eq!(&one.data["reading"], &other.data["reading"]);
                prop_assert_eq!(&one.data["state"], &other.data["state"]);
            }
        }
        prop_assert_eq!(group.aggregate(), space_state.aggregate());
    }
}
