//! The operations that publish.

use super::check;
use super::read::{self, EventBatch, NewEvent, Read};
use crate::App;
use crate::auth::{Allowed, Publishes};
use crate::body::JsonBody;
use crate::fields::Errors;
use crate::idempotency::FirstSeen;
use crate::operations::operations;
use crate::problem::Problem;
use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::event::{About, Event};
use spacehook_domain::ids::TenantId;
use spacehook_domain::publishing::Publication;
use utoipa::ToSchema;

operations!(pub publish_event, publish_events);

/// An event that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedEvent {
    /// Its id: `webhook-id` of each request.
    #[schema(example = "evt_019c1d6a2b3c4d5e6f708192a3b4c5d6")]
    pub id: String,
    /// What it is about; a subject of its own where none was given.
    pub subject: String,
    /// Its place in the history of the subject: `spacehook-sequence` of each request.
    pub sequence: u64,
}

/// Events that were taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedBatch {
    /// Them, in the order of the request.
    pub events: Vec<PublishedEvent>,
}

impl From<&Event> for PublishedEvent {
    fn from(event: &Event) -> Self {
        let subject = match &event.about {
            About::Subject(subject) => subject.as_str(),
            About::Space(space) => space.space_ref_id.as_str(),
            About::SensorGroup(group) => group.sensor_group_ref_id.as_str(),
        };
        Self { id: event.id.to_string(), subject: subject.to_owned(), sequence: event.sequence.0 }
    }
}

/// The publication that a request is. One that may be repeated, under a key by which it was first seen then, makes the same
/// events each time.
fn publication(app: &App, tenant: &TenantId, first_seen: Option<&FirstSeen>) -> Result<Publication, Problem> {
    match first_seen {
        Some(seen) => Ok(Publication::repeatable(tenant, seen.key.as_str(), seen.first_at)),
        None => Ok(Publication::new(app.now(), app.random()?)),
    }
}

/// Makes and queues the events of a request, if nothing is wrong with any of them.
async fn publish(
    app: &App,
    tenant: &TenantId,
    first_seen: Option<&FirstSeen>,
    body: &Value,
    read: impl Fn(&Value, &Errors, Timestamp) -> Vec<Read>,
) -> Result<Vec<Event>, Problem> {
    let errors = Errors::default();
    let events = read(body, &errors, app.now());
    let types = check::types(app, tenant, &events).await?;
    check::check(&events, &types, &errors);
    let events = errors.finish(Some(events))?;
    let publication = publication(app, tenant, first_seen)?;
    let events: Vec<Event> =
        (0..).zip(events).map(|(place, event)| publication.event(tenant, place, event.draft, None)).collect();
    app.publisher.publish(&events).await?;
    Ok(events)
}

/// Publish an event
///
/// It goes to the subscriptions that list its type, as any other event does.
#[utoipa::path(
    post, path = "/v1/events", tag = "events", security(("api_key" = ["publish"])),
    request_body = NewEvent, responses((status = 202, description = "It is queued", body = PublishedEvent))
)]
async fn publish_event(
    State(app): State<App>,
    allowed: Allowed<Publishes>,
    first_seen: Option<Extension<FirstSeen>>,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, Json<PublishedEvent>), Problem> {
    let events = publish(&app, &allowed.caller.tenant, first_seen.as_deref(), &body, read::one).await?;
    let event = events.first().ok_or_else(|| Problem::internal("a body was read as no event"))?;
    Ok((StatusCode::ACCEPTED, Json(event.into())))
}

/// Publish events
///
/// Up to 100, in their order: all of them, or, where anything is wrong with any, none. Every mistake is listed, with its
/// place.
#[utoipa::path(
    post, path = "/v1/events/batch", tag = "events", security(("api_key" = ["publish"])),
    request_body = EventBatch, responses((status = 202, description = "They are queued", body = PublishedBatch))
)]
async fn publish_events(
    State(app): State<App>,
    allowed: Allowed<Publishes>,
    first_seen: Option<Extension<FirstSeen>>,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, Json<PublishedBatch>), Problem> {
    let events = publish(&app, &allowed.caller.tenant, first_seen.as_deref(), &body, read::batch).await?;
    Ok((StatusCode::ACCEPTED, Json(PublishedBatch { events: events.iter().map(PublishedEvent::from).collect() })))
}
