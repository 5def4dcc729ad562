//! What clients publish, but for what their schemas say of it.

use crate::fields::{At, Errors};
use crate::openapi::EventTypeName;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use spacehook_domain::event::EventType;
use spacehook_domain::ids::SubscriptionId;
use spacehook_domain::publishing::{BATCH_BYTES_LIMIT, BATCH_LIMIT, DATA_BYTES_LIMIT, Draft, SET_FIELDS};
use spacehook_domain::stream::Subject;
use utoipa::ToSchema;

/// How far ahead of ours the clock of a publisher may be.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// An event to publish.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    /// What kind of thing happened: a type that can be published.
    #[schema(value_type = EventTypeName, example = "visitor_check_in")]
    pub event_type: String,
    /// What there is to say of it, at most 64 KiB. Deliveries have `event_type` and `timestamp` before it, which it may not
    /// have itself.
    #[schema(example = json!({"visitor": {"id": "v-1", "name": "Grace Hopper"}}))]
    pub data: Map<String, Value>,
    /// What it is about: events of one subject are delivered in the order in which they were published. One without waits
    /// for no other. It may not be the id of a subscription.
    #[schema(min_length = 1, max_length = 128, example = "v-1")]
    pub subject: Option<String>,
    /// When it happened, at most five minutes ahead; when it was published, where that is not said.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub occurred_at: Option<String>,
}

/// Events to publish: all of them or none.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventBatch {
    /// The events; the `data` of all of them has at most 900 KiB.
    #[schema(min_items = 1, max_items = 100)]
    pub events: Vec<NewEvent>,
}

const FIELDS: &[&str] = &["event_type", "data", "subject", "occurred_at"];
const BATCH_FIELDS: &[&str] = &["events"];

/// An event of a request, and where in the body it is.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) pointer: String,
    pub(super) draft: Draft,
}

/// Reads the one event that a body is.
pub(super) fn one(body: &Value, errors: &Errors, now: Timestamp) -> Vec<Read> {
    event(&At::root(body, errors), now).map(|(read, _)| read).into_iter().collect()
}

/// Reads the events of a batch. One that is wrong is left out, and noted.
pub(super) fn batch(body: &Value, errors: &Errors, now: Timestamp) -> Vec<Read> {
    let fields = At::root(body, errors).fields(BATCH_FIELDS);
    let read = fields.and_then(|fields| {
        fields.required("events", |at| {
            let events: Vec<_> = at.items(1, BATCH_LIMIT)?.iter().filter_map(|item| event(item, now)).collect();
            let bytes: usize = events.iter().map(|(_, bytes)| bytes).sum();
            if bytes > BATCH_BYTES_LIMIT {
                return at.refuse(format!("their data has {bytes} bytes; at most {BATCH_BYTES_LIMIT} are allowed"));
            }
            Some(events.into_iter().map(|(read, _)| read).collect())
        })
    });
    read.unwrap_or_default()
}

/// Reads an event, and how many bytes of data it has.
fn event(at: &At<'_>, now: Timestamp) -> Option<(Read, usize)> {
    let fields = at.fields(FIELDS)?;
    let event_type = fields.required("event_type", |at| at.parsed(EventType::parse));
    let data = fields.required("data", read_data);
    let subject = fields.optional("subject", |at| at.parsed(parse_subject).map(Some));
    let occurred_at = fields.optional("occurred_at", |at| at.parsed(|text| parse_time(text, now)).map(Some));
    let (data, bytes) = data?;
    let draft = Draft { event_type: event_type?, data, subject: subject?, occurred_at: occurred_at? };
    Some((Read { pointer: at.pointer().to_owned(), draft }, bytes))
}

fn read_data(at: &At<'_>) -> Option<(Map<String, Value>, usize)> {
    let Some(data) = at.value().as_object() else { return at.refuse("must be an object") };
    let bytes = at.value().to_string().len();
    if bytes > DATA_BYTES_LIMIT {
        return at.refuse(format!("has {bytes} bytes; at most {DATA_BYTES_LIMIT} are allowed"));
    }
    let mut is_good = true;
    for field in SET_FIELDS.into_iter().filter(|field| data.contains_key(*field)) {
        let from = if field == "timestamp" { "occurred_at" } else { "event_type" };
        at.refuse_within::<()>(
            &format!("/{field}"),
            format!("is set by Spacehook; it is said in '{from}' beside the data"),
        );
        is_good = false;
    }
    is_good.then(|| (data.clone(), bytes))
}

fn parse_subject(text: &str) -> Result<Subject, String> {
    if SubscriptionId::parse(text).is_ok() {
        return Err("is the id of a subscription: what happens to those only Spacehook tells".to_owned());
    }
    Subject::parse(text).map_err(|invalid| invalid.to_string())
}

fn parse_time(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    let at: Timestamp =
        text.parse().map_err(|_| "must be a time with its zone, as in 2026-02-02T14:20:00Z (RFC 3339)")?;
    if at.duration_since(now) > AHEAD { Err("is more than 5 minutes ahead") } else { Ok(at) }
}
