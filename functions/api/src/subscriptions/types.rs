//! The event types that a subscription may list: Spacehook's, and those of the tenant's own that are registered.

use crate::App;
use crate::problem::{FieldError, Problem};
use serde_json::Value;
use spacehook_domain::event::{CustomType, EventType};
use spacehook_domain::ids::TenantId;
use spacehook_domain::subscription::Subscription;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that a change of a subscription may write: it is kept once, and once more for each type that it lists, all in one
/// transaction of `DynamoDB`, which has at most 4 MB.
const CHANGE_BYTES_LIMIT: usize = 3_500_000;

/// The types that a tenant has.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownTypes {
    /// Those of its own, and whether each is archived.
    own: BTreeMap<CustomType, bool>,
    /// Those that the subscription lists already: it may keep them whatever became of them.
    held: BTreeSet<EventType>,
}

impl KnownTypes {
    /// Those that are needed to read the types of a body: the tenant's own are read if the body lists any that the
    /// subscription does not have yet.
    pub(super) async fn for_body(
        app: &App,
        tenant: &TenantId,
        body: &Value,
        before: Option<&Subscription>,
    ) -> Result<Self, Problem> {
        let held = before.map(|before| before.event_types.clone()).unwrap_or_default();
        let listed = body.get("event_types").and_then(Value::as_array).into_iter().flatten();
        let is_new = |event_type: &EventType| event_type.custom().is_some() && !held.contains(event_type);
        let asks =
            listed.filter_map(|name| EventType::parse(name.as_str()?).ok()).any(|event_type| is_new(&event_type));
        let own = if asks { app.event_types.event_types(tenant).await? } else { Vec::new() };
        Ok(Self { own: own.into_iter().map(|own| (own.name, own.archived_at.is_some())).collect(), held })
    }

    /// The type of that name, where a subscription may list it.
    pub(super) fn parse(&self, text: &str) -> Result<EventType, String> {
        let event_type = EventType::parse(text).map_err(|invalid| invalid.to_string())?;
        let Some(custom) = event_type.custom().filter(|_| !self.held.contains(&event_type)) else {
            return Ok(event_type);
        };
        match self.own.get(&custom) {
            Some(false) => Ok(event_type),
            Some(true) => Err(archived(custom)),
            None => Err(not_known(event_type)),
        }
    }
}

/// That there is no such type, with the one that may have been meant.
pub(crate) fn not_known(event_type: EventType) -> String {
    let name = event_type.as_str();
    let near = EventType::BUILT_IN
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate.as_str()), candidate.as_str()))
        .min();
    let meant = match near {
        // A third of the letters may differ: more is another word.
        Some((distance, candidate)) if distance * 3 <= candidate.len() => format!("; did you mean '{candidate}'?"),
        _ => String::new(),
    };
    format!(
        "is no event type: GET /v1/event-types lists those that there are, and POST /v1/event-types registers one of your \
         own{meant}"
    )
}

/// That a type is archived.
pub(crate) fn archived(custom: CustomType) -> String {
    format!("is archived: POST /v1/event-types/{custom}/unarchive takes it out of the archive")
}

/// Refuses a subscription that has so much in it that it can't be changed at once with its types.
pub(super) fn check_size(subscription: &Subscription) -> Result<(), Problem> {
    // JSON is a little longer than the same as an item.
    let bytes = serde_json::to_vec(subscription).map(|json| json.len()).unwrap_or_default();
    let most = CHANGE_BYTES_LIMIT / bytes.max(1) - 1;
    if subscription.event_types.len() <= most {
        return Ok(());
    }
    let detail = format!("has {} types; one with as much else in it can have {most}", subscription.event_types.len());
    let pointer = Some("/event_types".to_owned());
    Err(Problem::of_errors(vec![FieldError { pointer, detail, ..FieldError::default() }]))
}
