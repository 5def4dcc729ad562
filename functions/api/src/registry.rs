//! Where sensors are: buildings, floors, spaces, sensors; and groups of them.

mod buildings;
mod floors;
pub(crate) mod registrations;
mod sensor_groups;
mod sensors;
mod settings;
mod spaces;
mod state;

pub use buildings::{BuildingInput, BuildingView};
pub use floors::FloorView;
pub use sensor_groups::{SensorGroupInput, SensorGroupView};
pub use sensors::{SensorInput, SensorView, UnassignedView};
pub use settings::MinimumChangeView;
pub use spaces::{SpaceInput, SpaceView};
pub use state::{SensorGroupStateView, StateView};

use crate::App;
use crate::fields::{At, Errors, Fields};
use crate::ports::PutFailed;
use crate::problem::{FieldError, Problem};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_store::Put;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

/// Characters of the name of a place or a sensor, at most.
pub const NAME_LIMIT: usize = 200;

/// Serves the operations.
pub fn routes() -> Router<App> {
    buildings::routes()
        .merge(floors::routes())
        .merge(spaces::routes())
        .merge(state::routes())
        .merge(sensors::routes())
        .merge(sensor_groups::routes())
}

/// Describes the operations.
pub fn described() -> OpenApiRouter<App> {
    buildings::described()
        .merge(floors::described())
        .merge(spaces::described())
        .merge(state::described())
        .merge(sensors::described())
        .merge(sensor_groups::described())
}

/// What a client says of a floor.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceInput {
    /// What people call it.
    #[schema(max_length = 200, example = "Headquarters")]
    pub name: Option<String>,
}

const PLACE_FIELDS: &[&str] = &["name"];

/// Reads what a client says of a floor.
fn read_place(body: &Value) -> Result<Option<String>, Problem> {
    let errors = Errors::default();
    let name = At::root(body, &errors).fields(PLACE_FIELDS).and_then(|fields| read_name(&fields, "name"));
    errors.finish(name)
}

/// The name of a place or a sensor: one line of text, or none.
pub fn read_name(fields: &Fields<'_>, field: &str) -> Option<Option<String>> {
    fields.optional(field, |at| at.parsed(name).map(Some))
}

/// Checks the name of a place or a sensor.
pub fn name(text: &str) -> Result<String, String> {
    if !(1..=NAME_LIMIT).contains(&text.chars().count()) {
        return Err(format!("must have 1 to {NAME_LIMIT} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not have control characters or line ends".to_owned());
    }
    Ok(text.to_owned())
}

/// The answer to a PUT: 201 where the thing is new.
fn put_answer<T: Serialize>(put: Put, view: T) -> Response {
    let status = if put == Put::Created { StatusCode::CREATED } else { StatusCode::OK };
    (status, Json(view)).into_response()
}

/// The answer to a DELETE.
fn deleted(was_there: bool, what: &str) -> Result<StatusCode, Problem> {
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found(what)) }
}

/// What a refusal to keep something is: a building of the path that is not there is not found; what the body names is
/// the body's mistake.
fn put_refused(failed: PutFailed, space_pointer: &str) -> Problem {
    let at = |pointer: &str, detail: String| {
        Problem::of_errors(vec![FieldError { pointer: Some(pointer.to_owned()), detail, ..FieldError::default() }])
    };
    match failed {
        PutFailed::NoBuilding => Problem::not_found("building"),
        PutFailed::NoFloor => at("/floor_ref_id", failed.to_string()),
        PutFailed::NoSpace | PutFailed::TooManySensors => at(space_pointer, failed.to_string()),
        PutFailed::Failed(failed) => failed.into(),
    }
}
