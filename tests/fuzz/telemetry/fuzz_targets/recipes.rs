//! A recipe, and after a zero byte a message for it. Payloads are not decoded: what scripts do, `messages` tries.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spacehook_domain::profile::{NoDecoder, Recipe, native_items};

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let (Some(recipe), Some(message)) = (parts.next(), parts.next()) else { return };
    let Ok(recipe) = std::str::from_utf8(recipe) else { return };
    let (Ok(recipe), Ok(message)) = (Recipe::parse(recipe), serde_json::from_slice(message)) else { return };
    let received_at = "2026-02-02T14:19:00Z".parse().unwrap();
    if let Ok(items) = native_items(&recipe, message, received_at, &NoDecoder) {
        assert!(items.into_iter().filter_map(|(_, item)| item.ok()).all(|item| item.is_object()));
    }
});
