//! Dead deliveries: those that were given up. They are kept for 7 days, and replayed when somebody asks for it.

use super::backlog::EventView;
use super::changes;
use super::history::ReasonView;
use super::replaying::{REPLAYED_AT_ONCE, replay};
use crate::App;
use crate::auth::{Allowed, Reads, Writes};
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::problem::Problem;
use crate::reference::{event_in_path, subscription_in_path};
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::backlog::Dead;
use spacehook_domain::ids::{EventId, SubscriptionKey};
use spacehook_domain::retry::DeadBecause;
use spacehook_domain::subscription::Subscription;
use spacehook_store::{PAGE_LIMIT, PageRequest};
use utoipa::ToSchema;

/// Dead deliveries that are read to find the oldest, at most (and a page).
const LOOKED_THROUGH: usize = 2_000;

operations!(pub(super) list_dead_deliveries, get_dead_delivery, replay_dead_delivery, replay_dead_deliveries);

/// Why a delivery was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadBecause)]
pub enum Cause {
    /// Every attempt of the schedule failed.
    AttemptsExhausted,
    /// The receiver refused this very document (400, 413, 415, 422) three times.
    DocumentRefused,
    /// The receiver's address is refused by policy, which no retry changes.
    RefusedByPolicy,
    /// It waited for longer than deliveries are kept.
    Expired,
    /// More of its space waited than is kept.
    BacklogFull,
}

impl From<DeadBecause> for Cause {
    fn from(because: DeadBecause) -> Self {
        match because {
            DeadBecause::AttemptsExhausted => Self::AttemptsExhausted,
            DeadBecause::DocumentRefused => Self::DocumentRefused,
            DeadBecause::RefusedByPolicy => Self::RefusedByPolicy,
            DeadBecause::Expired => Self::Expired,
            DeadBecause::BacklogFull => Self::BacklogFull,
        }
    }
}

/// A delivery that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeadDelivery)]
pub struct DeadView {
    /// What was to be delivered.
    #[serde(flatten)]
    pub event: EventView,
    /// When it was given up.
    #[schema(value_type = String, format = DateTime)]
    pub died_at: Timestamp,
    /// Why it was given up.
    pub because: Cause,
    /// The failure of its last attempt; null where there was no attempt.
    #[schema(required)]
    pub reason: Option<ReasonView>,
    /// Attempts that were made.
    pub attempts: u32,
}

/// A delivery that was given up, with what was to be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeadDeliveryWithData {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: DeadView,
    /// The event's body, without the subscription's key-value pairs.
    pub data: Value,
}

/// What a replay did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replayed {
    /// Deliveries that wait again.
    pub replayed: u32,
    /// Whether there are more dead deliveries: ask again for the next.
    pub more: bool,
    /// Whether they are sent now; false where the subscription is disabled: they wait until it is enabled.
    pub sent_now: bool,
}

impl From<Dead> for DeadView {
    fn from(dead: Dead) -> Self {
        Self {
            event: (&dead.event).into(),
            died_at: dead.died_at,
            because: dead.because.into(),
            reason: dead.reason.as_ref().map(ReasonView::from),
            attempts: dead.attempts,
        }
    }
}

impl From<Dead> for DeadDeliveryWithData {
    fn from(dead: Dead) -> Self {
        Self { data: dead.event.data.clone(), delivery: dead.into() }
    }
}

impl Replayed {
    fn of(subscription: &Subscription, replayed: u32, more: bool) -> (StatusCode, Json<Self>) {
        (StatusCode::ACCEPTED, Json(Self { replayed, more, sent_now: subscription.activity.is_enabled() }))
    }
}

async fn find(app: &App, key: &SubscriptionKey, event: &EventId) -> Result<Dead, Problem> {
    app.backlogs.dead_delivery(key, event).await?.ok_or_else(|| Problem::not_found("dead delivery"))
}

/// The oldest dead deliveries, as many as are replayed at once, and whether there are more. They are read the newest
/// first; so that a long list costs no more than a request can, "oldest" is among the newest [`LOOKED_THROUGH`].
async fn oldest(app: &App, key: &SubscriptionKey) -> Result<(Vec<Dead>, bool), Problem> {
    let (mut dead, mut cursor) = (Vec::new(), None);
    loop {
        let page = app.backlogs.dead(key, PageRequest { limit: PAGE_LIMIT, cursor }).await?;
        dead.extend(page.items);
        cursor = page.next;
        if cursor.is_none() || dead.len() >= LOOKED_THROUGH {
            break;
        }
    }
    let more = cursor.is_some() || dead.len() > REPLAYED_AT_ONCE;
    dead.reverse();
    dead.truncate(REPLAYED_AT_ONCE);
    Ok((dead, more))
}

/// List the dead deliveries of a subscription
///
/// Those that were given up, the newest first; kept for 7 days.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/dead-deliveries", tag = "deliveries", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "The subscription"), PageParameters),
    responses((status = 200, description = "A page", body = List<DeadView>))
)]
async fn list_dead_deliveries(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(id): Path<String>,
    Paging(page): Paging,
) -> Result<List<DeadView>, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let page = app.backlogs.dead(&subscription.key(), page).await?;
    Ok(List::of(page, DeadView::from))
}

/// Get a dead delivery
///
/// With what was to be delivered.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/dead-deliveries/{event_id}", tag = "deliveries",
    security(("api_key" = ["read"])),
    params(
        ("id" = String, Path, description = "The subscription"),
        ("event_id" = String, Path, description = "The event"),
    ),
    responses((status = 200, description = "The dead delivery", body = DeadDeliveryWithData))
)]
async fn get_dead_delivery(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path((id, event_id)): Path<(String, String)>,
) -> Result<Json<DeadDeliveryWithData>, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let dead = find(&app, &subscription.key(), &event_in_path(&event_id)?).await?;
    Ok(Json(dead.into()))
}

/// Replay a dead delivery
///
/// It waits again, and is sent with the same `webhook-id`, though newer events of its space have been. If the subscription
/// is disabled it waits until that is enabled.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/dead-deliveries/{event_id}/replay", tag = "deliveries",
    security(("api_key" = ["write"])),
    params(
        ("id" = String, Path, description = "The subscription"),
        ("event_id" = String, Path, description = "The event"),
    ),
    responses(
        (status = 202, description = "It waits again", body = Replayed),
        (status = 409, description = "The backlog is being changed by others", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn replay_dead_delivery(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path((id, event_id)): Path<(String, String)>,
) -> Result<(StatusCode, Json<Replayed>), Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let dead = find(&app, &subscription.key(), &event_in_path(&event_id)?).await?;
    if replay(&app, &subscription, &[dead]).await? == 0 {
        return Err(Problem::not_found("dead delivery"));
    }
    let more = !app.backlogs.dead(&subscription.key(), PageRequest::first(1)).await?.items.is_empty();
    Ok(Replayed::of(&subscription, 1, more))
}

/// Replay the dead deliveries of a subscription
///
/// The oldest 100 of them (among the newest 2,000) wait again, as if each had been asked for; the answer says whether there
/// are more.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/dead-deliveries/replay", tag = "deliveries",
    security(("api_key" = ["write"])),
    params(("id" = String, Path, description = "The subscription")),
    responses(
        (status = 202, description = "They wait again", body = Replayed),
        (status = 409, description = "The backlog is being changed by others", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn replay_dead_deliveries(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Replayed>), Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let (dead, more) = oldest(&app, &subscription.key()).await?;
    let replayed = replay(&app, &subscription, &dead).await?;
    Ok(Replayed::of(&subscription, replayed, more))
}
