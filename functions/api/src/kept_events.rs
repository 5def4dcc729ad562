//! Kept events: what happened in the last days.

use crate::App;
use crate::auth::{Allowed, Reads};
use crate::openapi::EventTypeName;
use crate::operations::operations;
use crate::page::{self, List, instant};
use crate::parameters::Parameters;
use crate::ports::ListFailed;
use crate::problem::Problem;
use crate::reference;
use crate::subscriptions::EventView;
use axum::Json;
use axum::extract::{Path, State};
use http::Uri;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::{BuildingRefId, EventId, Sequence, TenantId};
use spacehook_domain::kept_events::{Place, Position, Window};
use spacehook_domain::stream::Subject;
use spacehook_store::{Cursor, PageRequest};
use utoipa::{IntoParams, ToSchema};

/// How far back a list goes where the request does not say.
const USUAL: SignedDuration = SignedDuration::from_hours(1);
/// Events that one request looks through, at most (and a part).
const LOOKED_THROUGH: usize = 1_000;
/// Events read at once, about.
const AT_ONCE: usize = 250;
/// Parts read by one request, at most: one without events is a day.
const PARTS: usize = 4;

operations!(pub list_events, get_event);

/// A kept event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = KeptEvent)]
pub struct KeptEventView {
    /// What happened.
    #[serde(flatten)]
    pub event: EventView,
    /// When the reading that caused it arrived, or it was found out. Lists are in the order of this.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// The trace of what caused it; null where that had none.
    #[schema(required)]
    pub trace_id: Option<String>,
    /// Its body, without any subscription's key-value pairs.
    pub data: Value,
}

impl From<&Event> for KeptEventView {
    fn from(event: &Event) -> Self {
        Self {
            event: event.into(),
            received_at: event.received_at,
            trace_id: event.trace.as_ref().map(ToString::to_string),
            data: event.data.clone(),
        }
    }
}

/// Parameters of the list of kept events, for the document.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventParameters {
    /// Items wanted, at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before, with the same parameters.
    #[param(max_length = 2048)]
    pub cursor: Option<String>,
    /// Received then or later. An hour before `until` where it is not given.
    #[param(value_type = Option<String>, format = DateTime)]
    pub since: Option<String>,
    /// Received before. Now where it is not given.
    #[param(value_type = Option<String>, format = DateTime)]
    pub until: Option<String>,
    /// Of this type.
    #[param(value_type = Option<EventTypeName>)]
    pub event_type: Option<String>,
    /// About a space, or a group of sensors, of this building.
    pub building_ref_id: Option<String>,
    /// About a space of this name.
    pub space_ref_id: Option<String>,
    /// About the group of sensors of this name.
    pub sensor_group_ref_id: Option<String>,
    /// About this subject.
    pub subject: Option<String>,
}

const FILTERS: &[&str] =
    &["since", "until", "event_type", "building_ref_id", "space_ref_id", "sensor_group_ref_id", "subject"];

/// Which events are wanted.
#[derive(Debug, Default)]
struct Filter {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    event_type: Option<EventType>,
    building_ref_id: Option<String>,
    space_ref_id: Option<String>,
    sensor_group_ref_id: Option<String>,
    subject: Option<String>,
    /// All of it, as it was asked for: a cursor is good for the same alone.
    name: String,
}

impl Filter {
    fn read(uri: &Uri) -> Result<(Self, PageRequest), Problem> {
        let mut parameters = Parameters::of(uri)?;
        let request = page::read(&mut parameters);
        let filter = Self {
            since: parameters.read("since", instant),
            until: parameters.read("until", instant),
            event_type: parameters.read("event_type", EventType::parse),
            building_ref_id: parameters.read("building_ref_id", reference::building).map(String::from),
            space_ref_id: parameters.read("space_ref_id", reference::space).map(String::from),
            sensor_group_ref_id: parameters.read("sensor_group_ref_id", reference::sensor_group).map(String::from),
            subject: parameters.read("subject", |text| Subject::parse(text)).map(String::from),
            name: parameters.said(FILTERS),
        };
        parameters.finish().map(|()| (filter, request))
    }

    fn window(&self, now: Timestamp) -> Result<Window, Problem> {
        let until = self.until.unwrap_or(now);
        let since = self.since.unwrap_or_else(|| until.checked_sub(USUAL).unwrap_or(Timestamp::MIN));
        if since >= until {
            return Err(Problem::parameter("since", "must be before until"));
        }
        Ok(Window { since, until })
    }

