//! Bulk import of buildings, floors, spaces and sensors, as JSON or CSV.
//!
//! An import is read whole ([`json`], [`table`]) into a plan ([`plan`]), compared with what is registered, and only
//! then written ([`run`]): if anything is wrong, all of it is listed and nothing is written. It adds and changes, and
//! removes nothing: what it does not mention stays, and a name that it does not give stays as it is. So it can be
//! repeated, and a large one can be sent in parts.

mod json;
mod plan;
mod run;
mod table;

use crate::App;
use crate::auth::{Allowed, Writes};
use crate::body::{self, content_type};
use crate::operations::operations;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Request, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Bytes of an import, at most: Lambda takes 6 MB a request, of which CSV with quotes may be a good part escapes.
pub const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// Sensors of an import, at most.
pub const SENSORS_LIMIT: usize = 2_000;
/// Spaces of an import, at most: each new one is five requests to DynamoDB one after the other, and an import may take
/// 29 s. (All raise the tenant's version, so side by side they would only conflict.)
pub const SPACES_LIMIT: usize = 200;
/// Buildings and floors of an import, at most, together.
pub const BUILDINGS_LIMIT: usize = 200;

operations!(pub import_places);

/// Buildings with all that is in them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The buildings.
    #[schema(max_items = 200)]
    pub buildings: Vec<ImportedBuilding>,
}

/// A building with all that is in it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedBuilding {
    /// The customer's own name of it.
    pub building_ref_id: String,
    /// What people call it.
    pub name: Option<String>,
    /// Its floors.
    pub floors: Option<Vec<ImportedFloor>>,
    /// Its spaces.
    pub spaces: Option<Vec<ImportedSpace>>,
}

/// A floor.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedFloor {
    /// The customer's own name of it.
    pub floor_ref_id: String,
    /// What people call it.
    pub name: Option<String>,
}

/// A space with its sensors.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedSpace {
    /// The customer's own name of it.
    pub space_ref_id: String,
    /// What people call it.
    pub name: Option<String>,
    /// The floor it is on: one of the import, or one that is registered.
    pub floor_ref_id: Option<String>,
    /// The sensors that report on it, besides those it has.
    #[schema(max_items = 100)]
    pub sensors: Option<Vec<ImportedSensor>>,
}

/// A sensor.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedSensor {
    /// As its vendor names it.
    pub sensor_id: String,
    /// What people call it.
    pub name: Option<String>,
}

/// What came of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// Of buildings.
    pub buildings: ImportedCounts,
    /// Of floors.
    pub floors: ImportedCounts,
    /// Of spaces.
    pub spaces: ImportedCounts,
    /// Of sensors.
    pub sensors: ImportedCounts,
}

/// How many were new, changed, or as they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportedCounts {
    /// New.
    pub created: u64,
    /// Changed.
    pub updated: u64,
    /// As they were.
    pub unchanged: u64,
}

/// Import buildings, floors, spaces and sensors
///
/// Adds and changes, and removes nothing: it can be repeated, and a large one can be sent in parts. When anything is
/// wrong, everything that is wrong is listed and nothing is written. At most 4 MiB, 200 buildings and floors, 200 spaces
/// and 2,000 sensors a request.
///
/// CSV has a header line with any of these columns, in any order: `building_ref_id` (always), `building_name`,
/// `floor_ref_id`, `floor_name`, `space_ref_id`, `space_name`, `sensor_id`, `sensor_name`. A line names a building, and a
/// floor, a space and a sensor in it as far as it goes; an empty cell is no value.
#[utoipa::path(
    post, path = "/v1/import", tag = "places", security(("api_key" = ["write"])),
    request_body(content((Import = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "What came of it", body = Imported))
)]
async fn import_places(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    request: Request,
) -> Result<Json<Imported>, Problem> {
    let read: fn(&[u8]) -> Result<plan::Plan, Problem> = match content_type(request.headers()).as_str() {
        "application/json" => |bytes| json::read(&body::parse(bytes)?),
        "text/csv" => table::read,
        _ => return Err(body::unsupported(&["application/json", "text/csv"])),
    };
    let plan = read(&body::bytes(request, BODY_LIMIT).await?)?;
    Ok(Json(run::run(&app, &allowed.caller.tenant, &plan).await?))
}
