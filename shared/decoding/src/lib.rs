//! Decoders of binary payloads, as vendors publish them: JavaScript by the `LoRa` Alliance's payload codec API (TS013), run in
//! `QuickJS` behind bounds.
//!
//! A decoder gets nothing but its input: no files, no network, no timers, no other message's state, since each message has an
//! engine of its own. What it may take is bounded ([`TIME_LIMIT`], [`MEMORY_BYTES_LIMIT`], [`STACK_BYTES_LIMIT`]), and what it
//! does wrong is an error of its message alone. An engine with the base objects costs a fraction of what its limit is
//! (some 0.1 to 0.3 ms with a decoder of some KB); nothing is made of it before the first message that needs one.

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
