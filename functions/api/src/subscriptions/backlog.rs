//! What waits for a subscription: its backlog.

use super::changes;
use super::enabling::{KeptChoice, LATER, discarding, wake};
use crate::App;
use crate::auth::{Allowed, Reads, Writes};
use crate::openapi::EventTypeName;
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::ports::ChangeFailed;
use crate::problem::Problem;
use crate::reference::subscription_in_path;
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spacehook_domain::backlog::{Backlog, Change, Kept, Lane, Treatment};
use spacehook_domain::breaker::Breaker;
use spacehook_domain::event::Event;
use spacehook_domain::subscription::Subscription;
use spacehook_store::Saved;
use std::time::Duration;
use utoipa::ToSchema;

/// Spaces that one answer shows, at most.
const SPACES_SHOWN: usize = 1_000;
/// How often a change is tried again that met another one.
const TRIES: usize = 10;

operations!(pub(super) get_backlog, list_backlog_deliveries, discard_backlog);

/// The backlog of a subscription: what waits for it, and whether its receiver is sent to.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Backlog)]
pub struct BacklogView {
    /// Whether the receiver is sent to.
    pub breaker: BreakerView,
    /// Failed attempts since the last that was accepted; five in a row open the breaker.
    pub failures_in_a_row: u32,
    /// Deliveries that wait.
    pub waiting: u64,
    /// Spaces of which something waits.
    pub waiting_spaces: u64,
    /// Since when the oldest of them waits, or a little earlier; null where nothing waits.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub waiting_since: Option<Timestamp>,
    /// Attempts a second, at most, at which it is sent now. It grows with each success, and is halved when the receiver
    /// says that it is too much.
    pub attempts_per_second: f64,
    /// Nothing is sent before, by the receiver's own word (`Retry-After`); null where it said nothing.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub paused_until: Option<Timestamp>,
    /// What was decided about a part of it and is being carried out; null where nothing is.
    #[schema(required)]
    pub decided: Option<DecidedView>,
    /// The spaces of which something waits, the one that has waited longest first; of more than 1,000 the first 1,000.
    #[schema(max_items = 1000)]
    pub spaces: Vec<SpaceBacklogView>,
}

/// Whether a receiver is sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Breaker)]
pub struct BreakerView {
    /// Whether it is.
    pub state: BreakerState,
    /// Since when; null while it is closed.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Probes that failed since it opened; null unless it is open.
    #[schema(required)]
    pub failed_probes: Option<u32>,
    /// When the next probe is due; null unless it is open.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub next_probe_at: Option<Timestamp>,
}

/// Whether a receiver is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// It is: events go to it as they come, but for spaces of which something waits.
    Closed,
    /// It is down: nothing is sent but one probe at a time.
    Open,
    /// It is up again, and gets what waits before it gets anything new.
    Draining,
}

/// What was decided about a part of a backlog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Decided)]
pub struct DecidedView {
    /// What is done.
    pub kept_deliveries: KeptChoice,
    /// With what was kept before this moment.
    #[schema(value_type = String, format = DateTime)]
    pub kept_before: Timestamp,
}

/// What waits of one space, of one named group of sensors, or of one subject: their events are sent in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SpaceBacklog)]
pub struct SpaceBacklogView {
    /// Spacehook's own number of the space; null where it is a group's, or a subject's, such as another subscription.
    #[schema(required)]
    pub space_id: Option<u64>,
    /// Spacehook's own number of the group of sensors; null where it is none's.
    #[schema(required)]
    pub sensor_group_id: Option<u64>,
    /// Deliveries that wait. After a crash it may be a few off until they are sent.
    pub waiting: u64,
    /// Since when the oldest of them waits, or a little earlier.
    #[schema(value_type = String, format = DateTime)]
    pub waiting_since: Timestamp,
    /// Failed attempts of the first of them, probes included.
    pub failed_attempts: u32,
    /// The first is not tried before; null where it is tried as soon as the breaker and the pace let it.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    /// Deliveries that gave way to newer ones (`backlog: latest`).
    pub superseded: u64,
}

