//! Named groups of sensors.

use super::settings::{self, MinimumChangeView};
use super::{deleted, put_answer, read_name};
use crate::App;
use crate::auth::{Allowed, Reads, Writes};
use crate::body::JsonBody;
use crate::fields::{At, Errors};
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::ports::PutGroupFailed;
use crate::problem::{FieldError, Problem};
use crate::reference::{self, sensor_group_in_path};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::ids::{SensorGroupRefId, SensorId};
use spacehook_domain::place::SensorGroup;
use spacehook_store::{SENSORS_OF_GROUP_LIMIT, SensorGroupDraft};
use std::collections::BTreeSet;
use utoipa::ToSchema;

operations!(pub(super) list_sensor_groups, put_sensor_group, get_sensor_group, delete_sensor_group);

/// What a client says of a group of sensors.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SensorGroupInput {
    /// What people call it.
    #[schema(max_length = 200, example = "West wing")]
    pub name: Option<String>,
    /// The building that it is of: its events are of that building, and what it does not settle is as that building says.
    /// A group over several buildings is of none.
    pub building_ref_id: Option<String>,
    /// Its sensors: all of them, each of a space, and each in at most 8 groups.
    #[schema(max_items = 90)]
    pub sensor_ids: Vec<String>,
    /// By how much a quantity must move before a reading of the group counts as updated.
    pub minimum_change: Option<MinimumChangeView>,
    /// Seconds for which it must stay empty before it is told to be available.
    #[schema(minimum = 0, maximum = 86400, example = 120)]
    pub vacant_after_s: Option<u32>,
}

/// Sensors that are looked at together, wherever they are.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = SensorGroup)]
pub struct SensorGroupView {
    /// Spacehook's own number of it; never given to another group.
    pub sensor_group_id: u64,
    /// The customer's own name of it: `sensor_group.id` of its events.
    pub sensor_group_ref_id: String,
    /// What people call it.
    #[schema(required)]
    pub name: Option<String>,
    /// The building that it is of.
    #[schema(required)]
    pub building_ref_id: Option<String>,
    /// Its sensors.
    pub sensor_ids: Vec<String>,
    /// By how much a quantity must move before a reading of the group counts as updated, as it says itself.
    #[schema(required)]
    pub minimum_change: Option<MinimumChangeView>,
    /// Seconds for which it must stay empty before it is told to be available, as it says itself.
    #[schema(required, minimum = 0, maximum = 86400, example = 120)]
    pub vacant_after_s: Option<u32>,
}

impl From<SensorGroup> for SensorGroupView {
    fn from(group: SensorGroup) -> Self {
        let (minimum_change, vacant_after_s) = settings::view(&group.settings);
        Self {
            minimum_change,
            vacant_after_s,
            sensor_group_id: group.sensor_group_id.0,
            sensor_group_ref_id: group.sensor_group_ref_id.into(),
            name: group.name,
            building_ref_id: group.building_ref_id.map(Into::into),
            sensor_ids: group.sensor_ids.into_iter().map(Into::into).collect(),
        }
    }
}

/// The fields that a client may write.
const FIELDS: &[&str] = &["name", "building_ref_id", "sensor_ids", "minimum_change", "vacant_after_s"];

fn read(sensor_group_ref_id: SensorGroupRefId, body: &Value) -> Result<SensorGroupDraft, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(FIELDS).and_then(|fields| {
        let name = read_name(&fields, "name");
        let building_ref_id = fields.optional("building_ref_id", |at| at.parsed(reference::building).map(Some));
        let sensor_ids = fields.required("sensor_ids", |at| at.set(0, SENSORS_OF_GROUP_LIMIT, reference::sensor));
        let settings = settings::read(&fields);
        Some(SensorGroupDraft {
            sensor_group_ref_id,
            building_ref_id: building_ref_id?,
            name: name?,
            sensor_ids: sensor_ids?,
            settings: settings?,
        })
    });
    errors.finish(read)
}

