//! Buildings.

use super::settings::{self, MinimumChangeView};
use super::{deleted, put_answer, read_name};
use crate::App;
use crate::auth::{Allowed, Reads, Writes};
use crate::body::JsonBody;
use crate::fields::{At, Errors};
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::problem::Problem;
use crate::reference::building_in_path;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::ids::BuildingRefId;
use spacehook_domain::place::Building;
use utoipa::ToSchema;

operations!(pub(super) list_buildings, put_building, get_building, delete_building);

/// What a client says of a building.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildingInput {
    /// What people call it.
    #[schema(max_length = 200, example = "Headquarters")]
    pub name: Option<String>,
    /// By how much a quantity must move before a report counts as changed, in spaces that do not say otherwise.
    pub minimum_change: Option<MinimumChangeView>,
    /// Seconds for which a space must stay empty before it is told to be available, where the space does not say
    /// otherwise. None is as 0: it is told at once.
    #[schema(minimum = 0, maximum = 86400, example = 120)]
    pub vacant_after_s: Option<u32>,
}

/// A building.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Building)]
pub struct BuildingView {
    /// The customer's own name of it.
    #[schema(example = "building_1")]
    pub building_ref_id: String,
    /// What people call it.
    #[schema(required)]
    pub name: Option<String>,
    /// By how much a quantity must move before a report counts as changed, in spaces that do not say otherwise.
    #[schema(required)]
    pub minimum_change: Option<MinimumChangeView>,
    /// Seconds for which a space must stay empty before it is told to be available, where the space does not say
    /// otherwise.
    #[schema(required, minimum = 0, maximum = 86400, example = 120)]
    pub vacant_after_s: Option<u32>,
}

impl From<Building> for BuildingView {
    fn from(building: Building) -> Self {
        let (minimum_change, vacant_after_s) = settings::view(&building.settings);
        Self { building_ref_id: building.building_ref_id.into(), name: building.name, minimum_change, vacant_after_s }
    }
}

/// The fields that a client may write.
const FIELDS: &[&str] = &["name", "minimum_change", "vacant_after_s"];

fn read(building_ref_id: BuildingRefId, body: &Value) -> Result<Building, Problem> {
    let errors = Errors::default();
    let building = At::root(body, &errors).fields(FIELDS).and_then(|fields| {
        let (name, settings) = (read_name(&fields, "name"), settings::read(&fields));
        Some(Building { building_ref_id, name: name?, settings: settings? })
    });
    errors.finish(building)
}

/// Create or replace a building
///
/// Its settings hold, for the readings of its spaces that do not say otherwise, from the next message on. A hold that runs
/// ends when it would have.
#[utoipa::path(
    put, path = "/v1/buildings/{building_ref_id}", tag = "places", security(("api_key" = ["write"])),
    params(("building_ref_id" = String, Path, description = "The customer's own name of the building")),
    request_body = BuildingInput,
    responses(
        (status = 200, description = "Replaced", body = BuildingView),
        (status = 201, description = "Created", body = BuildingView),
    )
)]
async fn put_building(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(building): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let building = read(building_in_path(&building)?, &body)?;
    let put = app.registry.put_building(&allowed.caller.tenant, &building).await?;
    Ok(put_answer(put, BuildingView::from(building)))
}

/// Get a building
#[utoipa::path(
    get, path = "/v1/buildings/{building_ref_id}", tag = "places", security(("api_key" = ["read"])),
    params(("building_ref_id" = String, Path, description = "The customer's own name of the building")),
    responses((status = 200, description = "The building", body = BuildingView))
)]
async fn get_building(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(building): Path<String>,
) -> Result<Json<BuildingView>, Problem> {
    let building = app.registry.building(&allowed.caller.tenant, &building_in_path(&building)?).await?;
    Ok(Json(building.ok_or_else(|| Problem::not_found("building"))?.into()))
}

/// Delete a building
///
/// Refused while it has floors or spaces.
#[utoipa::path(
    delete, path = "/v1/buildings/{building_ref_id}", tag = "places", security(("api_key" = ["write"])),
    params(("building_ref_id" = String, Path, description = "The customer's own name of the building")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 409, description = "It has floors or spaces", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn delete_building(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(building): Path<String>,
) -> Result<StatusCode, Problem> {
    let was_there = app.registry.delete_building(&allowed.caller.tenant, &building_in_path(&building)?).await?;
    deleted(was_there, "building")
}

/// List the buildings
#[utoipa::path(
    get, path = "/v1/buildings", tag = "places", security(("api_key" = ["read"])),
    params(PageParameters), responses((status = 200, description = "A page", body = List<BuildingView>))
)]
async fn list_buildings(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Paging(page): Paging,
) -> Result<List<BuildingView>, Problem> {
    let page = app.registry.list_buildings(&allowed.caller.tenant, page).await?;
    Ok(List::of(page, BuildingView::from))
}
