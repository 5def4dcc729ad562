//! Spaces of a building.

use super::floors::check_building;
use super::settings::{self, MinimumChangeView};
use super::{deleted, put_answer, put_refused, read_name};
use crate::App;
use crate::auth::{Allowed, Reads, Writes};
use crate::body::JsonBody;
use crate::fields::{At, Errors};
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::problem::Problem;
use crate::reference::{self, building_in_path, space_in_path};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::place::{Space, SpaceKey};
use spacehook_store::SpaceDraft;
use utoipa::ToSchema;

operations!(pub(super) list_spaces, put_space, get_space, delete_space);

/// What a client says of a space.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceInput {
    /// The floor it is on: one of its building.
    pub floor_ref_id: Option<String>,
    /// What people call it.
    #[schema(max_length = 200, example = "Meeting room Turing")]
    pub name: Option<String>,
    /// By how much a quantity must move before a report counts as changed. What is not named is as its building says; where
    /// that is silent too, each change of `person_count` counts and none of other quantities.
    pub minimum_change: Option<MinimumChangeView>,
    /// Seconds for which it must stay empty before it is told to be available; null means as its building says.
    #[schema(minimum = 0, maximum = 86400, example = 120)]
    pub vacant_after_s: Option<u32>,
}

/// A space: a room, a desk, an area.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Space)]
pub struct SpaceView {
    /// Spacehook's own number of it; never given to another space.
    pub space_id: u64,
    /// The building it is in.
    pub building_ref_id: String,
    /// The floor it is on.
    #[schema(required)]
    pub floor_ref_id: Option<String>,
    /// The customer's own name of it.
    #[schema(example = "space_1")]
    pub space_ref_id: String,
    /// What people call it.
    #[schema(required)]
    pub name: Option<String>,
    /// By how much a quantity must move before a report counts as changed, as it says itself.
    #[schema(required)]
    pub minimum_change: Option<MinimumChangeView>,
    /// Seconds for which it must stay empty before it is told to be available, as it says itself.
    #[schema(required, minimum = 0, maximum = 86400, example = 120)]
    pub vacant_after_s: Option<u32>,
    /// The sensors that report on it.
    pub sensor_ids: Vec<String>,
}

impl From<Space> for SpaceView {
    fn from(space: Space) -> Self {
        let (minimum_change, vacant_after_s) = settings::view(&space.settings);
        Self {
            minimum_change,
            vacant_after_s,
            space_id: space.space_id.0,
            building_ref_id: space.building_ref_id.into(),
            floor_ref_id: space.floor_ref_id.map(Into::into),
            space_ref_id: space.space_ref_id.into(),
            name: space.name,
            sensor_ids: space.sensor_ids.into_iter().map(Into::into).collect(),
        }
    }
}

/// The fields that a client may write.
const FIELDS: &[&str] = &["floor_ref_id", "name", "minimum_change", "vacant_after_s"];

fn read(key: SpaceKey, body: &Value) -> Result<SpaceDraft, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(FIELDS).and_then(|fields| {
        let floor_ref_id = fields.optional("floor_ref_id", |at| at.parsed(reference::floor).map(Some));
        let name = read_name(&fields, "name");
        let settings = settings::read(&fields);
        let SpaceKey { building_ref_id, space_ref_id } = key;
        Some(SpaceDraft {
            building_ref_id,
            floor_ref_id: floor_ref_id?,
            space_ref_id,
            name: name?,
            settings: settings?,
        })
    });
    errors.finish(read)
}

/// Reads the space of a path.
pub(super) async fn find(app: &App, allowed: &Allowed<Reads>, key: &SpaceKey) -> Result<Space, Problem> {
    app.registry.space(&allowed.caller.tenant, key).await?.ok_or_else(|| Problem::not_found("space"))
}

/// Create or replace a space
///
/// Its number, its sensors and its state stay with it when it is replaced. Its settings hold from the next message on; a hold
/// that runs ends when it would have.
#[utoipa::path(
    put, path = "/v1/buildings/{building_ref_id}/spaces/{space_ref_id}", tag = "places",
    security(("api_key" = ["write"])),
    params(
        ("building_ref_id" = String, Path, description = "The customer's own name of the building"),
        ("space_ref_id" = String, Path, description = "The customer's own name of the space"),
    ),
    request_body = SpaceInput,
    responses(
        (status = 200, description = "Replaced", body = SpaceView),
        (status = 201, description = "Created", body = SpaceView),
    )
)]
async fn put_space(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path((building, space)): Path<(String, String)>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let draft = read(space_in_path(&building, &space)?, &body)?;
    let put = app.registry.put_space(&allowed.caller.tenant, &draft).await;
    let (space, put) = put.map_err(|failed| put_refused(failed, ""))?;
    Ok(put_answer(put, SpaceView::from(space)))
}

/// Get a space
#[utoipa::path(
    get, path = "/v1/buildings/{building_ref_id}/spaces/{space_ref_id}", tag = "places",
    security(("api_key" = ["read"])),
    params(
        ("building_ref_id" = String, Path, description = "The customer's own name of the building"),
        ("space_ref_id" = String, Path, description = "The customer's own name of the space"),
    ),
    responses((status = 200, description = "The space", body = SpaceView))
)]
async fn get_space(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path((building, space)): Path<(String, String)>,
) -> Result<Json<SpaceView>, Problem> {
    Ok(Json(find(&app, &allowed, &space_in_path(&building, &space)?).await?.into()))
}

/// Delete a space
///
/// Refused while it has sensors. Its state goes with it.
#[utoipa::path(
    delete, path = "/v1/buildings/{building_ref_id}/spaces/{space_ref_id}", tag = "places",
    security(("api_key" = ["write"])),
    params(
        ("building_ref_id" = String, Path, description = "The customer's own name of the building"),
        ("space_ref_id" = String, Path, description = "The customer's own name of the space"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 409, description = "It has sensors", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn delete_space(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path((building, space)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let key = space_in_path(&building, &space)?;
    deleted(app.registry.delete_space(&allowed.caller.tenant, &key).await?, "space")
}

/// List the spaces of a building
#[utoipa::path(
    get, path = "/v1/buildings/{building_ref_id}/spaces", tag = "places", security(("api_key" = ["read"])),
    params(
        ("building_ref_id" = String, Path, description = "The customer's own name of the building"),
        PageParameters,
    ),
    responses((status = 200, description = "A page", body = List<SpaceView>))
)]
async fn list_spaces(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(building): Path<String>,
    Paging(page): Paging,
) -> Result<List<SpaceView>, Problem> {
    let (tenant, building) = (&allowed.caller.tenant, building_in_path(&building)?);
    check_building(&app, tenant, &building).await?;
    let page = app.registry.list_spaces(tenant, &building, page).await?;
    Ok(List::of(page, SpaceView::from))
}
