//! The attempts of a subscription: listed, and each whole.

use super::changes;
use super::history::ReasonView;
use crate::App;
use crate::auth::{Allowed, Reads};
use crate::openapi::EventTypeName;
use crate::operations::operations;
use crate::page::{self, List, instant};
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::reference::{self, subscription_in_path};
use axum::Json;
use axum::extract::{Path, State};
use http::Uri;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::attempt::{Attempt, Logged, Outcome};
use spacehook_domain::event::{About, Change, EVENT_VERSION, Event, EventType};
use spacehook_domain::ids::{AttemptId, BuildingRefId, EventId};
use spacehook_domain::rendering;
use spacehook_domain::request::{Telling, described_headers};
use spacehook_domain::stream::Subject;
use spacehook_domain::subscription::Subscription;
use spacehook_store::{AttemptFilter, PageRequest};
use utoipa::{IntoParams, ToSchema};

operations!(pub(super) list_attempts, get_attempt);

/// One HTTP request of a delivery.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptView {
    /// Its id.
    #[schema(example = "att_019c1eb89a1470008000000000000000")]
    pub id: String,
    /// The event: `webhook-id` of the request.
    pub event_id: String,
    /// Its type.
    #[schema(value_type = EventTypeName)]
    pub event_type: String,
    /// Its place in the history of the space, group or subject.
    pub sequence: u64,
    /// The building that the space of the event was in, or its group of sensors was of; null where there is none.
    #[schema(required)]
    pub building_ref_id: Option<String>,
    /// The customer's own name of the space.
    #[schema(required)]
    pub space_ref_id: Option<String>,
    /// The customer's own name of the named group of sensors it is about; null where it is about none.
    #[schema(required)]
    pub sensor_group_ref_id: Option<String>,
    /// The trace of what caused the event: the same in `traceparent` of the request, and in the logs. Null where there was
    /// none.
    #[schema(required, example = "5759e988bd862e3fe1be46a994272793")]
    pub trace_id: Option<String>,
    /// 1 for the first attempt of the delivery.
    pub number: u32,
    /// How many older deliveries it stood for; null where the backlog keeps all.
    #[schema(required)]
    pub superseded: Option<u64>,
    /// The revision of the subscription that it was made with.
    pub subscription_revision: u64,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// From its start to its end.
    pub duration_ms: u64,
    /// From the sensor's observation to the end of the attempt.
    pub freshness_ms: u64,
    /// Whether the receiver accepted: a 2xx within 5 s.
    pub accepted: bool,
    /// The receiver's HTTP status; null where there was no answer.
    #[schema(required)]
    pub status: Option<u16>,
    /// Why it failed; null where it did not.
    #[schema(required)]
    pub reason: Option<ReasonView>,
    /// The first KiB of the answer to a failed attempt.
    #[schema(required)]
    pub answer: Option<String>,
}

/// An attempt, and the request that it was.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AttemptWithRequest {
    /// The attempt.
    #[serde(flatten)]
    pub attempt: AttemptView,
    /// The request.
    pub request: RequestView,
}

/// A request to a receiver.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Request)]
pub struct RequestView {
    /// Its method.
    #[schema(example = "POST")]
    pub method: String,
    /// Where it went.
    pub url: String,
    /// Its headers; what is secret, and the signature, is redacted.
    pub headers: Vec<HeaderView>,
    /// Its body; null where it is not known any more.
    #[schema(required)]
    pub body: Option<Value>,
    /// Why the body, or more, is not known; null where all is.
    #[schema(required)]
    pub incomplete: Option<String>,
}

/// A header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Header)]
pub struct HeaderView {
    /// Its name.
    pub name: String,
    /// Its value, or `[redacted]`.
    pub value: String,
}

impl From<Logged> for AttemptView {
    fn from(Logged { id, attempt }: Logged) -> Self {
        let building_ref_id = attempt.building().map(ToString::to_string);
        let (accepted, status, reason, answer) = match attempt.outcome {
            Outcome::Accepted { status } => (true, Some(status), None, None),
            Outcome::Failed { reason, status, answer } => (false, status, Some(ReasonView::from(&reason)), answer),
        };
        Self {
            id: id.to_string(),
            event_id: attempt.event_id.to_string(),
            event_type: attempt.event_type.to_string(),
            sequence: attempt.sequence.0,
            building_ref_id,
            space_ref_id: attempt.space.as_ref().map(|space| space.space_ref_id.to_string()),
            sensor_group_ref_id: attempt.sensor_group.as_ref().map(|group| group.sensor_group_ref_id.to_string()),
            trace_id: attempt.trace_id.map(String::from),
            number: attempt.number.0,
            superseded: attempt.superseded,
            subscription_revision: attempt.revision,
            started_at: attempt.started_at,
            duration_ms: attempt.duration_ms,
            freshness_ms: attempt.freshness_ms,
            accepted,
            status,
            reason,
            answer,
        }
    }
}