/// An event of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeliveredEvent)]
pub struct EventView {
    /// Its id: `webhook-id` of each request.
    pub event_id: String,
    /// Its type.
    #[schema(value_type = EventTypeName)]
    pub event_type: String,
    /// Spacehook's own number of the space it is about; null where it is about none.
    #[schema(required)]
    pub space_id: Option<u64>,
    /// The building that the space was in, or the group of sensors was of.
    #[schema(required)]
    pub building_ref_id: Option<String>,
    /// The floor that it was on.
    #[schema(required)]
    pub floor_ref_id: Option<String>,
    /// The customer's own name of the space.
    #[schema(required)]
    pub space_ref_id: Option<String>,
    /// The customer's own name of the named group of sensors it is about; null where it is about none.
    #[schema(required)]
    pub sensor_group_ref_id: Option<String>,
    /// What it is about, if neither a space nor such a group: of the events about a subscription, its id.
    #[schema(required)]
    pub subject: Option<String>,
    /// Its place in the history of the space, group or subject.
    pub sequence: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
}

/// A delivery that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WaitingDelivery)]
pub struct WaitingView {
    /// What is delivered.
    #[serde(flatten)]
    pub event: EventView,
    /// Since when it waits.
    #[schema(value_type = String, format = DateTime)]
    pub kept_at: Timestamp,
    /// Whether it was dead and somebody asked for it again.
    pub replayed: bool,
}

impl From<Breaker> for BreakerView {
    fn from(breaker: Breaker) -> Self {
        let plain = |state, since| Self { state, since, failed_probes: None, next_probe_at: None };
        match breaker {
            Breaker::Closed => plain(BreakerState::Closed, None),
            Breaker::Draining { since } => plain(BreakerState::Draining, Some(since)),
            Breaker::Open { since, failed_probes, probe_at } => Self {
                failed_probes: Some(failed_probes),
                next_probe_at: Some(probe_at),
                ..plain(BreakerState::Open, Some(since))
            },
        }
    }
}

impl From<Treatment> for DecidedView {
    fn from(treatment: Treatment) -> Self {
        Self { kept_deliveries: treatment.what.into(), kept_before: treatment.kept_before }
    }
}

impl From<Lane> for SpaceBacklogView {
    fn from(lane: Lane) -> Self {
        Self {
            space_id: lane.stream.space().map(|space| space.0),
            sensor_group_id: lane.stream.sensor_group().map(|group| group.0),
            waiting: lane.count,
            waiting_since: lane.kept_since,
            failed_attempts: lane.failures.saturating_add(lane.probes),
            next_attempt_at: lane.not_before,
            superseded: lane.newest.values().map(|newest| newest.superseded).sum(),
        }
    }
}

impl From<&Event> for EventView {
    fn from(event: &Event) -> Self {
        Self {
            event_id: event.id.to_string(),
            event_type: event.event_type.to_string(),
            space_id: event.space().map(|space| space.space_id.0),
            building_ref_id: event.building().map(ToString::to_string),
            floor_ref_id: event.space().and_then(|space| space.floor_ref_id.as_ref()).map(ToString::to_string),
            space_ref_id: event.space().map(|space| space.space_ref_id.to_string()),
            sensor_group_ref_id: event.sensor_group().map(|group| group.sensor_group_ref_id.to_string()),
            subject: event.subject().map(ToString::to_string),
            sequence: event.sequence.0,
            occurred_at: event.occurred_at,
        }
    }
}

impl From<Kept> for WaitingView {
    fn from(kept: Kept) -> Self {
        Self { event: (&kept.event).into(), kept_at: kept.kept_at, replayed: kept.replayed }
    }
}

