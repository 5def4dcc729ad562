//! Subscriptions: what a user calls their webhook.
//!
//! **The secret and the record.** Credentials live in Secrets Manager, everything else in the table, and there is no
//! transaction over both. So the order is fixed: what a subscription will name is there before it is named, and what
//! no subscription names any more goes last.
//!
//! - Create: the secret, then the subscription. If that is refused, the secret is deleted again.
//! - Change of credentials: a new version of the secret, then the subscription that names the version. If that is
//!   refused, the version in use is made the current one again.
//! - Delete: the subscription, then the secret, then what waits and what was given up.
//!
//! Whatever is interrupted, no delivery is ever signed or authenticated with credentials that its subscription does
//! not name; at worst a secret is left that nothing names, and the log says so.

mod attempts;
mod auth_fields;
mod backlog;
mod backtest;
pub(crate) mod changes;
mod dead;
mod deleting;
mod enabling;
mod finding;
mod history;
mod patch;
mod replacing;
mod replaying;
mod replays;
mod request;
mod rotating;
mod routes;
mod testing;
pub(crate) mod types;
mod view;

pub use attempts::{AttemptParameters, AttemptView, AttemptWithRequest, RequestView};
pub use auth_fields::{AuthInput, AuthType};
pub use backlog::{BacklogView, EventView, SpaceBacklogView, WaitingView};
pub use backtest::{BacktestView, NewBacktest};
pub use dead::{DeadDeliveryWithData, DeadView, Replayed};
pub use enabling::{Enabling, KeptChoice};
pub use finding::SearchParameters;
pub use history::{ReasonView, StatsView};
pub use replays::{JobView, NewReplay, NewResync};
pub use request::{BacklogChoice, NewSubscription, SendChoice, SubscriptionPatch};
pub use rotating::Rotating;
pub use testing::{TestEvent, TestEventInput};
pub use view::{
    CreatedSubscription, EnabledSubscription, RotatedSubscription, SubscriptionView, SubscriptionWithHealth,
};

use crate::App;
use axum::Router;
use utoipa_axum::router::OpenApiRouter;

/// Serves the operations.
pub fn routes() -> Router<App> {
    routes::routes()
        .merge(rotating::routes())
        .merge(history::routes())
        .merge(attempts::routes())
        .merge(backlog::routes())
        .merge(dead::routes())
        .merge(testing::routes())
        .merge(replays::routes())
        .merge(backtest::routes())
}

/// Describes the operations.
pub fn described() -> OpenApiRouter<App> {
    routes::described()
        .merge(rotating::described())
        .merge(history::described())
        .merge(attempts::described())
        .merge(backlog::described())
        .merge(dead::described())
        .merge(testing::described())
        .merge(replays::described())
        .merge(backtest::described())
}
