//! A decoder, and after a zero byte a payload for it: whatever a script does, it says the same of one payload each time, also
//! when its engine is kept.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spacehook_decoding::Sandbox;
use spacehook_domain::profile::{Decode, Uplink};
use std::collections::BTreeMap;

/// What may differ from one call to the next by right.
const VARIES: [&str; 3] = ["random", "Date", "\\u"];
/// The first calls of a script are made the plain way, the later ones in an engine that is kept.
const CALLS: usize = 5;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let (Some(script), Some(bytes)) = (parts.next(), parts.next()) else { return };
    let Ok(script) = std::str::from_utf8(script) else { return };
    let received_at = "2026-02-02T14:19:00Z".parse().unwrap();
    let uplink = Uplink { bytes: bytes.to_vec(), f_port: Some(85), received_at, variables: BTreeMap::new() };
    let mut said = Vec::new();
    for _ in 0..CALLS {
        let Ok(answer) = Sandbox.decode(script, &uplink) else { return };
        assert!(answer.is_object() || answer.is_null());
        said.push(answer);
    }
    if !VARIES.iter().any(|word| script.contains(word)) {
        assert!(said.iter().all(|answer| *answer == said[0]), "{said:?}");
    }
});
