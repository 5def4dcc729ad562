//! Whatever arrives, by whatever profile: readings or causes, never a panic, and nothing that is out of range.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value};
use spacehook_decoding::Sandbox;
use spacehook_domain::ids::{ProfileName, SensorId};
use spacehook_domain::profile::{NATIVE, Origin, Profile, built_in};
use spacehook_domain::telemetry::{Accepted, TelemetryTopic, read_message};
use std::path::Path;

/// The samples of `events/`: profile and message.
fn samples() -> Vec<(String, Value)> {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let mut samples = Vec::new();
    for file in std::fs::read_dir(events).unwrap().map(|file| file.unwrap().path()) {
        if !file.file_name().unwrap().to_str().unwrap().starts_with("ingest-") {
            continue;
        }
        let event: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let bytes = STANDARD.decode(event["payload_base64"].as_str().unwrap()).unwrap();
        // Others are of the broker's own, or are no JSON.
        let Ok(topic) = TelemetryTopic::parse(event["topic"].as_str().unwrap()) else { continue };
        if Profile::of_all(&topic.profile).is_none() {
            continue;
        }
        samples.extend(serde_json::from_slice(&bytes).ok().map(|message| (topic.profile.as_str().to_owned(), message)));
    }
    assert!(samples.len() > 10);
    samples
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~é\u{0}]{0,12}".prop_map(Value::from),
        prop_oneof![Just("2026-02-02T14:19:00Z"), Just("1e400"), Just("-0"), Just("occupied"), Just("A2fuAA==")]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..3)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The places in a value, itself included.
fn places(value: &mut Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter_mut().map(places).sum(),
        Value::Object(fields) => fields.values_mut().map(places).sum(),
        _ => 0,
    }
}

/// Puts something else in the place of that number.
fn replace(value: &mut Value, place: &mut usize, other: &Value) {
    if *place == 0 {
        *value = other.clone();
        *place = usize::MAX;
        return;
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, place, other)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, place, other)),
        _ => {}
    }
}

fn read(profile: &str, message: &[u8]) {
    let (sensor_id, name) = (SensorId::parse("s1").unwrap(), ProfileName::parse(profile).unwrap());
    let received_at: Timestamp = "2026-02-02T14:19:00Z".parse().unwrap();
    let origin = Origin { sensor_id: &sensor_id, profile: &name, received_at };
    let Ok(read) = read_message(message, &Profile::of_all(&name).unwrap(), origin, &Sandbox) else { return };
    for Accepted { reading, .. } in read.readings.into_iter().flatten() {
        assert!(reading.received_at == received_at);
        let written = serde_json::to_value(&reading.measurements).unwrap();
        let says = written.as_object().unwrap().values().any(|value| !value.is_null());
        assert!(says, "{profile}: a reading that says nothing: {written}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sample_with_anything_in_some_of_its_places_is_read(
        sample in prop::sample::select(samples()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), value()), 1..4),
    ) {
        let (profile, mut message) = sample;
        for (place, other) in changes {
            let mut place = place.index(places(&mut message));
            replace(&mut message, &mut place, &other);
        }
        read(&profile, message.to_string().as_bytes());
    }

    #[test]
    fn anything_is_read_by_every_profile(message in value(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let names = built_in().iter().map(|built_in| built_in.name.as_str()).chain([NATIVE]);
        for profile in names {
            read(profile, message.to_string().as_bytes());
            read(profile, &bytes);
        }
    }
}
