//! The rules of Spacehook, and nothing else.
//!
//! What a sensor said becomes a [`reading::Reading`]; readings become the state of a space
//! ([`space_state::SpaceState`]); changes of that state become [`event::Event`]s; events meet
//! [`subscription::Subscription`]s in [`matching`]; what is sent is made in [`rendering`], [`signing`] and
//! [`request`]; what may be sent to is decided in [`receiver`]; what follows a failure is decided in [`retry`],
//! [`breaker`] and [`failure_rate`]; what waits, and in which order it is sent, in [`backlog`].
//!
//! This crate knows no AWS, opens no socket, reads no clock and rolls no dice: time and randomness are arguments.
//! So every rule can be tested in microseconds and simulated from a seed.

pub mod api_key;
pub mod attempt;
pub mod backlog;
pub mod battery;
pub mod breaker;
pub mod catalogue;
pub mod counter;
pub mod credentials;
pub mod device;
pub mod event;
pub mod failure;
pub mod failure_rate;
pub mod filter;
pub mod hold_timer;
pub mod idempotency;
pub mod ids;
pub mod job;
pub mod kept_events;
pub mod key_values;
pub mod lifecycle;
pub mod matching;
pub mod message;
pub mod metadata;
pub mod notice;
pub mod observed;
pub mod own_type;
pub mod payload;
pub mod place;
pub mod presence;
pub mod privacy;
pub mod profile;
pub mod publishing;
pub mod reading;
pub mod receiver;
pub mod rendering;
pub mod request;
pub mod request_rate;
pub mod retry;
pub mod retry_after;
pub mod schema;
pub mod settings;
pub mod shadow;
pub mod share;
pub mod signing;
pub mod space_state;
pub mod stats;
pub mod stream;
pub mod subscription;
pub mod telemetry;
pub mod tenant;
pub mod trace;
pub mod wake;

#[cfg(test)]
mod test_data;
