//! Floors of a building.

use super::{PlaceInput, deleted, put_answer, put_refused, read_place};
use crate::App;
use crate::auth::{Allowed, Reads, Writes};
use crate::body::JsonBody;
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::problem::Problem;
use crate::reference::{building_in_path, floor_in_path};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use spacehook_domain::ids::{BuildingRefId, TenantId};
use spacehook_domain::place::Floor;
use utoipa::ToSchema;

operations!(pub(super) list_floors, put_floor, get_floor, delete_floor);

/// A floor of a building.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Floor)]
pub struct FloorView {
    /// The building it is in.
    pub building_ref_id: String,
    /// The customer's own name of it.
    #[schema(example = "floor_2")]
    pub floor_ref_id: String,
    /// What people call it.
    #[schema(required)]
    pub name: Option<String>,
}

impl From<Floor> for FloorView {
    fn from(floor: Floor) -> Self {
        Self {
            building_ref_id: floor.building_ref_id.into(),
            floor_ref_id: floor.floor_ref_id.into(),
            name: floor.name,
        }
    }
}

/// That the building of a path is there.
pub(super) async fn check_building(app: &App, tenant: &TenantId, id: &BuildingRefId) -> Result<(), Problem> {
    app.registry.building(tenant, id).await?.map(drop).ok_or_else(|| Problem::not_found("building"))
}

/// Create or replace a floor
#[utoipa::path(
    put, path = "/v1/buildings/{building_ref_id}/floors/{floor_ref_id}", tag = "places",
    security(("api_key" = ["write"])),
    params(
        ("building_ref_id" = String, Path, description = "The customer's own name of the building"),
        ("floor_ref_id" = String, Path, description = "The customer's own name of the floor"),
    ),
    request_body = PlaceInput,
    responses(
        (status = 200, description = "Replaced", body = FloorView),
        (status = 201, description = "Created", body = FloorView),
    )
)]
async fn put_floor(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path((building, floor)): Path<(String, String)>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let floor = Floor {
        building_ref_id: building_in_path(&building)?,
        floor_ref_id: floor_in_path(&floor)?,
        name: read_place(&body)?,
    };
    let put = app.registry.put_floor(&allowed.caller.tenant, &floor).await;
    Ok(put_answer(put.map_err(|failed| put_refused(failed, ""))?, FloorView::from(floor)))
}

/// Get a floor
#[utoipa::path(
    get, path = "/v1/buildings/{building_ref_id}/floors/{floor_ref_id}", tag = "places",
    security(("api_key" = ["read"])),
    params(
        ("building_ref_id" = String, Path, description = "The customer's own name of the building"),
        ("floor_ref_id" = String, Path, description = "The customer's own name of the floor"),
    ),
    responses((status = 200, description = "The floor", body = FloorView))
)]
async fn get_floor(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path((building, floor)): Path<(String, String)>,
) -> Result<Json<FloorView>, Problem> {
    let (building, floor) = (building_in_path(&building)?, floor_in_path(&floor)?);
    let floor = app.registry.floor(&allowed.caller.tenant, &building, &floor).await?;
    Ok(Json(floor.ok_or_else(|| Problem::not_found("floor"))?.into()))
}

/// Delete a floor
///
/// Refused while spaces are on it.
#[utoipa::path(
    delete, path = "/v1/buildings/{building_ref_id}/floors/{floor_ref_id}", tag = "places",
    security(("api_key" = ["write"])),
    params(
        ("building_ref_id" = String, Path, description = "The customer's own name of the building"),
        ("floor_ref_id" = String, Path, description = "The customer's own name of the floor"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 409, description = "Spaces are on it", body = crate::problem::ProblemDocument,
            content_type = "application/problem+json"),
    )
)]
async fn delete_floor(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path((building, floor)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (building, floor) = (building_in_path(&building)?, floor_in_path(&floor)?);
    deleted(app.registry.delete_floor(&allowed.caller.tenant, &building, &floor).await?, "floor")
}

/// List the floors of a building
#[utoipa::path(
    get, path = "/v1/buildings/{building_ref_id}/floors", tag = "places", security(("api_key" = ["read"])),
    params(
        ("building_ref_id" = String, Path, description = "The customer's own name of the building"),
        PageParameters,
    ),
    responses((status = 200, description = "A page", body = List<FloorView>))
)]
async fn list_floors(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(building): Path<String>,
    Paging(page): Paging,
) -> Result<List<FloorView>, Problem> {
    let (tenant, building) = (&allowed.caller.tenant, building_in_path(&building)?);
    check_building(&app, tenant, &building).await?;
    let page = app.registry.list_floors(tenant, &building, page).await?;
    Ok(List::of(page, FloorView::from))
}
