//! Why an event would be sent to a subscription, or would not.
//!
//! Nothing is decided here. The conditions are those that the dispatcher asks ([`spacehook_domain::matching`]), the body
//! and the headers are made by what it makes them with ([`spacehook_domain::rendering`],
//! [`spacehook_domain::request`]).

mod asked;

pub use asked::{EventInput, ExplainInput};

use crate::App;
use crate::auth::{Allowed, Reads};
use crate::body::JsonBody;
use crate::event_types::example;
use crate::openapi::EventTypeName;
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::problem::Problem;
use crate::subscriptions::changes;
use asked::{Asked, What};
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::event::Event;
use spacehook_domain::ids::TenantId;
use spacehook_domain::matching::{self, Condition, ConditionCode};
use spacehook_domain::rendering;
use spacehook_domain::request::{Telling, described_headers};
use spacehook_domain::retry::AttemptNumber;
use spacehook_domain::subscription::Subscription;
use spacehook_domain::subscription::search::Search;
use spacehook_store::{Page, PageRequest};
use utoipa::ToSchema;

/// Bytes that the bodies of one answer may have together, about: what a function may answer is 6 MB.
const BODIES_LIMIT: usize = 2 * 1024 * 1024;
/// Bytes that an explanation has beside the body, about.
const EXPLANATION_BYTES: usize = 8 * 1024;

operations!(pub explain);

/// What would become of an event with one subscription.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The subscription.
    pub subscription_id: String,
    /// Its name.
    pub name: String,
    /// Whether the event would be sent.
    pub sent: bool,
    /// The first condition that does not hold; null where it would be sent, since then all hold. Where that is `enabled`, the
    /// delivery would be kept until the subscription is enabled.
    #[schema(required)]
    pub decided_by: Option<ConditionName>,
    /// Every condition, in the order in which they are looked at.
    pub conditions: Vec<ConditionView>,
    /// The request of its first attempt; null where it would not be sent.
    #[schema(required)]
    pub request: Option<RequestView>,
}

/// A condition that an event must meet to be sent to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConditionCode)]
pub enum ConditionName {
    /// It is of the subscription's tenant.
    Tenant,
    /// It is of a type that the subscription lists.
    EventType,
    /// It is not about the subscription itself.
    AboutItself,
    /// It is of a building that the subscription lists, where it lists any.
    Building,
    /// It is of a floor that the subscription lists, where it lists any.
    Floor,
    /// It is of a space that the subscription lists, where it lists any.
    Space,
    /// With `send: on_change`: something changed, or it is the first of its hour.
    OnChange,
    /// Its fields match the subscription's filter.
    Filter,
    /// The subscription is enabled.
    Enabled,
}

impl From<ConditionCode> for ConditionName {
    fn from(code: ConditionCode) -> Self {
        match code {
            ConditionCode::Tenant => Self::Tenant,
            ConditionCode::EventType => Self::EventType,
            ConditionCode::AboutItself => Self::AboutItself,
            ConditionCode::Building => Self::Building,
            ConditionCode::Floor => Self::Floor,
            ConditionCode::Space => Self::Space,
            ConditionCode::OnChange => Self::OnChange,
            ConditionCode::Filter => Self::Filter,
            ConditionCode::Enabled => Self::Enabled,
        }
    }
}

/// How a condition stands.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Condition)]
pub struct ConditionView {
    /// Which.
    pub code: ConditionName,
    /// Whether it holds.
    pub holds: bool,
    /// Why, with the values that decide.
    #[schema(example = "The event is of the building 'building_1'; the subscription lists 'building_2'.")]
    pub sentence: String,
}

impl From<Condition> for ConditionView {
    fn from(condition: Condition) -> Self {
        Self { code: condition.code.into(), holds: condition.holds, sentence: condition.sentence }
    }
}

/// A request as it would be made, without its secrets.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = DescribedRequest)]
pub struct RequestView {
    /// Always `POST`.
    #[schema(example = "POST")]
    pub method: String,
    /// Where to.
    pub url: String,
    /// Its headers, by name. In the place of secrets, and of the signatures that are made with them, stands `[redacted]`.
    pub headers: Vec<HeaderView>,
    /// Its body, to the byte.
    pub body: String,
}

/// A header of a request.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Header)]
pub struct HeaderView {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The event that was explained.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ExplainedEvent)]
pub struct ExplainedEventView {
    /// Its id; of an event that was given here, one that no real event has.
    pub id: String,
    /// Its type.
    #[schema(value_type = EventTypeName)]
    pub event_type: String,
    /// The building that it is of; null where it is of none.
    #[schema(required)]
    pub building_ref_id: Option<String>,
    /// The floor that it is of.
    #[schema(required)]
    pub floor_ref_id: Option<String>,
    /// The space that it is of.
    #[schema(required)]
    pub space_ref_id: Option<String>,
    /// The named group of sensors that it is of.
    #[schema(required)]
    pub sensor_group_ref_id: Option<String>,
    /// Its body, without a subscription's key-value pairs.
    pub data: Value,
}

