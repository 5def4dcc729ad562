//! Events that other platforms publish: one, or a batch that is taken as a whole or not at all.
//!
//! An event is checked before any of its request is queued: whether its type can be published, and whether it is what the
//! type's schema says. What is queued is queued for good: should the queue fail in the middle of a batch, the answer is 503,
//! and what was queued before is delivered. A request that is repeated makes events of the same ids, which the queue drops
//! for five minutes and receivers know for longer.

mod check;
mod read;
mod routes;

pub use check::Schemas;
pub use read::{EventBatch, NewEvent};
pub use routes::{PublishedBatch, PublishedEvent, described, routes};