/// Parameters of the list of attempts, for the document.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AttemptParameters {
    /// Items wanted, at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before, with the same parameters.
    #[param(max_length = 2048)]
    pub cursor: Option<String>,
    /// Started then or later.
    #[param(value_type = Option<String>, format = DateTime)]
    pub since: Option<String>,
    /// Started before.
    #[param(value_type = Option<String>, format = DateTime)]
    pub until: Option<String>,
    /// `accepted`, `failed`, an HTTP status such as `503`, or the key of a reason such as `timeout`.
    #[param(pattern = "^([1-9][0-9]{2}|[a-z][a-z0-9_]{0,63})$")]
    pub status: Option<String>,
    /// Of an event of this type.
    #[param(value_type = Option<EventTypeName>)]
    pub event_type: Option<String>,
    /// Of an event about a space of this building.
    pub building_ref_id: Option<String>,
    /// Of an event about a space of this name.
    pub space_ref_id: Option<String>,
    /// Of this event.
    #[param(pattern = "^evt_[0-9a-f]{32}$")]
    pub event_id: Option<String>,
}

/// The filters that are not in the keys of attempts, as their time is.
const FILTERS: &[&str] = &["status", "event_type", "building_ref_id", "space_ref_id", "event_id"];

/// How an attempt came out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Came {
    Accepted,
    Failed,
    Status(u16),
    Reason(String),
}

impl Came {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "accepted" => return Ok(Self::Accepted),
            "failed" => return Ok(Self::Failed),
            _ => {}
        }
        let status = text.parse::<u16>().ok().filter(|status| text.len() == 3 && *status >= 100);
        if let Some(status) = status {
            return Ok(Self::Status(status));
        }
        let is_key = text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.len() <= 64
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let detail = "must be 'accepted', 'failed', an HTTP status, or the key of a reason such as 'timeout'";
        if is_key { Ok(Self::Reason(text.to_owned())) } else { Err(detail.to_owned()) }
    }

    fn is(&self, outcome: &Outcome) -> bool {
        let (status, reason) = match outcome {
            Outcome::Accepted { status } => (Some(*status), None),
            Outcome::Failed { reason, status, .. } => (*status, Some(reason)),
        };
        match self {
            Self::Accepted => reason.is_none(),
            Self::Failed => reason.is_some(),
            Self::Status(wanted) => status == Some(*wanted),
            Self::Reason(wanted) => reason.is_some_and(|reason| reason.key() == *wanted),
        }
    }
}

/// Which attempts are wanted, beside their time.
#[derive(Debug, Default)]
struct Wanted {
    came: Option<Came>,
    event_type: Option<EventType>,
    building_ref_id: Option<String>,
    space_ref_id: Option<String>,
    event_id: Option<EventId>,
}

impl Wanted {
    fn read(uri: &Uri) -> Result<(Self, AttemptFilter, PageRequest), Problem> {
        let mut parameters = Parameters::of(uri)?;
        let request = page::read(&mut parameters);
        let mut filter = AttemptFilter {
            since: parameters.read("since", instant),
            until: parameters.read("until", instant),
            // The time is in the keys: a list without another filter reads no more than a page.
            name: parameters.said(FILTERS),
        };
        let wanted = Self {
            came: parameters.read("status", Came::parse),
            event_type: parameters.read("event_type", EventType::parse),
            building_ref_id: parameters.read("building_ref_id", reference::building).map(String::from),
            space_ref_id: parameters.read("space_ref_id", reference::space).map(String::from),
            event_id: parameters.read("event_id", |text| EventId::parse(text)),
        };
        parameters.finish()?;
        if let (Some(since), Some(until)) = (filter.since, filter.until)
            && since >= until
        {
            return Err(Problem::parameter("since", "must be before until"));
        }
        // An attempt is made after its event was received.
        if let Some(event_id) = &wanted.event_id {
            let received_at = event_id.received_at();
            filter.since = Some(filter.since.map_or(received_at, |since| since.max(received_at)));
        }
        Ok((wanted, filter, request))
    }

