//! Tenants: made, limited and suspended by the operator; shown, as far as it is theirs, to everybody.
//!
//! A suspension is one change of a record. What it means is decided by whoever serves the tenant: this API refuses its keys
//! ([`crate::auth`]), ingest makes no events of its telemetry, the dispatcher keeps what waits for its receivers and
//! tries nothing. Resuming has each backlog looked at at once.

mod changes;
mod listing;
pub mod privacy;
mod view;

pub use changes::{LimitsInput, NewTenant, Suspension, TenantPatch};
pub use listing::TenantFilter;
pub use view::{OwnTenant, TenantView};

use crate::App;
use crate::auth::{Allowed, Anyone, Operates};
use crate::body::{JsonBody, OptionalBody, PatchBody};
use crate::keys::{self, CreatedApiKey, NewApiKey};
use crate::operations::operations;
use crate::page::{List, PageParameters};
use crate::precondition::{Precondition, etag};
use crate::problem::{Kind, Problem};
use crate::reference::{location, tenant_in_path};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use changes::Change;
use http::StatusCode;
use listing::Listing;
use spacehook_domain::ids::TenantId;
use spacehook_domain::tenant::Tenant;

operations!(pub create_tenant, list_tenants, get_tenant, update_tenant, suspend_tenant, resume_tenant, create_tenant_api_key, get_own_tenant);

/// A tenant as it is recorded. The first one is there without a record.
async fn find(app: &App, id: &TenantId) -> Result<Tenant, Problem> {
    if let Some(tenant) = app.tenants.tenant(id).await? {
        return Ok(tenant);
    }
    if *id == app.first_tenant {
        return Ok(Tenant::unrecorded(id.clone()));
    }
    Err(Problem::not_found("tenant"))
}

fn shown(app: &App, tenant: &Tenant) -> Response {
    (etag(tenant.revision), Json(TenantView::of(tenant, app.requests_per_minute))).into_response()
}

/// Create a tenant
///
/// Its first key is made by `POST /v1/tenants/{id}/api-keys`. An id is never used again: there is no deleting a tenant.
#[utoipa::path(
    post, path = "/v1/tenants", tag = "tenants", security(("api_key" = ["operator"])),
    request_body = NewTenant,
    responses(
        (status = 201, description = "Created", body = TenantView, headers(
            ("etag" = String, description = "Its revision"), ("location" = String, description = "Its path"))),
        (status = 409, description = "There is a tenant of this id", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn create_tenant(
    State(app): State<App>,
    _: Allowed<Operates>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let tenant = changes::create(&app, &body).await?;
    Ok((StatusCode::CREATED, location(&format!("/v1/tenants/{}", tenant.id)), shown(&app, &tenant)).into_response())
}

/// List the tenants
///
/// By id. The first tenant is among them, whether anybody made a record of it or not.
#[utoipa::path(
    get, path = "/v1/tenants", tag = "tenants", security(("api_key" = ["operator"])),
    params(TenantFilter, PageParameters), responses((status = 200, description = "A page", body = List<TenantView>))
)]
async fn list_tenants(
    State(app): State<App>,
    _: Allowed<Operates>,
    Listing { page, suspended }: Listing,
) -> Result<List<TenantView>, Problem> {
    let first = Tenant::unrecorded(app.first_tenant.clone());
    let page = app.tenants.list_tenants(page, &first, suspended).await?;
    Ok(List::of(page, |tenant| TenantView::of(&tenant, app.requests_per_minute)))
}

/// Get a tenant
#[utoipa::path(
    get, path = "/v1/tenants/{id}", tag = "tenants", security(("api_key" = ["operator"])),
    params(("id" = String, Path, description = "The tenant")),
    responses((status = 200, description = "The tenant", body = TenantView,
        headers(("etag" = String, description = "Its revision"))))
)]
async fn get_tenant(State(app): State<App>, _: Allowed<Operates>, Path(id): Path<String>) -> Result<Response, Problem> {
    Ok(shown(&app, &find(&app, &tenant_in_path(&id)?).await?))
}

