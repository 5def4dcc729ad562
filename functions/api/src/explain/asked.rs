//! What is to be explained: an event that is given, the example of a type, or one that is kept.

use crate::fields::{At, Errors, Fields};
use crate::openapi::EventTypeName;
use crate::problem::Problem;
use crate::reference;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::event::{About, Change, EVENT_VERSION, Event, EventSensorGroup, EventSpace, EventType};
use spacehook_domain::ids::{
    BuildingRefId, EventId, FloorRefId, SensorGroupId, SensorGroupRefId, Sequence, SpaceId, SpaceRefId, SubscriptionId,
    TenantId,
};
use spacehook_domain::stream::Subject;
use utoipa::ToSchema;

/// Bytes of the data of an event that is given, at most.
const DATA_LIMIT: usize = 64 * 1024;
const FIELDS: &[&str] = &["event", "event_type", "event_id", "subscription_id"];
const EVENT_FIELDS: &[&str] = &[
    "event_type",
    "data",
    "building_ref_id",
    "floor_ref_id",
    "space_ref_id",
    "sensor_group_ref_id",
    "subject",
    "occupancy_changed",
    "first_of_hour",
];
const ONE: &str = "give exactly one of 'event', 'event_type' and 'event_id'";

/// What is to be explained: exactly one of `event`, `event_type` and `event_id`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainInput {
    /// An event.
    pub event: Option<EventInput>,
    /// A type: its documented example is the event.
    #[schema(value_type = Option<EventTypeName>)]
    pub event_type: Option<String>,
    /// An event that is kept.
    #[schema(example = "evt_0192f0c1a2b37cde8f4455667788990a")]
    pub event_id: Option<String>,
    /// With which subscription; without it, with all that list the type.
    #[schema(example = "sub_0192f0c1a2b37cde8f4455667788990a")]
    pub subscription_id: Option<String>,
}

/// An event as it might happen.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventInput {
    /// Its type.
    #[schema(value_type = EventTypeName)]
    pub event_type: String,
    /// Its body: an object, or an array of objects; at most 64 KB.
    #[schema(value_type = Object)]
    pub data: Value,
    /// The building of its space; where it is left out, that of `data`.
    pub building_ref_id: Option<String>,
    /// The floor of its space; where it is left out, that of `data`.
    pub floor_ref_id: Option<String>,
    /// Its space; where it is left out, that of `data`. Without a building and a space the event is of the group of sensors
    /// that `data` names, else of no space.
    pub space_ref_id: Option<String>,
    /// Its named group of sensors, of `building_ref_id` where that is given. An event that a platform publishes is about a
    /// `subject` instead, whatever it says.
    pub sensor_group_ref_id: Option<String>,
    /// What an event without a space is about, such as the id of a subscription; where it is left out, the id of the
    /// subscription in `data`.
    pub subject: Option<String>,
    /// Of a report: whether the number of people or the signs of life changed.
    #[schema(default = true)]
    pub occupancy_changed: Option<bool>,
    /// Of a report: whether it is the first of its hour.
    #[schema(default = false)]
    pub first_of_hour: Option<bool>,
}

/// What is to be explained.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) what: What,
    pub(super) subscription: Option<SubscriptionId>,
}

/// Which event.
#[derive(Debug)]
pub(super) enum What {
    Given(Draft),
    Example(EventType),
    Kept(EventId),
}

/// An event that has not happened.
#[derive(Debug)]
pub(super) struct Draft {
    event_type: EventType,
    data: Value,
    about: About,
    change: Change,
}

impl Asked {
    /// Reads a body.
    pub(super) fn read(body: &Value) -> Result<Self, Problem> {
        let errors = Errors::default();
        let at = At::root(body, &errors);
        let read = at.fields(FIELDS).and_then(|fields| {
            let given = fields.optional("event", |at| read_draft(at).map(|draft| Some(What::Given(draft))));
            let example =
                fields.optional("event_type", |at| at.parsed(EventType::parse).map(|of| Some(What::Example(of))));
            let kept = fields.optional("event_id", |at| at.parsed(EventId::parse).map(|id| Some(What::Kept(id))));
            let subscription = fields.optional("subscription_id", |at| at.parsed(SubscriptionId::parse).map(Some));
            let mut all = [given?, example?, kept?].into_iter().flatten();
            match (all.next(), all.next()) {
                (Some(what), None) => Some(Self { what, subscription: subscription? }),
                _ => at.refuse(ONE),
            }
        });
        errors.finish(read)
    }
}

/// The documented example of a type, as an event.
pub(super) fn example(event_type: EventType, data: Value) -> Draft {
    Draft {
        event_type,
        about: about_by_data(&data),
        data,
        change: Change { occupancy_changed: true, first_of_hour: false },
    }
}

