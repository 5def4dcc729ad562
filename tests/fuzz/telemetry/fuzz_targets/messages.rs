//! A message to one of the profiles: the first byte says to which, the rest is the message.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spacehook_decoding::Sandbox;
use spacehook_domain::profile::{NATIVE, built_in};
use spacehook_domain::telemetry::{TelemetryTopic, read_message};

fuzz_target!(|input: &[u8]| {
    let Some((first, message)) = input.split_first() else { return };
    let names: Vec<&str> = built_in().iter().map(|recipe| recipe.name.as_str()).chain([NATIVE]).collect();
    let profile = names[usize::from(*first) % names.len()];
    let topic = TelemetryTopic::parse(&format!("telemetry/acme/{profile}/s1")).unwrap();
    let received_at = "2026-02-02T14:19:00Z".parse().unwrap();
    let Ok(results) = read_message(message, &topic, received_at, &Sandbox) else { return };
    for accepted in results.into_iter().flatten() {
        assert!(!accepted.reading.measurements.is_empty(), "a reading that says nothing");
        let written = serde_json::to_string(&accepted.reading.measurements).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok());
    }
});