impl From<&Event> for ExplainedEventView {
    fn from(event: &Event) -> Self {
        let space = event.space();
        Self {
            id: event.id.to_string(),
            event_type: event.event_type.to_string(),
            building_ref_id: event.building().map(ToString::to_string),
            floor_ref_id: space.and_then(|space| space.floor_ref_id.as_ref()).map(ToString::to_string),
            space_ref_id: space.map(|space| space.space_ref_id.to_string()),
            sensor_group_ref_id: event.sensor_group().map(|group| group.sensor_group_ref_id.to_string()),
            data: event.data.clone(),
        }
    }
}

/// What would become of an event.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Explained {
    /// The event.
    pub event: ExplainedEventView,
    /// With each subscription.
    #[serde(flatten)]
    pub explanations: List<Explanation>,
}

/// Explain what would become of an event
///
/// Whether it would be sent, which condition decided, and the exact request that would be made: with one subscription, or
/// with all of the tenant that list its type, a page at a time (fewer than `limit` where the event is large). The conditions
/// and the request are the dispatcher's own. Nothing is sent.
#[utoipa::path(
    post, path = "/v1/explain", tag = "deliveries", security(("api_key" = ["read"])),
    params(PageParameters), request_body = ExplainInput,
    responses(
        (status = 200, description = "What would become of it", body = Explained),
        (status = 404, description = "There is no such subscription or kept event",
            body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
async fn explain(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Paging(page): Paging,
    JsonBody(body): JsonBody,
) -> Result<Json<Explained>, Problem> {
    let tenant = &allowed.caller.tenant;
    let now = app.now();
    let Asked { what, subscription } = Asked::read(&body)?;
    let event = match what {
        What::Given(draft) => draft.event(tenant, now),
        What::Example(event_type) => {
            asked::example(event_type, example(&app, tenant, event_type).await?).event(tenant, now)
        }
        What::Kept(id) => {
            let kept = app.kept_events.find(tenant, &id).await?;
            kept.ok_or_else(|| Problem::not_found("kept event"))?
        }
    };
    let subscriptions = match subscription {
        Some(id) => Page { items: vec![changes::read(&app, tenant, &id).await?], next: None },
        None => subscribers(&app, tenant, &event, page).await?,
    };
    let explanations = List::of(subscriptions, |subscription| explanation(&subscription, &event, now));
    Ok(Json(Explained { event: (&event).into(), explanations }))
}

/// A page of those that list the type of an event: as many as the answer has room for.
async fn subscribers(
    app: &App,
    tenant: &TenantId,
    event: &Event,
    page: PageRequest,
) -> Result<Page<Subscription>, Problem> {
    let room = BODIES_LIMIT / (event.data.to_string().len() + EXPLANATION_BYTES);
    let page = PageRequest { limit: page.limit.min(u32::try_from(room).unwrap_or(u32::MAX)).max(1), ..page };
    let search = Search { event_type: Some(event.event_type), ..Search::default() };
    let found = app.subscriptions.find(tenant, &search, page).await?;
    Ok(Page { items: found.items.into_iter().map(|(subscription, _)| subscription).collect(), next: found.next })
}

fn explanation(subscription: &Subscription, event: &Event, now: Timestamp) -> Explanation {
    let conditions = matching::conditions(subscription, event);
    let unmet = conditions.iter().find(|condition| !condition.holds).map(|condition| condition.code);
    Explanation {
        subscription_id: subscription.id.to_string(),
        name: subscription.name.as_str().to_owned(),
        sent: unmet.is_none(),
        decided_by: unmet.map(ConditionName::from),
        conditions: conditions.into_iter().map(ConditionView::from).collect(),
        request: unmet.is_none().then(|| request(subscription, event, now)),
    }
}

/// The request of the first attempt, were it made now.
fn request(subscription: &Subscription, event: &Event, now: Timestamp) -> RequestView {
    let body = rendering::body(event, &subscription.key_values);
    let telling = Telling { subscription, attempt: AttemptNumber::FIRST, at: now, superseded: None };
    let headers = described_headers(event, telling, &body).into_iter();
    RequestView {
        method: "POST".to_owned(),
        url: subscription.url.clone(),
        headers: headers.map(|(name, value)| HeaderView { name, value }).collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}