/// What the body names that is not there, or is full, is the body's mistake: each sensor at its place.
fn put_refused(failed: &PutGroupFailed, body: &Value) -> Problem {
    let sentence = failed.to_string();
    let at = |pointer: String| FieldError { pointer: Some(pointer), detail: sentence.clone(), ..FieldError::default() };
    let at_sensors = |wrong: &BTreeSet<SensorId>| {
        let named = body["sensor_ids"].as_array().into_iter().flatten().enumerate();
        let is_wrong = |id: &Value| wrong.iter().any(|wrong| Some(wrong.as_str()) == id.as_str());
        named.filter(|(_, id)| is_wrong(id)).map(|(place, _)| at(format!("/sensor_ids/{place}"))).collect()
    };
    match failed {
        PutGroupFailed::NoSensors(wrong) | PutGroupFailed::TooManyGroups(wrong) => {
            Problem::of_errors(at_sensors(wrong))
        }
        PutGroupFailed::NoBuilding => Problem::of_errors(vec![at("/building_ref_id".to_owned())]),
        PutGroupFailed::TooManySensors => Problem::of_errors(vec![at("/sensor_ids".to_owned())]),
        PutGroupFailed::Failed(failed) => failed.clone().into(),
    }
}

/// Create or replace a group of sensors
///
/// Sensors of one space, of several, or of several buildings, that are looked at together: the group has a state, and the
/// `sensor_device_group_…` events, of its own. Its number and its state stay with it when it is replaced. A sensor that joins
/// counts from its next reading on.
#[utoipa::path(
    put, path = "/v1/sensor-groups/{sensor_group_ref_id}", tag = "sensors", security(("api_key" = ["write"])),
    params(("sensor_group_ref_id" = String, Path, description = "The customer's own name of the group")),
    request_body = SensorGroupInput,
    responses(
        (status = 200, description = "Replaced", body = SensorGroupView),
        (status = 201, description = "Created", body = SensorGroupView),
    )
)]
async fn put_sensor_group(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(group): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let draft = read(sensor_group_in_path(&group)?, &body)?;
    let put = app.registry.put_sensor_group(&allowed.caller.tenant, &draft).await;
    let (group, put) = put.map_err(|failed| put_refused(&failed, &body))?;
    Ok(put_answer(put, SensorGroupView::from(group)))
}

/// Reads the group of a path.
pub(super) async fn find(app: &App, allowed: &Allowed<Reads>, group: &str) -> Result<SensorGroup, Problem> {
    let group = app.registry.sensor_group(&allowed.caller.tenant, &sensor_group_in_path(group)?).await?;
    group.ok_or_else(|| Problem::not_found("group of sensors"))
}

/// Get a group of sensors
#[utoipa::path(
    get, path = "/v1/sensor-groups/{sensor_group_ref_id}", tag = "sensors", security(("api_key" = ["read"])),
    params(("sensor_group_ref_id" = String, Path, description = "The customer's own name of the group")),
    responses((status = 200, description = "The group", body = SensorGroupView))
)]
async fn get_sensor_group(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(group): Path<String>,
) -> Result<Json<SensorGroupView>, Problem> {
    Ok(Json(find(&app, &allowed, &group).await?.into()))
}

/// Delete a group of sensors
///
/// Its state goes with it. Its sensors stay in their spaces.
#[utoipa::path(
    delete, path = "/v1/sensor-groups/{sensor_group_ref_id}", tag = "sensors", security(("api_key" = ["write"])),
    params(("sensor_group_ref_id" = String, Path, description = "The customer's own name of the group")),
    responses((status = 204, description = "Deleted"))
)]
async fn delete_sensor_group(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(group): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = sensor_group_in_path(&group)?;
    deleted(app.registry.delete_sensor_group(&allowed.caller.tenant, &id).await?, "group of sensors")
}

/// List the groups of sensors
#[utoipa::path(
    get, path = "/v1/sensor-groups", tag = "sensors", security(("api_key" = ["read"])),
    params(PageParameters), responses((status = 200, description = "A page", body = List<SensorGroupView>))
)]
async fn list_sensor_groups(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Paging(page): Paging,
) -> Result<List<SensorGroupView>, Problem> {
    let page = app.registry.list_sensor_groups(&allowed.caller.tenant, page).await?;
    Ok(List::of(page, SensorGroupView::from))
}
