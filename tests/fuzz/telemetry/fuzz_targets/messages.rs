//! A message to one of the profiles: the first byte says to which, the rest is the message.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spacehook_decoding::Sandbox;
use spacehook_domain::ids::{ProfileName, SensorId};
use spacehook_domain::profile::{NATIVE, Origin, Profile, built_in};
use spacehook_domain::telemetry::read_message;

fuzz_target!(|input: &[u8]| {
    let Some((first, message)) = input.split_first() else { return };
    let names: Vec<&str> = built_in().iter().map(|built_in| built_in.name.as_str()).chain([NATIVE]).collect();
    let name = ProfileName::parse(names[usize::from(*first) % names.len()]).unwrap();
    let profile = Profile::of_all(&name).unwrap();
    let sensor_id = SensorId::parse("s1").unwrap();
    let origin = Origin { sensor_id: &sensor_id, profile: &name, received_at: "2026-02-02T14:19:00Z".parse().unwrap() };
    let Ok(read) = read_message(message, &profile, origin, &Sandbox) else { return };
    for accepted in read.readings.into_iter().flatten() {
        assert!(!accepted.reading.measurements.is_empty(), "a reading that says nothing");
        let written = serde_json::to_string(&accepted.reading.measurements).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok());
    }
});
