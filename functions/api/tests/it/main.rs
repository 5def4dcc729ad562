//! The API, called like a client calls it, with everything behind it in memory.

#![expect(clippy::unwrap_used, reason = "all of this crate is tests, its helpers too")]
#![expect(clippy::needless_pass_by_value, reason = "`json!` makes values, and tests read better without a `&` each")]

mod access;
mod authenticating;
mod backlogs;
mod client;
mod contacts;
mod conventions;
mod events;
mod fake;
mod importing;
mod lists;
mod news;
mod openapi;
mod patching;
mod places;
mod receivers;
mod recorded;
mod secrets;
mod subscriptions;