impl Draft {
    /// The event, as if it happened now.
    pub(super) fn event(self, tenant: &TenantId, now: Timestamp) -> Event {
        let sequence = Sequence(1);
        Event {
            version: EVENT_VERSION,
            id: Event::derived_id(tenant, self.about.stream(), self.event_type, sequence, now),
            tenant: tenant.clone(),
            event_type: self.event_type,
            sequence,
            about: self.about,
            occurred_at: now,
            received_at: now,
            trace: None,
            change: self.change,
            test: false,
            data: self.data,
        }
    }
}

fn read_draft(at: &At<'_>) -> Option<Draft> {
    let fields = at.fields(EVENT_FIELDS)?;
    let event_type = fields.required("event_type", |at| at.parsed(EventType::parse));
    let data = fields.required("data", read_data);
    let about = read_about(at, &fields, data.as_ref());
    let flag = |name| fields.optional(name, |at| at.boolean().map(Some));
    let (occupancy_changed, first_of_hour) = (flag("occupancy_changed"), flag("first_of_hour"));
    Some(Draft {
        event_type: event_type?,
        about: about?,
        data: data?,
        change: Change {
            occupancy_changed: occupancy_changed?.unwrap_or(true),
            first_of_hour: first_of_hour?.unwrap_or(false),
        },
    })
}

fn read_data(at: &At<'_>) -> Option<Value> {
    let data = at.value();
    let is_record = match data {
        Value::Object(_) => true,
        Value::Array(records) => !records.is_empty() && records.iter().all(Value::is_object),
        _ => false,
    };
    if !is_record {
        return at.refuse("must be an object, or an array of objects that is not empty");
    }
    let bytes = data.to_string().len();
    if bytes > DATA_LIMIT {
        return at.refuse(format!("has {bytes} bytes; at most {DATA_LIMIT} are explained"));
    }
    Some(data.clone())
}

/// What the fields say that the event is about; where they say nothing, what its data do.
fn read_about(at: &At<'_>, fields: &Fields<'_>, data: Option<&Value>) -> Option<About> {
    let building = fields.optional("building_ref_id", |at| at.parsed(reference::building).map(Some));
    let floor = fields.optional("floor_ref_id", |at| at.parsed(reference::floor).map(Some));
    let space = fields.optional("space_ref_id", |at| at.parsed(reference::space).map(Some));
    let group = fields.optional("sensor_group_ref_id", |at| at.parsed(reference::sensor_group).map(Some));
    let subject = fields.optional("subject", |at| at.parsed(Subject::parse).map(Some));
    match (building?, floor?, space?, group?, subject?) {
        (None, None, None, None, None) => data.map(about_by_data),
        (None, None, None, None, Some(subject)) => Some(About::Subject(subject)),
        (building, None, None, Some(group), None) => Some(of_group(building, group)),
        (Some(building), floor, Some(space), None, None) => Some(of_space(building, floor, space)),
        (_, _, _, Some(_), _) => at.refuse("is about a group of sensors, a space or a subject, and about one of them"),
        (_, _, _, _, Some(_)) => at.refuse("is about a space or about a subject, not about both"),
        _ => at.refuse("needs both 'building_ref_id' and 'space_ref_id' to be of a space"),
    }
}

fn of_space(building_ref_id: BuildingRefId, floor_ref_id: Option<FloorRefId>, space_ref_id: SpaceRefId) -> About {
    // No space has this number.
    About::Space(EventSpace { space_id: SpaceId(0), building_ref_id, floor_ref_id, space_ref_id })
}

fn of_group(building_ref_id: Option<BuildingRefId>, sensor_group_ref_id: SensorGroupRefId) -> About {
    // No group has this number.
    let sensor_group_id = SensorGroupId(0);
    About::SensorGroup(EventSensorGroup { sensor_group_id, sensor_group_ref_id, building_ref_id })
}

/// What the data say that the event is about: their space, their group of sensors, or their subscription.
fn about_by_data(data: &Value) -> About {
    let record = data.get(0).unwrap_or(data);
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let building = text("/building_ref_id").and_then(|id| BuildingRefId::parse(id).ok());
    let space = text("/space_ref_id").and_then(|id| SpaceRefId::parse(id).ok());
    if let (Some(building), Some(space)) = (&building, space) {
        return of_space(building.clone(), text("/floor_ref_id").and_then(|id| FloorRefId::parse(id).ok()), space);
    }
    let group = text("/sensor_group/id").and_then(|id| SensorGroupRefId::parse(id).ok());
    if let Some(group) = group {
        return of_group(building, group);
    }
    let subscription = text("/subscription/id").and_then(|id| SubscriptionId::parse(id).ok());
    About::Subject(subscription.as_ref().map_or_else(Subject::of_nothing, Subject::from))
}
