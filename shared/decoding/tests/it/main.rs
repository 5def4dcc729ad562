//! Built-in decoders and profiles, as telemetry comes to them.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod any_input;
mod milesight;
