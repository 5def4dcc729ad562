//! The scripts of profiles: decoders of binary payloads as vendors publish them, JavaScript by the `LoRa` Alliance's payload
//! codec API (TS013), and `normalize(data, meta)`, run in `QuickJS` behind bounds.
//!
//! A script gets nothing but its input: no files, no network, no timers, and no other message's state. What it may take is
//! bounded ([`TIME_LIMIT`], [`MEMORY_BYTES_LIMIT`], [`STACK_BYTES_LIMIT`], [`OUTPUT_BYTES_LIMIT`]), and what it does wrong is an
//! error of its message alone; one that can't be stopped is left behind ([`worker`]). Nothing is made before the first message that needs an engine.
//!
//! **Two ways to one answer.** The plain way is an engine of its own for a message: the script is read, run, called, and all of
//! it is thrown away ([`fresh`]). Nearly all that costs is reading the source, so the engine of a script that went well is
//! kept, with the source compiled in it as the body of a function: called for each message, its variables are new each time
//! ([`kept`]). What is left that a message could leave to the next is everything the language itself comes with, and
//! after each message that is put back as it was. The kept way only ever answers what the plain way would: an error, or
//! anything by which a script could tell the two apart, and its engine is thrown away and the message is run the plain way
//! ([`scripts`] decides).

mod answer;
mod call;
mod engine;
mod failure;
mod fresh;
mod kept;
mod scripts;
mod worker;

pub use engine::{MEMORY_BYTES_LIMIT, OUTPUT_BYTES_LIMIT, STACK_BYTES_LIMIT, TIME_LIMIT};

use call::Call;
use serde_json::Value;
use spacehook_domain::profile::{Decode, Entry, Uplink};
use worker::Question;

/// Runs scripts. What it keeps of them between messages belongs to the thread that asks, and goes with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sandbox;

impl Decode for Sandbox {
    /// What the decoder makes of an uplink. Costs processor time, within [`TIME_LIMIT`].
    fn decode(&self, script: &str, uplink: &Uplink) -> Result<Value, String> {
        answer::of_decoder(&worker::ask(script, Question::Run(Call::decode(uplink)))?)
    }

    /// What `normalize` makes of a message. Costs processor time, within [`TIME_LIMIT`].
    fn normalize(&self, script: &str, data: &Value, meta: &Value) -> Result<Value, String> {
        answer::of_normalize(&worker::ask(script, Question::Run(Call::normalize(data, meta)))?)
    }

    fn check(&self, script: &str, entry: Entry) -> Result<(), String> {
        worker::ask(script, Question::Check(entry)).map(drop)
    }
}

#[cfg(test)]
mod tests;
