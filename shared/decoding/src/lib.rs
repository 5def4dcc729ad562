//! Decoders of binary payloads, as vendors publish them: JavaScript by the `LoRa` Alliance's payload codec API (TS013), run in
//! `QuickJS` behind bounds.
//!
//! A decoder gets nothing but its input: no files, no network, no timers, no other message's state, since each message has an
//! engine of its own. What it may take is bounded ([`TIME_LIMIT`], [`MEMORY_BYTES_LIMIT`], [`STACK_BYTES_LIMIT`]), and what it
//! does wrong is an error of its message alone. Nothing is made before the first message that needs an engine. An engine with a
//! decoder of 1 KB costs some 0.2 ms of processor time, one with a decoder of 7 KB 1.2 ms: nearly all of it is reading the source.

mod sandbox;

pub use sandbox::{MEMORY_BYTES_LIMIT, OUTPUT_BYTES_LIMIT, STACK_BYTES_LIMIT, TIME_LIMIT};

use serde_json::Value;
use spacehook_domain::profile::{Decode, Uplink};

/// Runs decoders.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sandbox;

impl Decode for Sandbox {
    /// What the decoder makes of an uplink. Costs processor time, within [`TIME_LIMIT`].
    fn decode(&self, script: &str, uplink: &Uplink) -> Result<Value, String> {
        sandbox::run(script, uplink)
    }
}
