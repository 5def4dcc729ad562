//! Sensors, and those that belong to no space yet.

use super::{deleted, put_answer, put_refused, read_name, registrations};
use crate::App;
use crate::auth::{Allowed, Reads, Writes};
use crate::body::JsonBody;
use crate::fields::{At, Errors};
use crate::operations::operations;
use crate::page::{List, PageParameters, Paging};
use crate::problem::{FieldError, Problem};
use crate::profiles;
use crate::reference::{self, sensor_in_path};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::device::Registration;
use spacehook_domain::event::EventSpace;
use spacehook_domain::ids::{ProfileName, SensorId, TenantId};
use spacehook_domain::place::{Sensor, SpaceKey};
use spacehook_store::{Put, UnassignedSensor};
use std::collections::BTreeSet;
use utoipa::ToSchema;

operations!(pub(super) list_sensors, put_sensor, get_sensor, delete_sensor, list_unassigned_sensors);

/// What a client says of a sensor.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SensorInput {
    /// The building of its space.
    pub building_ref_id: String,
    /// The space it reports on.
    pub space_ref_id: String,
    /// What people call it.
    #[schema(max_length = 200)]
    pub name: Option<String>,
    /// The profile that the messages on its topics are read by, where it is not that which they name.
    pub profile: Option<String>,
}

/// A sensor and the space it reports on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Sensor)]
pub struct SensorView {
    /// As its vendor names it.
    #[schema(example = "600-ABC")]
    pub sensor_id: String,
    /// The building of its space.
    pub building_ref_id: String,
    /// The space it reports on.
    pub space_ref_id: String,
    /// What people call it.
    #[schema(required)]
    pub name: Option<String>,
    /// The profile that the messages on its topics are read by; null where it is that which they name.
    #[schema(required)]
    pub profile: Option<String>,
    /// The groups of sensors that it is in.
    pub sensor_group_ref_ids: Vec<String>,
}

impl From<Sensor> for SensorView {
    fn from(sensor: Sensor) -> Self {
        Self {
            sensor_id: sensor.sensor_id.into(),
            building_ref_id: sensor.space.building_ref_id.into(),
            space_ref_id: sensor.space.space_ref_id.into(),
            name: sensor.name,
            profile: sensor.profile.map(String::from),
            sensor_group_ref_ids: sensor.sensor_group_ref_ids.into_iter().map(String::from).collect(),
        }
    }
}

/// A sensor that was heard and belongs to no space.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = UnassignedSensor)]
pub struct UnassignedView {
    /// As its vendor names it.
    pub sensor_id: String,
    /// When it was first heard.
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: Timestamp,
    /// When it was last heard.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Timestamp,
    /// How many readings came of it.
    pub readings: u64,
}

impl From<UnassignedSensor> for UnassignedView {
    fn from(sensor: UnassignedSensor) -> Self {
        Self {
            sensor_id: sensor.sensor_id.into(),
            first_seen: sensor.first_seen,
            last_seen: sensor.last_seen,
            readings: sensor.readings,
        }
    }
}

/// The fields that a client may write.
const FIELDS: &[&str] = &["building_ref_id", "space_ref_id", "name", "profile"];

fn read(sensor_id: SensorId, body: &Value) -> Result<Sensor, Problem> {
    let errors = Errors::default();
    let sensor = At::root(body, &errors).fields(FIELDS).and_then(|fields| {
        let building_ref_id = fields.required("building_ref_id", |at| at.parsed(reference::building));
        let space_ref_id = fields.required("space_ref_id", |at| at.parsed(reference::space));
        let name = read_name(&fields, "name");
        let profile = fields.optional("profile", |at| at.parsed(ProfileName::parse).map(Some));
        let space = SpaceKey { building_ref_id: building_ref_id?, space_ref_id: space_ref_id? };
        // The groups say which sensors they have.
        let sensor_group_ref_ids = BTreeSet::new();
        Some(Sensor { sensor_id, space, name: name?, profile: profile?, sensor_group_ref_ids })
    });
    errors.finish(sensor)
}

