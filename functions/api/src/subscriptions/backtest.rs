//! Backtests: how many of the kept events a subscription would have matched.

use super::changes;
use super::request::{SendChoice, read_filter};
use crate::App;
use crate::auth::{Allowed, Reads};
use crate::body::OptionalBody;
use crate::fields::{At, Errors};
use crate::openapi::EventTypeName;
use crate::operations::operations;
use crate::page::instant;
use crate::problem::Problem;
use crate::reference::{self, subscription_in_path};
use axum::Json;
use axum::extract::{Path, State};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::event::EventType;
use spacehook_domain::kept_events::{Position, Window};
use spacehook_domain::matching;
use spacehook_domain::subscription::{EVENT_TYPES_LIMIT, Send, Subscription};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How far back it goes where the request does not say.
const USUAL: SignedDuration = SignedDuration::from_hours(24);
/// Events that one request looks through, about, at most.
const LOOKED_THROUGH: u64 = 20_000;
/// Events read at once.
const AT_ONCE: usize = 1_000;
/// How long one request looks: well within the time of a request.
const TIME: SignedDuration = SignedDuration::from_secs(8);
/// Events named of those that match, at most.
const SAMPLES: usize = 10;

operations!(pub(super) backtest_subscription);

/// What is tried: the subscription, with these of its settings instead of its own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBacktest {
    /// Events that were received then or later; a day before now where it is not given.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<String>,
    /// Events that were received before; now where it is not given.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<String>,
    /// Instead of the types that it lists.
    #[schema(value_type = Option<Vec<EventTypeName>>)]
    pub event_types: Option<Vec<String>>,
    /// Instead of the buildings that it lists; an empty array means all.
    pub building_ref_ids: Option<Vec<String>>,
    /// Instead of its `send`: `always` or `on_change`.
    #[schema(value_type = Option<SendChoice>, example = "on_change")]
    pub send: Option<String>,
    /// Instead of its `filter`; null means none.
    #[schema(value_type = Option<Object>, example = json!({"person_count": [{"numeric": [">", 4]}]}))]
    pub filter: Option<Value>,
}

/// What a backtest found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Backtest)]
pub struct BacktestView {
    /// Events that were received then or later were looked at.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Events that were received before were looked at.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Whether the whole time that was asked for has been looked through; where not, ask again with `since` as `until` is
    /// here.
    pub complete: bool,
    /// Events that were looked at.
    pub examined: u64,
    /// Those that would have been sent.
    pub matched: u64,
    /// The same by event type.
    pub by_event_type: BTreeMap<String, MatchedView>,
    /// Some of those that would have been sent.
    #[schema(max_items = 10)]
    pub sample_event_ids: Vec<String>,
}

/// How many of a type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MatchedEvents)]
pub struct MatchedView {
    /// Events that were looked at.
    pub examined: u64,
    /// Those that would have been sent.
    pub matched: u64,
}

/// What is tried, and over which time.
fn read(body: &Value, subscription: &Subscription, now: Timestamp) -> Result<(Subscription, Window), Problem> {
    let errors = Errors::default();
    let known: &[&str] = &["since", "until", "event_types", "building_ref_ids", "send", "filter"];
    let read = At::root(body, &errors).fields(known).and_then(|fields| {
        let since = fields.optional("since", |at| at.parsed(instant).map(Some));
        let until = fields.optional("until", |at| at.parsed(instant).map(Some));
        let event_types = fields.optional("event_types", |at| at.set(1, EVENT_TYPES_LIMIT, EventType::parse).map(Some));
        let buildings = fields.optional("building_ref_ids", |at| at.set(0, 1_000, reference::building).map(Some));
        let send = fields.optional("send", |at| {
            at.parsed(|text| match text {
                "always" => Ok(Some(Send::Always)),
                "on_change" => Ok(Some(Send::OnChange)),
                _ => Err("must be 'always' or 'on_change'"),
            })
        });
        // Null is a filter, too: none.
        let filter = fields.optional("filter", |at| read_filter(at).map(Some));
        let filter = if fields.has("filter") { filter? } else { subscription.filter.clone() };
        let tried = Subscription { filter, ..tried(subscription, event_types?, buildings?, send?) };
        let until = until?.unwrap_or(now).min(now);
        let since = since?.unwrap_or_else(|| until.checked_sub(USUAL).unwrap_or(Timestamp::MIN));
        if since >= until {
            errors.refuse("/since", "must be before until, and in the past");
            return None;
        }
        Some((tried, Window { since, until }))
    });
    errors.finish(read)
}

/// The subscription as it is tried. All that decides about an event is in here: a further condition goes here, and is
/// looked at by [`matching::wants`] as the dispatcher does.
fn tried(
    subscription: &Subscription,
    event_types: Option<std::collections::BTreeSet<EventType>>,
    buildings: Option<std::collections::BTreeSet<spacehook_domain::ids::BuildingRefId>>,
    send: Option<Send>,
) -> Subscription {
    Subscription {
        event_types: event_types.unwrap_or_else(|| subscription.event_types.clone()),
        building_ref_ids: buildings.unwrap_or_else(|| subscription.building_ref_ids.clone()),
        send: send.unwrap_or(subscription.send),
        ..subscription.clone()
    }
}

async fn run(app: &App, tried: &Subscription, window: Window) -> Result<BacktestView, Problem> {
    let began = app.now();
    let mut view = BacktestView {
        since: window.since,
        until: window.until,
        complete: false,
        examined: 0,
        matched: 0,
        by_event_type: BTreeMap::new(),
        sample_event_ids: Vec::new(),
    };
    let mut position = Some(Position::start(window));
    while let Some(from) = position.take() {
        if view.examined >= LOOKED_THROUGH || app.now().duration_since(began) > TIME {
            view.until = reached(&from, window);
            return Ok(view);
        }
        let scanned = app.kept_events.scan(&tried.tenant, window, &from, AT_ONCE).await?;
        for event in scanned.events() {
            let is_match = matching::wants(tried, event).is_ok();
            let of_type = view.by_event_type.entry(event.event_type.to_string()).or_default();
            of_type.examined += 1;
            of_type.matched += u64::from(is_match);
            view.examined += 1;
            view.matched += u64::from(is_match);
            if is_match && view.sample_event_ids.len() < SAMPLES {
                view.sample_event_ids.push(event.id.to_string());
            }
        }
        position = scanned.next();
    }
    view.complete = true;
    Ok(view)
}

/// Up to when all has been looked at: after the last event, to the millisecond.
fn reached(position: &Position, window: Window) -> Timestamp {
    let millisecond = SignedDuration::from_millis(i64::from(position.after.is_some()));
    let reached = position.reached();
    reached.checked_add(millisecond).unwrap_or(reached).clamp(window.since, window.until)
}

/// Try a subscription on what happened
///
/// How many of the kept events of the last 24 hours, or of another time, it would have matched: as it is, or with other
/// settings. Nothing is sent or changed. A request looks through some 20,000 events and for some seconds; then `complete`
/// is false, and `until` says how far it got.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/backtest", tag = "subscriptions", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "The subscription")),
    request_body = Option<NewBacktest>,
    responses((status = 200, description = "What it would have matched", body = BacktestView))
)]
async fn backtest_subscription(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(id): Path<String>,
    OptionalBody(body): OptionalBody,
) -> Result<Json<BacktestView>, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let (tried, window) = read(&body, &subscription, app.now())?;
    run(&app, &tried, window).await.map(Json)
}
