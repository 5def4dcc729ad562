//! Profiles: the forms of messages, those that every tenant has and those of the tenant's own.
//!
//! A profile says how a vendor's messages become readings ([`spacehook_domain::profile`]). One of a tenant's own gets a new
//! version with each change; a version never changes, and the newest ones are kept. Its scripts are run once when it is saved,
//! so that what can't be read is refused then and not with the first message.

mod changes;
mod listing;
mod read;
mod routes;
mod trial;
mod view;

pub use read::{NewProfile, ProfileReplacement};
pub use trial::{ProfileTrial, TrialResult};
pub use view::{ProfileVersionView, ProfileView, ProfileWithDefinition};

pub(crate) use changes::is_there;
pub use routes::{described, routes};

use crate::App;
use axum::Router;
use axum::routing::post;

/// Serves a trial as `POST /v1/profiles/{name}:test` too.
pub fn routes_by_verb() -> Router<App> {
    Router::new().route("/v1/profiles/{name}", post(routes::try_profile_by_verb))
}
