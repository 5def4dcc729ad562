//! Making and changing tenants.

use super::find;
use crate::App;
use crate::fields::{At, Errors, Fields};
use crate::ports::{ChangeFailed, Failed};
use crate::precondition::Precondition;
use crate::problem::{Kind, Problem};
use crate::registry;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::ids::{SubscriptionKey, TenantId};
use spacehook_domain::tenant::{
    Limits, REASON_LIMIT, REQUESTS_MOST, SUBSCRIPTIONS_DEFAULT, SUBSCRIPTIONS_MOST, Status, Tenant,
};
use spacehook_domain::wake::Wake;
use spacehook_store::Saved;
use std::time::Duration;
use utoipa::ToSchema;

/// How often a change that somebody overtakes is begun anew.
pub(super) const TRIES: usize = 3;
/// Backlogs that are woken at the same time.
const WOKEN_AT_ONCE: usize = 16;

/// How much a tenant may have.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TenantLimits)]
pub struct LimitsInput {
    /// Subscriptions.
    #[schema(minimum = 1, maximum = 10000, default = 1000)]
    pub subscriptions: Option<u64>,
    /// Requests a minute of each of its keys; null means what the deployment says.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub requests_per_minute: Option<u32>,
}

/// A new tenant.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// What its topics and keys name.
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "acme")]
    pub id: String,
    /// What people call it.
    #[schema(min_length = 1, max_length = 200, example = "Acme Corporation")]
    pub name: String,
    /// How much it may have.
    pub limits: Option<LimitsInput>,
}

/// A change of a tenant.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantPatch {
    /// What people call it.
    #[schema(min_length = 1, max_length = 200, nullable = false)]
    pub name: Option<String>,
    /// How much it may have.
    pub limits: Option<LimitsInput>,
}

/// Why a tenant is suspended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Its keys are told.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

const NEW_FIELDS: &[&str] = &["id", "name", "limits"];
const FIELDS: &[&str] = &["name", "limits"];
const LIMIT_FIELDS: &[&str] = &["subscriptions", "requests_per_minute"];

/// A change of a tenant.
#[derive(Debug)]
pub(super) enum Change {
    Patch(Patch),
    Suspend { reason: Option<String> },
    Resume,
}

/// What a merge patch says: none where it says nothing of a thing.
#[derive(Debug, Default, Clone)]
pub(super) struct Patch {
    name: Option<String>,
    subscriptions: Option<u64>,
    requests_per_minute: OwnRate,
}

/// What a patch says of the requests a minute.
#[derive(Debug, Default, Clone, Copy)]
enum OwnRate {
    /// Nothing.
    #[default]
    Stays,
    /// As many as the deployment says.
    OfDeployment,
    /// So many.
    Is(u32),
}

impl Change {
    fn apply(&self, app: &App, tenant: &mut Tenant) {
        match self {
            Self::Patch(patch) => {
                if let Some(name) = &patch.name {
                    tenant.name.clone_from(name);
                }
                let Limits { subscriptions, requests_per_minute } = &mut tenant.limits;
                *subscriptions = patch.subscriptions.unwrap_or(*subscriptions);
                match patch.requests_per_minute {
                    OwnRate::Stays => {}
                    OwnRate::OfDeployment => *requests_per_minute = None,
                    OwnRate::Is(requests) => *requests_per_minute = Some(requests),
                }
            }
            Self::Suspend { reason } if !tenant.is_suspended() => {
                tenant.status = Status::Suspended { since: app.now(), reason: reason.clone() };
            }
            Self::Suspend { .. } => {}
            Self::Resume => tenant.status = Status::Active,
        }
    }
}

/// Makes a tenant.
pub(super) async fn create(app: &App, body: &Value) -> Result<Tenant, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(NEW_FIELDS).and_then(|fields| {
        let id = fields.required("id", |at| at.parsed(TenantId::parse));
        let name = fields.required("name", |at| at.parsed(registry::name));
        let patch = read_limits(&fields);
        Some((id?, name?, patch?))
    });
    let (id, name, limits) = errors.finish(read)?;
    let exists = || Problem::new(Kind::TenantExists, Kind::TenantExists.meaning());
    if id == app.first_tenant {
        return Err(exists());
    }
    let now = app.now();
    let mut tenant = Tenant::unrecorded(id).changed(now, |tenant| {
        tenant.name = name;
        tenant.created_at = Some(now);
    });
    Change::Patch(limits).apply(app, &mut tenant);
    if app.tenants.put_tenant(&tenant).await? == Saved::Yes {
        return Ok(tenant);
    }
    // A lost answer looks like somebody else's tenant; what is stored then is our own.
    if app.tenants.tenant(&tenant.id).await?.as_ref() == Some(&tenant) { Ok(tenant) } else { Err(exists()) }
}