/// Assign a sensor to a space
///
/// One that is in another space is moved: a sensor belongs to one space at a time, and a space has at most 100. It stays in
/// the groups that it is in. One that is new is told to those who subscribe to `device_registered`; a move is not.
#[utoipa::path(
    put, path = "/v1/sensors/{sensor_id}", tag = "sensors", security(("api_key" = ["write"])),
    params(("sensor_id" = String, Path, description = "The sensor, as its vendor names it")),
    request_body = SensorInput,
    responses(
        (status = 200, description = "Replaced", body = SensorView),
        (status = 201, description = "Created", body = SensorView),
    )
)]
async fn put_sensor(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(sensor): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let sensor = read(sensor_in_path(&sensor)?, &body)?;
    let tenant = &allowed.caller.tenant;
    if let Some(profile) = &sensor.profile
        && !profiles::is_there(&app, tenant, profile).await?
    {
        let detail = "there is no such profile; GET /v1/profiles lists them".to_owned();
        return Err(Problem::of_errors(vec![FieldError {
            pointer: Some("/profile".to_owned()),
            detail,
            ..FieldError::default()
        }]));
    }
    let put = app.registry.put_sensor(tenant, &sensor).await;
    let (sensor, put) = put.map_err(|failed| put_refused(failed, "/space_ref_id"))?;
    if put == Put::Created && registrations::is_asked_for(&app, tenant, Registration::Registered).await? {
        tell(&app, tenant, Registration::Registered, &sensor).await?;
    }
    Ok(put_answer(put, SensorView::from(sensor)))
}

/// Get a sensor
#[utoipa::path(
    get, path = "/v1/sensors/{sensor_id}", tag = "sensors", security(("api_key" = ["read"])),
    params(("sensor_id" = String, Path, description = "The sensor, as its vendor names it")),
    responses((status = 200, description = "The sensor", body = SensorView))
)]
async fn get_sensor(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(sensor): Path<String>,
) -> Result<Json<SensorView>, Problem> {
    let sensor = app.registry.sensor(&allowed.caller.tenant, &sensor_in_path(&sensor)?).await?;
    Ok(Json(sensor.ok_or_else(|| Problem::not_found("sensor"))?.into()))
}

/// Delete a sensor
///
/// Its space and its groups forget it. What it says from then on is listed among the unassigned sensors. Those who subscribe to
/// `device_unregistered` are told.
#[utoipa::path(
    delete, path = "/v1/sensors/{sensor_id}", tag = "sensors", security(("api_key" = ["write"])),
    params(("sensor_id" = String, Path, description = "The sensor, as its vendor names it")),
    responses((status = 204, description = "Deleted"))
)]
async fn delete_sensor(
    State(app): State<App>,
    allowed: Allowed<Writes>,
    Path(sensor): Path<String>,
) -> Result<StatusCode, Problem> {
    let (tenant, id) = (&allowed.caller.tenant, sensor_in_path(&sensor)?);
    // Where it was can't be read any more afterwards.
    let is_asked_for = registrations::is_asked_for(&app, tenant, Registration::Unregistered).await?;
    let before = if is_asked_for { app.registry.sensor(tenant, &id).await? } else { None };
    let was_there = app.registry.delete_sensor(tenant, &id).await?;
    if let Some(sensor) = before.filter(|_| was_there) {
        tell(&app, tenant, Registration::Unregistered, &sensor).await?;
    }
    deleted(was_there, "sensor")
}

/// Tells of a sensor with the place of its space.
async fn tell(app: &App, tenant: &TenantId, what: Registration, sensor: &Sensor) -> Result<(), Problem> {
    // A space that was deleted meanwhile leaves nothing to name.
    if let Some(space) = app.registry.space(tenant, &sensor.space).await? {
        let space = EventSpace::from(&space);
        registrations::tell(app, tenant, what, &space, [sensor.sensor_id.clone()]).await;
    }
    Ok(())
}

/// List the sensors
#[utoipa::path(
    get, path = "/v1/sensors", tag = "sensors", security(("api_key" = ["read"])),
    params(PageParameters), responses((status = 200, description = "A page", body = List<SensorView>))
)]
async fn list_sensors(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Paging(page): Paging,
) -> Result<List<SensorView>, Problem> {
    let page = app.registry.list_sensors(&allowed.caller.tenant, page).await?;
    Ok(List::of(page, SensorView::from))
}

/// List the sensors that were heard and belong to no space
///
/// Kept for 30 days after they were last heard. Assigning one takes it off the list.
#[utoipa::path(
    get, path = "/v1/unassigned-sensors", tag = "sensors", security(("api_key" = ["read"])),
    params(PageParameters), responses((status = 200, description = "A page", body = List<UnassignedView>))
)]
async fn list_unassigned_sensors(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Paging(page): Paging,
) -> Result<List<UnassignedView>, Problem> {
    let page = app.registry.list_unassigned(&allowed.caller.tenant, page).await?;
    Ok(List::of(page, UnassignedView::from))
}
