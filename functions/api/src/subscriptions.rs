//! Subscriptions: what a user calls their webhook.
//!
//! **The secret and the record.** Credentials live in Secrets Manager, everything else in the table, and there is no
//! transaction over both. So the order is fixed: what a subscription will name is there before it is named, and what
//! no subscription names any more goes last.
//!
//! - Create: the secret, then the subscription. If that is refused, the secret is deleted again.
//! - Change of credentials: a new version of the secret, then the subscription that names the version. If that is
//!   refused, the version in use is made the current one again.
//! - Delete: the subscription, then the secret.
//!
//! Whatever is interrupted, no delivery is ever signed or authenticated with credentials that its subscription does
//! not name; at worst a secret is left that nothing names, and the log says so.

mod auth_fields;
mod backlog;
mod changes;
mod dead;
mod enabling;
mod history;
mod patch;
mod replaying;
mod request;
mod routes;
mod view;

pub use auth_fields::{AuthInput, AuthType};
pub use backlog::{BacklogView, SpaceBacklogView, WaitingView};
pub use dead::{DeadDeliveryWithData, DeadView, Replayed};
pub use enabling::{Enabling, KeptChoice};
pub use history::{AttemptView, StatsView};
pub use request::{BacklogChoice, NewSubscription, SendChoice, SubscriptionPatch};
pub use view::{CreatedSubscription, EnabledSubscription, SubscriptionView};

use crate::App;
use axum::Router;
use utoipa_axum::router::OpenApiRouter;

/// Serves the operations.
pub fn routes() -> Router<App> {
    routes::routes().merge(history::routes()).merge(backlog::routes()).merge(dead::routes())
}

/// Describes the operations.
pub fn described() -> OpenApiRouter<App> {
    routes::described().merge(history::described()).merge(backlog::described()).merge(dead::described())
}
