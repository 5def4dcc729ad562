//! The API, called like a client calls it, with everything behind it in memory.

#![expect(clippy::unwrap_used, reason = "all of this crate is tests, its helpers too")]
#![expect(clippy::needless_pass_by_value, reason = "`json!` makes values, and tests read better without a `&` each")]

mod access;
mod authenticating;
mod backlogs;
mod client;
mod contacts;
mod conventions;
mod deleting;
mod docs;
mod event_types;
mod events;
mod explaining;
mod fake;
mod filters;
mod finding;
mod idempotency;
mod importing;
mod keys;
mod lists;
mod news;
mod openapi;
mod patching;
mod places;
mod profiles;
mod publishing;
mod rates;
mod receivers;
mod recorded;
mod replacing;
mod replays;
mod rotating;
mod secrets;
mod sensor_groups;
mod subscriptions;
mod tenants;
mod testing;
