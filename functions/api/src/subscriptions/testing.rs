//! Test events: the example of a type, sent to one subscription alone, to see what its receiver makes of it.
//!
//! It is put among what waits for the subscription, in a stream of its own, and sent with the header `spacehook-test`; so it
//! goes the way of any delivery, with its signature, its key-value pairs, its attempts.

use super::changes;
use super::enabling::{LATER, wake};
use super::replaying::hold_backlog;
use crate::App;
use crate::auth::{Allowed, Writes};
use crate::body::OptionalBody;
use crate::event_types::example;
use crate::fields::{At, Errors};
use crate::openapi::EventTypeName;
use crate::operations::operations;
use crate::ports::ChangeFailed;
use crate::problem::{Kind, Problem};
use crate::reference::subscription_in_path;
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::backlog::{Change, Kept, Lane};
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::publishing::Publication;
use spacehook_domain::subscription::Subscription;
use spacehook_store::Saved;
use std::time::Duration;
use utoipa::ToSchema;

operations!(pub(super) send_test_event);

/// Which test event is sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestEventInput {
    /// Its type, whether the subscription lists it or not; where none is said, the first that it lists.
    #[schema(value_type = Option<EventTypeName>)]
    pub event_type: Option<String>,
}

/// A test event that is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestEvent {
    /// Its id: `webhook-id` of each request.
    pub event_id: String,
    /// Its type.
    #[schema(value_type = EventTypeName)]
    pub event_type: String,
}

const FIELDS: &[&str] = &["event_type"];

fn read(input: &Value) -> Result<Option<EventType>, Problem> {
    let errors = Errors::default();
    let read = At::root(input, &errors).fields(FIELDS);
    let read = read.and_then(|fields| fields.optional("event_type", |at| at.parsed(EventType::parse).map(Some)));
    errors.finish(read)
}

/// Puts an event among what waits for a subscription, and has a run look at it.
async fn send(app: &App, subscription: &Subscription, event: Event) -> Result<(), Problem> {
    let key = subscription.key();
    wake(app, &key, LATER).await;
    hold_backlog(app, subscription).await?;
    let now = app.now();
    // Nothing else has its stream, so there is no lane of it.
    let mut lane = Lane::new(event.stream(), now);
    lane.count = 1;
    let mut change = Change::of(key.clone());
    change.set_lane(None, lane);
    // Somebody asked for it: it gives way to nothing.
    change.put.push(Kept { event, kept_at: now, replayed: true });
    let saved = app.backlogs.change(&change, now).await?;
    wake(app, &key, Duration::ZERO).await;
    if saved == Saved::Yes { Ok(()) } else { Err(ChangeFailed::Conflict.into()) }
}

/// Send a test event
///
/// The documented example of a type (of a type of the tenant's own, that of its newest version) is sent to this subscription
/// alone, with the header `spacehook-test: true`. It waits with what waits for it, and its attempts are recorded and counted
/// as any others are.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/test", tag = "deliveries", security(("api_key" = ["write"])),
    params(("id" = String, Path, description = "The subscription")),
    request_body = Option<TestEventInput>,
    responses(
        (status = 202, description = "It is being sent", body = TestEvent),
        (status = 409, description = "The subscription is disabled, or its backlog is being changed by others",
            body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
async fn send_test_event(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(id): Path<String>,
    OptionalBody(input): OptionalBody,
) -> Result<(StatusCode, Json<TestEvent>), Problem> {
    let tenant = &allowed.caller.tenant;
    let subscription = changes::read(&app, tenant, &subscription_in_path(&id)?).await?;
    let asked_for = read(&input)?;
    if !subscription.activity.is_enabled() {
        return Err(Problem::new(Kind::SubscriptionDisabled, Kind::SubscriptionDisabled.meaning()));
    }
    let listed = subscription.event_types.first().copied();
    let event_type = asked_for.or(listed).unwrap_or(EventType::SpaceReport);
    let data = example(&app, tenant, event_type).await?;
    let event = Publication::new(app.now(), app.random()?).test_event(tenant, event_type, data);
    let answer = TestEvent { event_id: event.id.to_string(), event_type: event_type.to_string() };
    send(&app, &subscription, event).await?;
    Ok((StatusCode::ACCEPTED, Json(answer)))
}
