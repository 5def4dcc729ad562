use crate::event::{Event, EventType};
use crate::ids::SensorId;
use crate::shadow::read;
use crate::space_state::{Occasion, SpaceState};
use crate::test_data::{space, tenant};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What somebody hears of.
static WANTED: LazyLock<BTreeSet<EventType>> = LazyLock::new(|| [In, Out, Updated].into());

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_770_000_000 + second).unwrap()
}

fn take(state: &mut SpaceState, version: i64, desired: &Value, reported: &Value) -> Vec<Event> {
    let document = json!({
        "current": {"state": {"desired": desired, "reported": reported}, "version": version},
        "timestamp": at(version).as_second()
    });
    let shadow = read("acme:a", document.to_string().as_bytes(), at(1_000_000)).unwrap().unwrap();
    let occasion = Occasion { tenant: &tenant(), of: &space(&["a"]).into(), trace: None, wanted: &WANTED };
    state.shadow(occasion, &SensorId::parse("a").unwrap(), &shadow.report, at(1_000_000))
}

fn types(events: &[Event]) -> Vec<EventType> {
    events.iter().map(|event| event.event_type).collect()
}

use EventType::{DeviceAppUpdated as Updated, DeviceInSync as In, DeviceOutOfSync as Out};

#[test]
fn changes_are_told_once_and_older_versions_are_nothing() {
    let mut state = SpaceState::default();
    let wanted = json!({"rate": 5});
    let out = take(&mut state, 1, &wanted, &json!({"rate": 1}));
    assert_eq!(
        out[0].data,
        json!({
            "event_type": "device_out_of_sync", "timestamp": at(1).to_string(), "building_ref_id": "building_1",
            "floor_ref_id": null, "space_ref_id": "room_1", "sensor_id": "a",
            "reason": "reported is not as desired at /rate"
        })
    );
    assert!(take(&mut state, 2, &wanted, &json!({"rate": 2})).is_empty(), "still out");
    assert_eq!(types(&take(&mut state, 4, &wanted, &json!({"rate": 5}))), [In]);
    let stored = serde_json::to_string(&state).unwrap();
    state = serde_json::from_str(&stored).unwrap();
    assert!(take(&mut state, 3, &wanted, &json!({"rate": 3})).is_empty(), "older");
    assert!(take(&mut state, 4, &wanted, &json!({"rate": 4})).is_empty(), "the same again");
    assert!(take(&mut state, 5, &Value::Null, &json!({"rate": 4})).is_empty(), "nothing is desired");
    assert_eq!(types(&take(&mut state, 6, &wanted, &json!({}))), [Out]);
    let anew = 7 + 49 * 3_600;
    assert_eq!(types(&take(&mut state, anew, &wanted, &wanted)), [In]);
}

#[test]
fn an_update_has_the_version_before() {
    let mut state = SpaceState::default();
    let app = |version: &str| json!({"app": {"name": "player", "version": version}});
    assert!(take(&mut state, 1, &Value::Null, &app("1.0")).is_empty(), "nothing was before");
    assert!(take(&mut state, 2, &Value::Null, &json!({})).is_empty());
    let updated = take(&mut state, 3, &Value::Null, &app("1.1"));
    assert_eq!(types(&updated), [Updated]);
    assert_eq!(updated[0].data["app"], json!({"name": "player", "version": "1.1", "previous_version": "1.0"}));
    assert!(take(&mut state, 4, &Value::Null, &json!({"firmware": "9"})).is_empty(), "another app");
}

#[test]
fn a_sensor_that_is_moved_away_is_forgotten() {
    let mut state = SpaceState::default();
    take(&mut state, 1, &json!({"a": 1}), &json!({}));
    let before = state.clone();
    let occasion = Occasion { tenant: &tenant(), of: &space(&["b"]).into(), trace: None, wanted: &WANTED };
    state.look(occasion, at(1));
    assert_ne!(state, before);
}

proptest! {
    /// Whatever order the documents come in, and how often: in the end it is as the newest says.
    #[test]
    fn the_newest_counts(
        (versions, shuffled) in prop::collection::vec(any::<bool>(), 1..20).prop_flat_map(|all| {
            let numbered: Vec<_> = (1_i64..).zip(all).collect();
            let twice: Vec<_> = numbered.iter().chain(&numbered).copied().collect();
            (Just(numbered), Just(twice).prop_shuffle())
        })
    ) {
        let mut state = SpaceState::default();
        let wanted = json!({"on": true});
        let told: Vec<_> = shuffled
            .iter()
            .flat_map(|(version, on)| take(&mut state, *version, &wanted, &json!({"on": on})))
            .map(|event| event.event_type)
            .collect();
        prop_assert!(told.windows(2).all(|pair| pair[0] != pair[1]));
        let newest = versions.last().unwrap().1;
        prop_assert_eq!(told.last(), Some(if newest { &In } else { &Out }));
    }
}