/// Change a tenant
///
/// By JSON merge patch (RFC 7396): what is not named stays, null gives a limit its default. A limit below what there is
/// takes nothing away; nothing is added until there is room.
#[utoipa::path(
    patch, path = "/v1/tenants/{id}", tag = "tenants", security(("api_key" = ["operator"])),
    params(
        ("id" = String, Path, description = "The tenant"),
        ("if-match" = Option<String>, Header, description = "Change only this revision, as in `\"3\"`"),
    ),
    request_body(content((TenantPatch = "application/merge-patch+json"), (TenantPatch = "application/json"))),
    responses(
        (status = 200, description = "The tenant as it is now", body = TenantView,
            headers(("etag" = String, description = "Its revision"))),
        (status = 409, description = "It is being changed by others", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
        (status = 412, description = "It has another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn update_tenant(
    State(app): State<App>,
    _: Allowed<Operates>,
    Path(id): Path<String>,
    precondition: Precondition,
    PatchBody(patch): PatchBody,
) -> Result<Response, Problem> {
    let change = Change::Patch(changes::read_patch(&patch)?);
    Ok(shown(&app, &changes::change(&app, &tenant_in_path(&id)?, &precondition, &change).await?))
}

/// Suspend a tenant
///
/// Its keys are refused with the next request. Its telemetry makes no events any more, though the states of its spaces go
/// on. What is on its way to its receivers is kept, as long as backlogs keep deliveries, and nothing is tried; what is
/// being sent in this moment may go on for some seconds. A tenant that is suspended already is left as it is, with its
/// reason. The caller's own tenant can't be suspended.
#[utoipa::path(
    post, path = "/v1/tenants/{id}/suspend", tag = "tenants", security(("api_key" = ["operator"])),
    params(
        ("id" = String, Path, description = "The tenant"),
        ("if-match" = Option<String>, Header, description = "Change only this revision, as in `\"3\"`"),
    ),
    request_body = Option<Suspension>,
    responses(
        (status = 200, description = "The tenant as it is now", body = TenantView,
            headers(("etag" = String, description = "Its revision"))),
        (status = 409, description = "It is the caller's own, or is being changed by others",
            body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn suspend_tenant(
    State(app): State<App>,
    allowed: Allowed<Operates>,
    Path(id): Path<String>,
    precondition: Precondition,
    OptionalBody(body): OptionalBody,
) -> Result<Response, Problem> {
    let id = tenant_in_path(&id)?;
    let change = Change::Suspend { reason: changes::read_suspension(&body)? };
    if id == allowed.caller.tenant {
        return Err(Problem::new(Kind::OwnTenant, Kind::OwnTenant.meaning()));
    }
    Ok(shown(&app, &changes::change(&app, &id, &precondition, &change).await?))
}

/// Resume a tenant
///
/// What waits for its receivers is sent, in order, before anything newer. If that can't be begun for all of it now, the
/// answer is 503: ask again. A tenant that is active is left as it is, and what waits is looked at all the same.
#[utoipa::path(
    post, path = "/v1/tenants/{id}/resume", tag = "tenants", security(("api_key" = ["operator"])),
    params(
        ("id" = String, Path, description = "The tenant"),
        ("if-match" = Option<String>, Header, description = "Change only this revision, as in `\"3\"`"),
    ),
    responses(
        (status = 200, description = "The tenant as it is now", body = TenantView,
            headers(("etag" = String, description = "Its revision"))),
        (status = 409, description = "It is being changed by others", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
        (status = 412, description = "It has another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn resume_tenant(
    State(app): State<App>,
    _: Allowed<Operates>,
    Path(id): Path<String>,
    precondition: Precondition,
) -> Result<Response, Problem> {
    let tenant = changes::change(&app, &tenant_in_path(&id)?, &precondition, &Change::Resume).await?;
    changes::wake_backlogs(&app, &tenant.id).await?;
    Ok(shown(&app, &tenant))
}

/// Create an API key of a tenant
///
/// The first of them is how a tenant gets into this API: with the role `owner` it makes the others by itself.
#[utoipa::path(
    post, path = "/v1/tenants/{id}/api-keys", tag = "tenants", security(("api_key" = ["operator"])),
    params(("id" = String, Path, description = "The tenant")),
    request_body = NewApiKey,
    responses(
        (status = 201, description = "Created", body = CreatedApiKey),
        (status = 409, description = "The tenant has as many keys as it can", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn create_tenant_api_key(
    State(app): State<App>,
    _: Allowed<Operates>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let tenant = find(&app, &tenant_in_path(&id)?).await?;
    // The operator is above the admins of tenants.
    keys::create(&app, tenant.id, &body, |_| true).await
}

/// Get the tenant of the key that asks
///
/// Its limits, and how much of them is used. Every key may ask.
#[utoipa::path(
    get, path = "/v1/tenant", tag = "tenants", security(("api_key" = [])),
    responses((status = 200, description = "The tenant", body = OwnTenant))
)]
async fn get_own_tenant(State(app): State<App>, allowed: Allowed<Anyone>) -> Result<Json<OwnTenant>, Problem> {
    let id = &allowed.caller.tenant;
    let (tenant, usage) = tokio::join!(app.tenants.tenant(id), app.tenants.usage(id));
    let tenant = tenant?.unwrap_or_else(|| Tenant::unrecorded(id.clone()));
    Ok(Json(OwnTenant::of(&tenant, usage?, allowed.rate, app.requests_per_minute)))
}
