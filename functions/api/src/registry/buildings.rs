//! Buildings.

use super::{PlaceInput, deleted, put_answer, read_place};
use crate::App;
use crate::auth::{Allowed, Reads, Writes};
use crate::body::JsonBody;
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::problem::Problem;
use crate::reference::building_in_path;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use spacehook_domain::place::Building;
use utoipa::ToSchema;

operations!(pub(super) list_buildings, put_building, get_building, delete_building);

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
}

impl From<Building> for BuildingView {
    fn from(building: Building) -> Self {
        Self { building_ref_id: building.building_ref_id.into(), name: building.name }
    }
}

/// Create or replace a building
#[utoipa::path(
    put, path = "/v1/buildings/{building_ref_id}", tag = "places", security(("api_key" = ["write"])),
    params(("building_ref_id" = String, Path, description = "The customer's own name of the building")),
    request_body = PlaceInput,
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
    let building = Building { building_ref_id: building_in_path(&building)?, name: read_place(&body)? };
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
