//! Whether what is published is what its type says.

use super::read::Read;
use crate::App;
use crate::fields::Errors;
use crate::problem::Problem;
use crate::subscriptions::types::{archived, not_known};
use serde_json::Value;
use spacehook_domain::catalogue::{self, Origin};
use spacehook_domain::event::{CustomType, EventType};
use spacehook_domain::ids::TenantId;
use spacehook_domain::own_type::OwnType;
use spacehook_domain::publishing::body;
use spacehook_domain::schema::{Schema, Work};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Steps that checking all events of a request may take: some ten for each few bytes of the largest batch.
const STEPS: u64 = 4_000_000;
/// Mistakes of a request that are listed, at most (and those of one event).
const MISTAKES_LIMIT: usize = 200;
/// Schemas that are remembered, at most.
const REMEMBERED: usize = 256;

/// Which version of which type.
type Which = (TenantId, EventType, u32);

/// Schemas that were read lately. A version never changes, so what is remembered holds for good.
#[derive(Debug, Default)]
pub struct Schemas(Mutex<HashMap<Which, Option<Arc<Schema>>>>);

impl Schemas {
    #[expect(clippy::option_option, reason = "what is remembered may be that there is no schema")]
    fn remembered(&self, which: &Which) -> Option<Option<Arc<Schema>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(which).cloned()
    }

    fn remember(&self, which: Which, schema: Option<Arc<Schema>>) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Forgetting all costs each type one read.
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(which, schema);
    }
}

/// A type that can be published.
pub(super) enum Publishable {
    /// Its schema is of the whole body.
    BuiltIn(Option<Arc<Schema>>),
    /// Its schema is of what is published.
    Own(Option<Arc<Schema>>),
}

/// What can be published of the types of a request; else why it can't.
pub(super) type Types = BTreeMap<EventType, Result<Publishable, String>>;

/// Reads what there is to know of the types of these events.
pub(super) async fn types(app: &App, tenant: &TenantId, events: &[Read]) -> Result<Types, Problem> {
    let own = own_types(app, tenant, events).await?;
    let mut types = Types::new();
    for event in events {
        let event_type = event.draft.event_type;
        if let Entry::Vacant(vacant) = types.entry(event_type) {
            vacant.insert(publishable(app, tenant, event_type, &own).await?);
        }
    }
    Ok(types)
}

/// Notes everything of these events that their types don't allow.
pub(super) fn check(events: &[Read], types: &Types, errors: &Errors) {
    let mut work = Work::of_steps(STEPS);
    for event in events {
        match types.get(&event.draft.event_type) {
            Some(Ok(publishable)) => check_one(event, publishable, &mut work, errors),
            Some(Err(refused)) => errors.refuse(&format!("{}/event_type", event.pointer), refused.clone()),
            None => {}
        }
        if errors.count() >= MISTAKES_LIMIT {
            break;
        }
    }
}

/// The tenant's own types of these names, as far as there are any. One is read by itself, several with all there are.
async fn own_types(app: &App, tenant: &TenantId, events: &[Read]) -> Result<BTreeMap<CustomType, OwnType>, Problem> {
    let mut names: Vec<_> = events.iter().filter_map(|event| event.draft.event_type.custom()).collect();
    names.sort_unstable();
    names.dedup();
    let found = match names.as_slice() {
        [] => Vec::new(),
        [one] => app.event_types.event_type(tenant, *one).await?.into_iter().collect(),
        _ => app.event_types.event_types(tenant).await?,
    };
    Ok(found.into_iter().map(|own| (own.name, own)).collect())
}

/// Whether a type can be published, and by which schema; else why it can't.
async fn publishable(
    app: &App,
    tenant: &TenantId,
    event_type: EventType,
    own: &BTreeMap<CustomType, OwnType>,
) -> Result<Result<Publishable, String>, Problem> {
    if let Some(entry) = catalogue::entry(event_type) {
        if entry.origin == Origin::Derived {
            return Ok(Err("is made by Spacehook alone, and can't be published".to_owned()));
        }
        let which = (tenant.clone(), event_type, entry.version);
        let schema = remembered(app, which, Some(&entry.schema))?;
        return Ok(Ok(Publishable::BuiltIn(schema)));
    }
    match event_type.custom().and_then(|name| own.get(&name)) {
        None => Ok(Err(not_known(event_type))),
        Some(own) if own.archived_at.is_some() => Ok(Err(archived(own.name))),
        Some(own) => Ok(Ok(Publishable::Own(own_schema(app, tenant, own).await?))),
    }
}

async fn own_schema(app: &App, tenant: &TenantId, own: &OwnType) -> Result<Option<Arc<Schema>>, Problem> {
    let which = (tenant.clone(), EventType::Custom(own.name), own.version);
    if let Some(known) = app.schemas.remembered(&which) {
        return Ok(known);
    }
    let version = app.event_types.version(tenant, own.name, own.version).await?;
    let version = version.ok_or_else(|| Problem::internal("a version of an event type is not there"))?;
    remembered(app, which, version.schema.as_ref())
}

/// The schema, read and remembered.
fn remembered(app: &App, which: Which, schema: Option<&Value>) -> Result<Option<Arc<Schema>>, Problem> {
    if let Some(known) = app.schemas.remembered(&which) {
        return Ok(known);
    }
    let read = schema.map(Schema::parse).transpose();
    let read = read.map_err(|_| Problem::internal("a schema that was taken can't be read any more"))?.map(Arc::new);
    app.schemas.remember(which, read.clone());
    Ok(read)
}

fn check_one(event: &Read, by: &Publishable, work: &mut Work, errors: &Errors) {
    let draft = &event.draft;
    let (schema, document) = match by {
        Publishable::BuiltIn(None) | Publishable::Own(None) => return,
        Publishable::Own(Some(schema)) => (schema, draft.data.clone()),
        Publishable::BuiltIn(Some(schema)) => {
            let occurred_at = draft.occurred_at.unwrap_or_default();
            (schema, body(draft.event_type, occurred_at, draft.data.clone()))
        }
    };
    let pointer = format!("{}/data", event.pointer);
    match schema.check(&Value::Object(document), work) {
        Ok(violations) => {
            for violation in violations {
                errors.refuse(&format!("{pointer}{}", violation.pointer), violation.detail);
            }
        }
        Err(exhausted) => errors.refuse(&pointer, exhausted.to_string()),
    }
}