/// Changes a tenant; again where another change came between and the client did not say which revision it means.
pub(super) async fn change(
    app: &App,
    id: &TenantId,
    precondition: &Precondition,
    change: &Change,
) -> Result<Tenant, Problem> {
    for _ in 0..TRIES {
        let before = find(app, id).await?;
        precondition.check(before.revision)?;
        let mut wanted = before.clone();
        change.apply(app, &mut wanted);
        if wanted == before {
            return Ok(before);
        }
        let after = before.changed(app.now(), |tenant| *tenant = wanted);
        if app.tenants.put_tenant(&after).await? == Saved::Yes || app.tenants.tenant(id).await?.as_ref() == Some(&after)
        {
            tracing::info!(tenant = %id, status = ?after.status, limits = ?after.limits, "a tenant is changed");
            return Ok(after);
        }
    }
    Err(ChangeFailed::Conflict.into())
}

/// Has every backlog of a tenant looked at now.
pub(super) async fn wake_backlogs(app: &App, tenant: &TenantId) -> Result<(), Failed> {
    let with_backlog = app.tenants.with_backlog(tenant).await?;
    let wake = async |id| {
        let key = SubscriptionKey { tenant: tenant.clone(), id };
        app.timers.wake(&Wake::now(key), Duration::ZERO).await
    };
    stream::iter(with_backlog.into_iter().map(wake)).buffer_unordered(WOKEN_AT_ONCE).try_collect().await
}

/// Reads a merge patch of a tenant.
pub(super) fn read_patch(body: &Value) -> Result<Patch, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(FIELDS).and_then(|fields| {
        let name = if fields.has("name") {
            fields.required("name", |at| at.parsed(registry::name)).map(Some)
        } else {
            Some(None)
        };
        let limits = read_limits(&fields);
        Some(Patch { name: name?, ..limits? })
    });
    errors.finish(read)
}

fn read_limits(of: &Fields<'_>) -> Option<Patch> {
    if !of.has("limits") {
        return Some(Patch::default());
    }
    let read = of.optional("limits", |at| {
        let fields = at.fields(LIMIT_FIELDS)?;
        let subscriptions = fields.optional("subscriptions", |at| limit(at, SUBSCRIPTIONS_MOST).map(Some));
        let requests = fields.optional("requests_per_minute", |at| limit(at, REQUESTS_MOST.into()).map(Some));
        let (subscriptions, requests) = (subscriptions?, requests?);
        Some(Some(Patch {
            name: None,
            subscriptions: fields.has("subscriptions").then(|| subscriptions.unwrap_or(SUBSCRIPTIONS_DEFAULT)),
            requests_per_minute: match requests.and_then(|requests| u32::try_from(requests).ok()) {
                Some(requests) => OwnRate::Is(requests),
                None if fields.has("requests_per_minute") => OwnRate::OfDeployment,
                None => OwnRate::Stays,
            },
        }))
    })?;
    // Null gives all limits their defaults.
    let all =
        Patch { name: None, subscriptions: Some(SUBSCRIPTIONS_DEFAULT), requests_per_minute: OwnRate::OfDeployment };
    Some(read.unwrap_or(all))
}

fn limit(at: &At<'_>, most: u64) -> Option<u64> {
    let number = at.whole_number().filter(|number| (1..=most).contains(number));
    number.or_else(|| at.refuse(format!("must be a whole number from 1 to {most}")))
}

/// Reads why a tenant is suspended.
pub(super) fn read_suspension(body: &Value) -> Result<Option<String>, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(&["reason"]);
    let read = read.and_then(|fields| fields.optional("reason", |at| at.prose(REASON_LIMIT).map(Some)));
    errors.finish(read)
}