    fn takes(&self, event: &Event) -> bool {
        let of = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        self.event_type.is_none_or(|wanted| wanted == event.event_type)
            && of(&self.building_ref_id, event.building().map(BuildingRefId::as_str))
            && of(&self.space_ref_id, event.space().map(|space| space.space_ref_id.as_str()))
            && of(&self.sensor_group_ref_id, event.sensor_group().map(|group| group.sensor_group_ref_id.as_str()))
            && of(&self.subject, event.subject().map(Subject::as_str))
    }
}

/// A position in the list, as cursors have it.
fn position_text(position: &Position) -> String {
    let from_ms = position.from.as_millisecond();
    match &position.after {
        None => format!("{from_ms}"),
        Some(Place { received_at_ms, sequence, id }) => format!("{from_ms} {received_at_ms} {sequence} {id}"),
    }
}

fn read_position(text: &str) -> Option<Position> {
    let parts: Vec<&str> = text.split(' ').collect();
    let (from_ms, after) = match parts.as_slice() {
        [from_ms] => (from_ms, None),
        [from_ms, received_at_ms, sequence, id] => {
            let (received_at_ms, sequence) = (received_at_ms.parse().ok()?, Sequence(sequence.parse().ok()?));
            (from_ms, Some(Place { received_at_ms, sequence, id: EventId::parse(*id).ok()? }))
        }
        _ => return None,
    };
    Some(Position { from: Timestamp::from_millisecond(from_ms.parse().ok()?).ok()?, after })
}

async fn page_of(
    app: &App,
    tenant: &TenantId,
    filter: &Filter,
    request: &PageRequest,
) -> Result<List<KeptEventView>, Problem> {
    let window = filter.window(app.now())?;
    let list = format!("events of {tenant}\n{}", filter.name);
    let mut position = match &request.cursor {
        None => Some(Position::start(window)),
        Some(cursor) => {
            let text = cursor.position_in(&list).map_err(|_| ListFailed::InvalidCursor)?;
            Some(read_position(&text).ok_or(ListFailed::InvalidCursor)?)
        }
    };
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let (mut data, mut examined) = (Vec::new(), 0);
    for _ in 0..PARTS {
        let Some(from) = position.take() else { break };
        let scanned = app.kept_events.scan(tenant, window, &from, AT_ONCE).await?;
        let mut count = 0;
        for event in scanned.events() {
            if data.len() >= limit {
                break;
            }
            count += 1;
            if filter.takes(event) {
                data.push(KeptEventView::from(event));
            }
        }
        examined += count;
        position = scanned.position_after(count);
        if data.len() >= limit || examined >= LOOKED_THROUGH {
            break;
        }
    }
    let next = position.map(|position| Cursor::in_list(&list, &position_text(&position)));
    Ok(List { data, next_cursor: next.map(|cursor| cursor.as_str().to_owned()) })
}

/// List the kept events
///
/// What happened in the last days (7, where the deployment does not say otherwise), in the order in which it was received,
/// the oldest first: so what is received later is at the end, and whoever reads again from its last cursor misses
/// nothing. A request looks through 1,000 events and a part, or four days without any: a page can have fewer than were
/// asked for, or none, and goes on with `next_cursor`. An event is listed some seconds after it was received, when it has
/// been delivered or put into a backlog.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", security(("api_key" = ["read"])), params(EventParameters),
    responses((status = 200, description = "A page", body = List<KeptEventView>))
)]
async fn list_events(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    uri: Uri,
) -> Result<List<KeptEventView>, Problem> {
    let (filter, request) = Filter::read(&uri)?;
    page_of(&app, &allowed.caller.tenant, &filter, &request).await
}

/// Get a kept event
#[utoipa::path(
    get, path = "/v1/events/{id}", tag = "events", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "The event: `webhook-id` of its requests")),
    responses((status = 200, description = "The event", body = KeptEventView))
)]
async fn get_event(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(id): Path<String>,
) -> Result<Json<KeptEventView>, Problem> {
    let missing = || Problem::not_found("event");
    let id = EventId::parse(id).map_err(|_| missing())?;
    let event = app.kept_events.find(&allowed.caller.tenant, &id).await?.ok_or_else(missing)?;
    Ok(Json(KeptEventView::from(&event)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_back() {
        let at: Timestamp = "2026-02-02T14:19:00.5Z".parse().unwrap();
        let id = EventId::at(at, &[7; 32]);
        let place = Place { received_at_ms: at.as_millisecond(), sequence: Sequence(3), id };
        for after in [None, Some(place)] {
            let position = Position { from: at, after };
            assert_eq!(read_position(&position_text(&position)), Some(position));
        }
        for bad in ["", "x", "1 evt", "1 2 3 evt_1", "1 2 x evt_1"] {
            assert_eq!(read_position(bad), None, "{bad}");
        }
    }
}
