//! The operations on profiles.

use super::changes;
use super::listing::{self, FilterParameters, Listing};
use super::read::{self, NewProfile, ProfileReplacement};
use super::trial::{self, ProfileTrial, TrialResult};
use super::view::{ProfileVersionView, ProfileView, ProfileWithDefinition};
use crate::App;
use crate::auth::{Allowed, Reads, Writes};
use crate::body::JsonBody;
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::precondition::{Precondition, etag};
use crate::problem::{Kind, Problem};
use crate::reference::{location, version_in_path};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use spacehook_domain::ids::ProfileName;
use spacehook_domain::profile::{NATIVE, Profile, built_in_named};

operations!(pub list_profiles, create_profile, get_profile, replace_profile, delete_profile, list_profile_versions, get_profile_version, try_profile);

fn shown(profile: ProfileWithDefinition) -> Response {
    match profile.profile.version {
        Some(version) => (etag(version.into()), Json(profile)).into_response(),
        None => Json(profile).into_response(),
    }
}

/// The profile of a path. What can't be a name names none.
fn in_path(text: &str) -> Result<ProfileName, Problem> {
    ProfileName::parse(text).map_err(|_| Problem::not_found("profile"))
}

/// The profile of a path, which must be the tenant's own to be changed.
fn own_in_path(text: &str) -> Result<ProfileName, Problem> {
    let name = in_path(text)?;
    if Profile::of_all(&name).is_some() {
        let detail = format!("'{name}' is built in, and the same for every tenant; make one of your own after it.");
        return Err(Problem::new(Kind::BuiltIn, detail));
    }
    Ok(name)
}

/// List the profiles
///
/// Those that every tenant has, then the tenant's own, each by name.
#[utoipa::path(
    get, path = "/v1/profiles", tag = "profiles", security(("api_key" = ["read"])),
    params(FilterParameters, PageParameters),
    responses((status = 200, description = "A page", body = List<ProfileView>))
)]
async fn list_profiles(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    listing: Listing,
) -> Result<List<ProfileView>, Problem> {
    let page = listing::list(&app, &allowed.caller.tenant, &listing).await?;
    Ok(List::of(page, |view| view))
}

/// Make a profile
///
/// Messages on `telemetry/{tenant}/{name}/{sensor}` are read by it from then on. Try it first: `POST
/// /v1/profiles/{name}/test` takes a definition that is not saved.
#[utoipa::path(
    post, path = "/v1/profiles", tag = "profiles", security(("api_key" = ["write"])),
    request_body = NewProfile,
    responses(
        (status = 201, description = "Made", body = ProfileWithDefinition, headers(
            ("etag" = String, description = "Its version"), ("location" = String, description = "Its path"))),
        (status = 409, description = "The name is taken, or a limit is reached", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn create_profile(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let (name, said) = read::read_new(&body, &*app.scripts)?;
    let location = location(&format!("/v1/profiles/{name}"));
    let made = changes::create(&app, &allowed.caller.tenant, name, said).await?;
    Ok((StatusCode::CREATED, location, shown(made)).into_response())
}

/// Get a profile
///
/// With its definition: that of one that is built in is a start for one's own.
#[utoipa::path(
    get, path = "/v1/profiles/{name}", tag = "profiles", security(("api_key" = ["read"])),
    params(("name" = String, Path, description = "The profile")),
    responses((status = 200, description = "The profile", body = ProfileWithDefinition,
        headers(("etag" = String, description = "Its version, of the tenant's own"))))
)]
async fn get_profile(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    if name == NATIVE {
        return Ok(shown(ProfileWithDefinition { profile: ProfileView::native(), definition: None }));
    }
    if let Some(built_in) = built_in_named(&name) {
        let definition = Some(built_in.definition.clone());
        return Ok(shown(ProfileWithDefinition { profile: built_in.into(), definition }));
    }
    Ok(shown(changes::shown(&app, &allowed.caller.tenant, &in_path(&name)?).await?))
}