impl BacklogView {
    /// A subscription's backlog with these lanes; none of both where it never failed.
    fn of(subscription: &Subscription, backlog: Option<&Backlog>, mut lanes: Vec<Lane>) -> Self {
        lanes.sort_by_key(|lane| (lane.kept_since, lane.stream));
        let pace = backlog.map(|backlog| backlog.pace).unwrap_or_default();
        let gap = pace.gap(subscription.rate_limit_per_second);
        Self {
            breaker: backlog.map_or(Breaker::Closed, |backlog| backlog.breaker).into(),
            failures_in_a_row: backlog.map_or(0, |backlog| backlog.failures_in_a_row),
            waiting: lanes.iter().map(|lane| lane.count).sum(),
            waiting_spaces: u64::try_from(lanes.len()).unwrap_or(u64::MAX),
            waiting_since: lanes.first().map(|lane| lane.kept_since),
            attempts_per_second: (1_000.0 / gap.as_secs_f64()).round() / 1_000.0,
            paused_until: backlog.and_then(|backlog| backlog.paused_until),
            decided: backlog.and_then(|backlog| backlog.treatment).map(DecidedView::from),
            spaces: lanes.into_iter().take(SPACES_SHOWN).map(SpaceBacklogView::from).collect(),
        }
    }
}

async fn read(app: &App, subscription: &Subscription) -> Result<BacklogView, Problem> {
    let key = subscription.key();
    let backlog = app.backlogs.backlog(&key).await?;
    let lanes = app.backlogs.lanes(&key).await?;
    Ok(BacklogView::of(subscription, backlog.as_ref(), lanes))
}

/// Get the backlog of a subscription
///
/// What waits for it while its receiver is down or it is disabled, and whether its receiver is sent to.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/backlog", tag = "deliveries", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "The subscription")),
    responses((status = 200, description = "The backlog", body = BacklogView))
)]
async fn get_backlog(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(id): Path<String>,
) -> Result<Json<BacklogView>, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    read(&app, &subscription).await.map(Json)
}

/// List the deliveries that wait
///
/// Space after space, and within each in the order in which they are sent.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/backlog/deliveries", tag = "deliveries", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "The subscription"), PageParameters),
    responses((status = 200, description = "A page", body = List<WaitingView>))
)]
async fn list_backlog_deliveries(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(id): Path<String>,
    Paging(page): Paging,
) -> Result<List<WaitingView>, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let page = app.backlogs.waiting(&subscription.key(), page).await?;
    Ok(List::of(page, WaitingView::from))
}

/// Discard the backlog of a subscription
///
/// All that was kept until now is counted as discarded and never sent, from the next moments on; what is kept later is
/// not touched. The answer is the backlog as it is when that has been decided. Dead deliveries stay listed.
#[utoipa::path(
    delete, path = "/v1/subscriptions/{id}/backlog", tag = "deliveries", security(("api_key" = ["write"])),
    params(("id" = String, Path, description = "The subscription")),
    responses(
        (status = 202, description = "Decided, and being carried out", body = BacklogView),
        (status = 409, description = "It is being changed by others", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn discard_backlog(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<BacklogView>), Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    discard(&app, &subscription).await?;
    Ok((StatusCode::ACCEPTED, Json(read(&app, &subscription).await?)))
}

async fn discard(app: &App, subscription: &Subscription) -> Result<(), Problem> {
    let key = subscription.key();
    for _ in 0..TRIES {
        let backlog = app.backlogs.backlog(&key).await?;
        if backlog.is_none() && app.backlogs.lanes(&key).await?.is_empty() {
            return Ok(());
        }
        let now = app.now();
        let mut change = Change::of(key.clone());
        change.set_backlog(backlog.as_ref(), discarding(backlog.as_ref(), now));
        wake(app, &key, LATER).await;
        if app.backlogs.change(&change, now).await? == Saved::Yes {
            wake(app, &key, Duration::ZERO).await;
            return Ok(());
        }
    }
    Err(ChangeFailed::Conflict.into())
}
