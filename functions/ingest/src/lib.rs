//! Ingest: telemetry to events.
//!
//! IoT Core invokes this function with one published message ([`message`]). Its readings are applied to the states of
//! their spaces, and what that changes is queued as events ([`intake`]). The queue of holds invokes it with timers ([`holding`]).
//!
//! **At least once.** A space's state is written together with the events that the change gave and that are not yet
//! queued (`pending`). Then the events are sent, then `pending` is cleared. A crash in between loses nothing: the next
//! invocation for that space (Lambda's own repeat of this one, or the next reading) finds them, and sends the same
//! events with the same ids before anything newer; the queue drops doubles by id.

pub mod holding;
pub mod intake;
pub mod message;
pub mod placements;
pub mod ports;
pub mod profiles;
mod raw;
pub mod remembered;
mod shadows;
