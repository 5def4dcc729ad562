//! The operations on event types.

use super::changes::{self, Change};
use super::listing::{self, FilterParameters, Listing};
use super::read::{self, NewEventType, Replacement};
use super::view::{EventTypeView, EventTypeWithSchema, VersionView};
use crate::App;
use crate::auth::{Allowed, Reads, Writes};
use crate::body::JsonBody;
use crate::operations::operations;
use crate::page::{List, PageParameters};
use crate::precondition::{Precondition, etag};
use crate::problem::{Kind, Problem};
use crate::reference::{location, version_in_path};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use spacehook_domain::catalogue;
use spacehook_domain::event::{CustomType, EventType};

operations!(pub list_event_types, create_event_type, get_event_type, replace_event_type, get_event_type_version, archive_event_type, unarchive_event_type);

fn shown(event_type: EventTypeWithSchema) -> Response {
    match event_type.event_type.revision {
        Some(revision) => (etag(revision), Json(event_type)).into_response(),
        None => Json(event_type).into_response(),
    }
}

/// The type of a path. What can't be a name names none.
fn in_path(text: &str) -> Result<EventType, Problem> {
    EventType::parse(text).map_err(|_| Problem::not_found("event type"))
}

/// The type of a path, which must be a tenant's own.
fn own_in_path(text: &str) -> Result<CustomType, Problem> {
    let event_type = in_path(text)?;
    event_type.custom().ok_or_else(|| {
        Problem::new(Kind::BuiltIn, format!("'{event_type}' is Spacehook's own; what it looks like is fixed."))
    })
}

/// List the event types
///
/// Spacehook's, and those of the tenant's own, which come last and by name.
#[utoipa::path(
    get, path = "/v1/event-types", tag = "event types", security(("api_key" = ["read"])),
    params(FilterParameters, PageParameters),
    responses((status = 200, description = "A page", body = List<EventTypeView>))
)]
async fn list_event_types(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    listing: Listing,
) -> Result<List<EventTypeView>, Problem> {
    let page = listing::list(&app, &allowed.caller.tenant, &listing).await?;
    Ok(List::of(page, |view| view))
}

/// Register an event type
///
/// From then on it can be published and subscribed to. Its first version is 1.
#[utoipa::path(
    post, path = "/v1/event-types", tag = "event types", security(("api_key" = ["write"])),
    request_body = NewEventType,
    responses(
        (status = 201, description = "Registered", body = EventTypeWithSchema, headers(
            ("etag" = String, description = "Its revision"), ("location" = String, description = "Its path"))),
        (status = 409, description = "The name is taken, or a limit is reached", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn create_event_type(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let (name, said) = read::read_new(&body)?;
    let made = changes::register(&app, &allowed.caller.tenant, name, said).await?;
    Ok((StatusCode::CREATED, location(&format!("/v1/event-types/{name}")), shown(made)).into_response())
}

/// Get an event type
///
/// With the JSON Schema of its newest version and an example.
#[utoipa::path(
    get, path = "/v1/event-types/{name}", tag = "event types", security(("api_key" = ["read"])),
    params(("name" = String, Path, description = "The type")),
    responses((status = 200, description = "The type", body = EventTypeWithSchema,
        headers(("etag" = String, description = "Its revision, of a type of the tenant's own"))))
)]
async fn get_event_type(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let tenant = &allowed.caller.tenant;
    let event_type = in_path(&name)?;
    if let Some(entry) = catalogue::entry(event_type) {
        return Ok(shown(entry.into()));
    }
    let own = changes::find(&app, tenant, own_in_path(&name)?).await?;
    let newest = changes::version(&app, tenant, own.name, own.version).await?;
    Ok(shown(EventTypeWithSchema::of(&own, newest)))
}

/// Replace an event type
///
/// What its events look like, in a new version; what is published from then on is checked by it. If only the description
/// is another, no version is made, and if nothing is, no revision either.
#[utoipa::path(
    put, path = "/v1/event-types/{name}", tag = "event types", security(("api_key" = ["write"])),
    params(
        ("name" = String, Path, description = "The type"),
        ("if-match" = Option<String>, Header, description = "Replace only this revision, as in `\"3\"`"),
    ),
    request_body = Replacement,
    responses(
        (status = 200, description = "The type as it is now", body = EventTypeWithSchema,
            headers(("etag" = String, description = "Its revision"))),
        (status = 409, description = "It is Spacehook's own, it has as many versions as it can, or it is being changed by \
            others", body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn replace_event_type(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(name): Path<String>,
    precondition: Precondition,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let which = (&allowed.caller.tenant, own_in_path(&name)?);
    let said = read::read_replacement(&body)?;
    Ok(shown(changes::change(&app, which, &precondition, Change::Replace(said)).await?))
}

/// Get a version of an event type
///
/// A version never changes.
#[utoipa::path(
    get, path = "/v1/event-types/{name}/versions/{version}", tag = "event types", security(("api_key" = ["read"])),
    params(
        ("name" = String, Path, description = "The type"),
        ("version" = u32, Path, description = "The version: 1, 2, 3, …", minimum = 1),
    ),
    responses((status = 200, description = "The version", body = VersionView))
)]
async fn get_event_type_version(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<VersionView>, Problem> {
    let event_type = in_path(&name)?;
    let version = version_in_path(&version, "version of the event type")?;
    if let Some(entry) = catalogue::entry(event_type) {
        let entry = Some(entry).filter(|entry| entry.version == version);
        return Ok(Json(entry.ok_or_else(|| Problem::not_found("version of the event type"))?.into()));
    }
    let found = changes::version(&app, &allowed.caller.tenant, own_in_path(&name)?, version).await?;
    Ok(Json(found.into()))
}

/// Archive an event type
///
/// Nobody can publish it or newly subscribe to it from then on; subscriptions that list it keep it. One that is archived
/// already is left as it is.
#[utoipa::path(
    post, path = "/v1/event-types/{name}/archive", tag = "event types", security(("api_key" = ["write"])),
    params(
        ("name" = String, Path, description = "The type"),
        ("if-match" = Option<String>, Header, description = "Change only this revision, as in `\"3\"`"),
    ),
    responses(
        (status = 200, description = "The type as it is now", body = EventTypeWithSchema,
            headers(("etag" = String, description = "Its revision"))),
        (status = 409, description = "It is Spacehook's own, or it is being changed by others",
            body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn archive_event_type(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(name): Path<String>,
    precondition: Precondition,
) -> Result<Response, Problem> {
    let which = (&allowed.caller.tenant, own_in_path(&name)?);
    Ok(shown(changes::change(&app, which, &precondition, Change::Archive(true)).await?))
}

/// Take an event type out of the archive
///
/// One that is not archived is left as it is.
#[utoipa::path(
    post, path = "/v1/event-types/{name}/unarchive", tag = "event types", security(("api_key" = ["write"])),
    params(
        ("name" = String, Path, description = "The type"),
        ("if-match" = Option<String>, Header, description = "Change only this revision, as in `\"3\"`"),
    ),
    responses(
        (status = 200, description = "The type as it is now", body = EventTypeWithSchema,
            headers(("etag" = String, description = "Its revision"))),
        (status = 409, description = "It is Spacehook's own, or it is being changed by others",
            body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has another revision", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn unarchive_event_type(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(name): Path<String>,
    precondition: Precondition,
) -> Result<Response, Problem> {
    let which = (&allowed.caller.tenant, own_in_path(&name)?);
    Ok(shown(changes::change(&app, which, &precondition, Change::Archive(false)).await?))
}
