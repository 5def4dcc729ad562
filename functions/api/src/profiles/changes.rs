//! Making profiles, changing and deleting them.

use super::read::Said;
use super::view::{ProfileView, ProfileWithDefinition};
use crate::App;
use crate::ports::{ChangeFailed, Failed};
use crate::precondition::Precondition;
use crate::problem::{Kind, Problem};
use serde_json::Value;
use spacehook_domain::ids::{ProfileName, TenantId};
use spacehook_domain::profile::{OWN_PROFILES_LIMIT, OwnProfile, OwnProfileVersion, Profile};
use spacehook_store::{ProfileCreated, Saved};

/// How often a change is tried again that met another one, where the client named no version.
const TRIES: usize = 3;

/// Whether there is a profile of that name.
pub(crate) async fn is_there(app: &App, tenant: &TenantId, name: &ProfileName) -> Result<bool, Failed> {
    Ok(Profile::of_all(name).is_some() || app.profiles.profile(tenant, name).await?.is_some())
}

/// A profile of the tenant's own, which must be there.
pub(super) async fn find(app: &App, tenant: &TenantId, name: &ProfileName) -> Result<OwnProfile, Problem> {
    app.profiles.profile(tenant, name).await?.ok_or_else(|| Problem::not_found("profile"))
}

/// A version of a profile, which must be there.
pub(super) async fn version(
    app: &App,
    tenant: &TenantId,
    name: &ProfileName,
    version: u32,
) -> Result<OwnProfileVersion, Problem> {
    let found = app.profiles.version(tenant, name, version).await?;
    found.ok_or_else(|| Problem::not_found("version of the profile"))
}

fn with_definition(own: &OwnProfile, definition: Value) -> ProfileWithDefinition {
    ProfileWithDefinition { profile: ProfileView::from(own), definition: Some(definition) }
}

/// A profile of the tenant's own as it is shown.
pub(super) async fn shown(app: &App, tenant: &TenantId, name: &ProfileName) -> Result<ProfileWithDefinition, Problem> {
    let own = find(app, tenant, name).await?;
    let newest = version(app, tenant, name, own.version).await?;
    Ok(with_definition(&own, newest.definition))
}

/// Makes a profile.
pub(super) async fn create(
    app: &App,
    tenant: &TenantId,
    name: ProfileName,
    said: Said,
) -> Result<ProfileWithDefinition, Problem> {
    let now = app.now();
    let own = OwnProfile { name, title: said.title.clone(), version: 1, created_at: now, updated_at: now };
    let first = version_of(&own, said.definition);
    match app.profiles.create(tenant, &own, &first).await? {
        ProfileCreated::Yes => Ok(with_definition(&own, first.definition)),
        ProfileCreated::NameTaken => Err(Problem::new(Kind::NameTaken, "The tenant has a profile of this name.")),
        ProfileCreated::LimitReached => Err(Problem::new(
            Kind::LimitReached,
            format!("A tenant can have {OWN_PROFILES_LIMIT} profiles of its own, and has as many."),
        )),
    }
}

/// What a profile is in its newest version.
fn version_of(own: &OwnProfile, definition: Value) -> OwnProfileVersion {
    OwnProfileVersion {
        name: own.name.clone(),
        version: own.version,
        title: own.title.clone(),
        definition,
        created_at: own.updated_at,
    }
}

/// Gives a profile its next version; one that is already so stays as it is.
pub(super) async fn replace(
    app: &App,
    (tenant, name): (&TenantId, &ProfileName),
    precondition: &Precondition,
    said: &Said,
) -> Result<ProfileWithDefinition, Problem> {
    for _ in 0..TRIES {
        let before = find(app, tenant, name).await?;
        let newest = version(app, tenant, name, before.version).await?;
        precondition.check(before.version.into())?;
        if (&said.title, &said.definition) == (&before.title, &newest.definition) {
            return Ok(with_definition(&before, newest.definition));
        }
        let after = OwnProfile {
            title: said.title.clone(),
            version: before.version.saturating_add(1),
            updated_at: app.now(),
            ..before
        };
        let next = version_of(&after, said.definition.clone());
        // A lost answer looks like somebody else's change.
        if app.profiles.update(tenant, &after, &next).await? == Saved::Yes
            || app.profiles.version(tenant, name, next.version).await?.as_ref() == Some(&next)
        {
            return Ok(with_definition(&after, next.definition));
        }
    }
    Err(ChangeFailed::Conflict.into())
}

/// Deletes a profile with its versions.
pub(super) async fn delete(
    app: &App,
    (tenant, name): (&TenantId, &ProfileName),
    precondition: &Precondition,
) -> Result<(), Problem> {
    for _ in 0..TRIES {
        let before = find(app, tenant, name).await?;
        precondition.check(before.version.into())?;
        if app.profiles.delete(tenant, &before).await? == Saved::Yes {
            return Ok(());
        }
    }
    Err(ChangeFailed::Conflict.into())
}
