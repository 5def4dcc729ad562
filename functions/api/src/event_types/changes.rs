//! Registering types and changing them.

use super::read::Said;
use super::view::EventTypeWithSchema;
use crate::App;
use crate::ports::ChangeFailed;
use crate::precondition::Precondition;
use crate::problem::{Kind, Problem};
use spacehook_domain::event::CustomType;
use spacehook_domain::ids::TenantId;
use spacehook_domain::own_type::{OWN_TYPES_LIMIT, OwnType, OwnTypeVersion, VERSIONS_LIMIT};
use spacehook_store::{Registered, Saved};

/// How often a change is tried again that met another one, where the client named no revision.
const TRIES: usize = 3;

/// A type of the tenant's, which must be there.
pub(super) async fn find(app: &App, tenant: &TenantId, name: CustomType) -> Result<OwnType, Problem> {
    app.event_types.event_type(tenant, name).await?.ok_or_else(|| Problem::not_found("event type"))
}

/// A version of a type, which must be there.
pub(super) async fn version(
    app: &App,
    tenant: &TenantId,
    name: CustomType,
    version: u32,
) -> Result<OwnTypeVersion, Problem> {
    let found = app.event_types.version(tenant, name, version).await?;
    found.ok_or_else(|| Problem::not_found("version of the event type"))
}

/// Registers a type.
pub(super) async fn register(
    app: &App,
    tenant: &TenantId,
    name: CustomType,
    said: Said,
) -> Result<EventTypeWithSchema, Problem> {
    let now = app.now();
    let description = said.description.clone();
    let first = OwnTypeVersion { name, version: 1, schema: said.schema, example: said.example, created_at: now };
    let own =
        OwnType { name, description, version: 1, archived_at: None, created_at: now, updated_at: now, revision: 1 };
    match app.event_types.register(tenant, &own, &first).await? {
        Registered::Yes => Ok(EventTypeWithSchema::of(&own, first)),
        Registered::NameTaken => Err(Problem::new(Kind::NameTaken, "The tenant has an event type of this name.")),
        Registered::LimitReached => Err(Problem::new(
            Kind::LimitReached,
            format!(
                "A tenant can have {OWN_TYPES_LIMIT} event types of its own, archived ones included, and has as many."
            ),
        )),
    }
}

/// What is asked of a type.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// To be described so from now on.
    Replace(Said),
    /// To be archived, or no longer.
    Archive(bool),
}

/// Changes a type; one that is already so stays as it is.
pub(super) async fn change(
    app: &App,
    (tenant, name): (&TenantId, CustomType),
    precondition: &Precondition,
    change: Change,
) -> Result<EventTypeWithSchema, Problem> {
    for _ in 0..TRIES {
        let before = find(app, tenant, name).await?;
        let newest = version(app, tenant, name, before.version).await?;
        precondition.check(before.revision)?;
        let (mut after, new_version) = changed(app, &before, &newest, &change)?;
        if after == before {
            return Ok(EventTypeWithSchema::of(&before, newest));
        }
        after.revision = before.revision + 1;
        after.updated_at = app.now();
        if app.event_types.update(tenant, &after, new_version.as_ref()).await? == Saved::Yes {
            return Ok(EventTypeWithSchema::of(&after, new_version.unwrap_or(newest)));
        }
        // A lost answer looks like somebody else's change.
        if app.event_types.event_type(tenant, name).await?.as_ref() == Some(&after) {
            return Ok(EventTypeWithSchema::of(&after, new_version.unwrap_or(newest)));
        }
    }
    Err(ChangeFailed::Conflict.into())
}

/// What a type becomes by a change, and a new version of it where that makes one.
fn changed(
    app: &App,
    before: &OwnType,
    newest: &OwnTypeVersion,
    change: &Change,
) -> Result<(OwnType, Option<OwnTypeVersion>), Problem> {
    let mut after = before.clone();
    let said = match change {
        Change::Archive(archived) => {
            if *archived != before.archived_at.is_some() {
                after.archived_at = archived.then(|| app.now());
            }
            return Ok((after, None));
        }
        Change::Replace(said) => said,
    };
    after.description.clone_from(&said.description);
    if (&said.schema, &said.example) == (&newest.schema, &newest.example) {
        return Ok((after, None));
    }
    if before.version >= VERSIONS_LIMIT {
        let detail = format!("An event type can have {VERSIONS_LIMIT} versions and has as many.");
        return Err(Problem::new(Kind::LimitReached, detail));
    }
    after.version = before.version + 1;
    let version = OwnTypeVersion {
        name: before.name,
        version: after.version,
        schema: said.schema.clone(),
        example: said.example.clone(),
        created_at: app.now(),
    };
    Ok((after, Some(version)))
}