    fn takes(&self, attempt: &Attempt) -> bool {
        let of = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        self.came.as_ref().is_none_or(|came| came.is(&attempt.outcome))
            && self.event_type.is_none_or(|wanted| wanted == attempt.event_type)
            && self.event_id.as_ref().is_none_or(|wanted| *wanted == attempt.event_id)
            && of(&self.building_ref_id, attempt.building().map(BuildingRefId::as_str))
            && of(&self.space_ref_id, attempt.space.as_ref().map(|space| space.space_ref_id.as_str()))
    }
}

/// The request of an attempt, as far as it is known.
fn request(subscription: &Subscription, logged: &Logged, event: Option<&Event>, is_as_it_was: bool) -> RequestView {
    let attempt = &logged.attempt;
    let body = event.map(|event| rendering::body(event, &subscription.key_values));
    let named = named(subscription, attempt);
    let telling =
        Telling { subscription, attempt: attempt.number, at: attempt.started_at, superseded: attempt.superseded };
    let of = event.unwrap_or(&named);
    let headers = described_headers(of, telling, body.as_deref().unwrap_or_default());
    let incomplete = match (event, is_as_it_was) {
        (None, _) => Some("The event is not kept: events are kept for a few days, and those of a resync are not."),
        (_, false) => Some("The revision of the subscription that it was made with is gone: this is the present one."),
        _ => None,
    };
    RequestView {
        method: "POST".to_owned(),
        url: subscription.url.clone(),
        headers: headers.into_iter().map(|(name, value)| HeaderView { name, value }).collect(),
        // What was rendered is JSON.
        body: body.and_then(|body| serde_json::from_slice(&body).ok()),
        incomplete: incomplete.map(str::to_owned),
    }
}

/// What an attempt says of its event: enough for its headers.
fn named(subscription: &Subscription, attempt: &Attempt) -> Event {
    Event {
        version: EVENT_VERSION,
        id: attempt.event_id.clone(),
        tenant: subscription.tenant.clone(),
        event_type: attempt.event_type,
        sequence: attempt.sequence,
        about: About::Subject(Subject::from(&subscription.id)),
        occurred_at: attempt.started_at,
        received_at: attempt.started_at,
        trace: attempt.trace_id.clone(),
        change: Change::default(),
        test: false,
        data: Value::Null,
    }
}

/// List the attempts of a subscription
///
/// The newest first; kept for 7 days. A request that filters by more than time looks through at most 1,000 attempts: its
/// page can have fewer than were asked for, or none, and goes on with `next_cursor`.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/attempts", tag = "deliveries", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "The subscription"), AttemptParameters),
    responses((status = 200, description = "A page", body = List<AttemptView>))
)]
async fn list_attempts(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<List<AttemptView>, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let (wanted, filter, page) = Wanted::read(&uri)?;
    let takes = |attempt: &Attempt| wanted.takes(attempt);
    let page = app.subscriptions.attempts(&subscription.key(), &filter, &takes, page).await?;
    Ok(List::of(page, AttemptView::from))
}

/// Get an attempt
///
/// With the request that it was: its headers without what is secret, and its body as long as the event is kept.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/attempts/{attempt_id}", tag = "deliveries", security(("api_key" = ["read"])),
    params(
        ("id" = String, Path, description = "The subscription"),
        ("attempt_id" = String, Path, description = "The attempt"),
    ),
    responses((status = 200, description = "The attempt", body = AttemptWithRequest))
)]
async fn get_attempt(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path((id, attempt_id)): Path<(String, String)>,
) -> Result<Json<AttemptWithRequest>, Problem> {
    let subscription = changes::read(&app, &allowed.caller.tenant, &subscription_in_path(&id)?).await?;
    let missing = || Problem::not_found("attempt");
    let id = AttemptId::parse(attempt_id).map_err(|_| missing())?;
    let key = subscription.key();
    let attempt = app.subscriptions.attempt(&key, &id).await?.ok_or_else(missing)?;
    let former = match attempt.revision {
        revision if revision == subscription.revision => Some(subscription.clone()),
        revision => app.subscriptions.revision(&key, revision).await?,
    };
    let event = app.kept_events.find(&key.tenant, &attempt.event_id).await?;
    let logged = Logged { id, attempt };
    let is_as_it_was = former.is_some();
    let request = request(&former.unwrap_or(subscription), &logged, event.as_ref(), is_as_it_was);
    Ok(Json(AttemptWithRequest { attempt: logged.into(), request }))
}
