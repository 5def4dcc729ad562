//! Event types: those of Spacehook, as its catalogue has them, and those of the tenant's own.
//!
//! A type of a tenant's own is registered before anybody can publish or subscribe to it. What its events look like can
//! change, version after version; a version never does. Nothing is deleted: an archived type takes no new subscriptions and
//! no new events, and those who listen to it keep what they have.

mod changes;
mod example;
mod listing;
mod read;
mod routes;
mod view;

pub use read::{NewEventType, Replacement};
pub use view::{EventTypeView, EventTypeWithSchema, GroupName, OriginName, VersionView};

pub(crate) use example::example;
pub use routes::{described, routes};
