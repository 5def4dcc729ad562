//! A recipe, and after a zero byte a message for it. Payloads are not decoded: what scripts do, `messages` tries.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use spacehook_domain::ids::{ProfileName, SensorId};
use spacehook_domain::profile::{NoDecoder, Origin, Recipe, native};

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let (Some(recipe), Some(message)) = (parts.next(), parts.next()) else { return };
    let (Ok(recipe), Ok(message)) = (serde_json::from_slice::<Value>(recipe), serde_json::from_slice(message)) else {
        return;
    };
    let recipe = match Recipe::read(&recipe) {
        Ok(recipe) => recipe,
        Err(mistakes) => {
            // Each is at a place of the recipe, or where something is missing from it.
            assert!(mistakes.iter().all(|mistake| mistake.pointer.is_empty() || mistake.pointer.starts_with('/')));
            assert!(!mistakes.is_empty());
            return;
        }
    };
    let (sensor_id, name) = (SensorId::parse("s1").unwrap(), ProfileName::parse("fuzz").unwrap());
    let origin = Origin { sensor_id: &sensor_id, profile: &name, received_at: "2026-02-02T14:19:00Z".parse().unwrap() };
    if let Ok(made) = native(&recipe, message, origin, &NoDecoder) {
        assert!(made.items.into_iter().filter_map(|(_, item)| item.ok()).all(|item| item.is_object()));
    }
});