/// Change a profile
///
/// What differs is its next version, by which messages are read from then on. The 20 newest versions are kept; an old one
/// is taken back by saving its definition again.
#[utoipa::path(
    put, path = "/v1/profiles/{name}", tag = "profiles", security(("api_key" = ["write"])),
    params(
        ("name" = String, Path, description = "The profile"),
        ("if-match" = Option<String>, Header, description = "Change only this version, as in `\"3\"`"),
    ),
    request_body = ProfileReplacement,
    responses(
        (status = 200, description = "The profile as it is now", body = ProfileWithDefinition,
            headers(("etag" = String, description = "Its version"))),
        (status = 409, description = "It is built in, or it is being changed by others",
            body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has another version", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn replace_profile(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(name): Path<String>,
    precondition: Precondition,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let name = own_in_path(&name)?;
    let said = read::read_replacement(&body, &*app.scripts)?;
    Ok(shown(changes::replace(&app, (&allowed.caller.tenant, &name), &precondition, &said).await?))
}

/// Delete a profile
///
/// With all its versions. Messages on its topics, and of sensors that name it, are refused from then on, and kept with
/// that reason.
#[utoipa::path(
    delete, path = "/v1/profiles/{name}", tag = "profiles", security(("api_key" = ["write"])),
    params(
        ("name" = String, Path, description = "The profile"),
        ("if-match" = Option<String>, Header, description = "Delete only this version, as in `\"3\"`"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 409, description = "It is built in, or it is being changed by others",
            body = crate::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 412, description = "It has another version", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn delete_profile(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(name): Path<String>,
    precondition: Precondition,
) -> Result<StatusCode, Problem> {
    let name = own_in_path(&name)?;
    changes::delete(&app, (&allowed.caller.tenant, &name), &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the versions of a profile
///
/// The newest first, with their definitions. One that is built in has none.
#[utoipa::path(
    get, path = "/v1/profiles/{name}/versions", tag = "profiles", security(("api_key" = ["read"])),
    params(("name" = String, Path, description = "The profile"), PageParameters),
    responses((status = 200, description = "A page", body = List<ProfileVersionView>))
)]
async fn list_profile_versions(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(name): Path<String>,
    Paging(page): Paging,
) -> Result<List<ProfileVersionView>, Problem> {
    let name = in_path(&name)?;
    changes::find(&app, &allowed.caller.tenant, &name).await?;
    let page = app.profiles.versions(&allowed.caller.tenant, &name, &page).await?;
    Ok(List::of(page, ProfileVersionView::from))
}

/// Get a version of a profile
///
/// A version never changes.
#[utoipa::path(
    get, path = "/v1/profiles/{name}/versions/{version}", tag = "profiles", security(("api_key" = ["read"])),
    params(
        ("name" = String, Path, description = "The profile"),
        ("version" = u32, Path, description = "The version: 1, 2, 3, …", minimum = 1),
    ),
    responses((status = 200, description = "The version", body = ProfileVersionView))
)]
async fn get_profile_version(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<ProfileVersionView>, Problem> {
    let name = in_path(&name)?;
    let version = version_in_path(&version, "version of the profile")?;
    changes::find(&app, &allowed.caller.tenant, &name).await?;
    Ok(Json(changes::version(&app, &allowed.caller.tenant, &name, version).await?.into()))
}

/// Try a profile with a message
///
/// What ingest would make of the message: readings, or the error and where. Nothing is kept or sent. With `definition` it is
/// that which is tried, and there need be no profile of this name. Also served as `POST /v1/profiles/{name}:test`.
#[utoipa::path(
    post, path = "/v1/profiles/{name}/test", tag = "profiles", security(("api_key" = ["write"])),
    params(("name" = String, Path, description = "The profile")),
    request_body = ProfileTrial,
    responses((status = 200, description = "What would become of the message", body = TrialResult))
)]
async fn try_profile(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(name): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<TrialResult>, Problem> {
    Ok(Json(trial::run(&app, &allowed.caller.tenant, &in_path(&name)?, &body).await?))
}

/// The same, where the path ends in a verb. The router knows no such paths.
pub(super) async fn try_profile_by_verb(
    app: State<App>,
    allowed: Allowed<Writes>,
    Path(name): Path<String>,
    body: JsonBody,
) -> Result<Json<TrialResult>, Problem> {
    let Some(name) = name.strip_suffix(":test") else {
        let problem = Problem::new(Kind::MethodNotAllowed, Kind::MethodNotAllowed.meaning());
        return Err(problem.with_header(ALLOW, HeaderValue::from_static("GET,HEAD,PUT,DELETE")));
    };
    try_profile(app, allowed, Path(name.to_owned()), body).await
}
