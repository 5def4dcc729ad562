//! The present state of a space, or of a named group of sensors.

use super::{sensor_groups, spaces};
use crate::App;
use crate::auth::{Allowed, Reads};
use crate::operations::operations;
use crate::problem::Problem;
use crate::reference::space_in_path;
use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::battery::BatteryHealth;
use spacehook_domain::counter::Counter;
use spacehook_domain::ids::SensorId;
use spacehook_domain::observed::ObservedId;
use spacehook_domain::payload::Environment;
use spacehook_domain::place::{SensorGroup, Space};
use spacehook_domain::presence::{DeviceHealth, Presence};
use spacehook_domain::reading::{Coordinate, Metres};
use spacehook_domain::space_state::{Aggregate, SensorState, SpaceState};
use std::collections::BTreeMap;
use utoipa::ToSchema;

operations!(pub(super) get_space_state, get_sensor_group_state);

/// What sensors say together now, and each by itself.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ObservedState)]
pub struct TogetherView {
    /// The newest observation; null where nothing was heard yet.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub observed_at: Option<Timestamp>,
    /// Whether all of the sensors that were ever heard have sent no reading for a while, as of health's last look: then the
    /// rest of this is old.
    pub is_stale: bool,
    /// The sequence of the newest event; 0 where there was none.
    pub sequence: u64,
    /// `available` or `occupied`, as it was told; null where no sensor can tell. What is empty, and not yet for as long as
    /// `vacant_after_s` says, is still occupied.
    #[schema(required, value_type = Option<String>)]
    pub state: Option<spacehook_domain::payload::Availability>,
    /// When it will be told to be available if it stays empty; null where it is not held so.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub held_until: Option<Timestamp>,
    /// Occupied by belongings only; null where no sensor can tell.
    #[schema(required)]
    pub passively_occupied: Option<bool>,
    /// People counted; 0 also where no sensor counts.
    pub person_count: u32,
    /// Belongings detected; null where no sensor can tell.
    #[schema(required)]
    pub signs_of_life: Option<bool>,
    /// Motion detected; null where no sensor can tell.
    #[schema(required)]
    pub motion_detected: Option<bool>,
    /// As in the body of `space_report`; null where no sensor measures it.
    #[schema(required, value_type = Option<Object>)]
    pub environment: Option<Environment>,
    /// What each sensor last said, quantity by quantity.
    pub sensors: Vec<SensorValues>,
}

/// The state of a space.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = SpaceState)]
pub struct StateView {
    /// Spacehook's own number of the space.
    pub space_id: u64,
    /// The building it is in.
    pub building_ref_id: String,
    /// The floor it is on.
    #[schema(required)]
    pub floor_ref_id: Option<String>,
    /// The customer's own name of it.
    pub space_ref_id: String,
    /// One array a sensor that locates people, of one `[x, y]` a person, in metres.
    #[schema(value_type = Vec<Vec<Vec<f64>>>)]
    pub coordinates: Vec<Vec<Coordinate>>,
    /// Distances between people in metres; null where no sensor measures them.
    #[schema(required, value_type = Option<Vec<f64>>)]
    pub distances: Option<Vec<Metres>>,
    /// What its sensors say together.
    #[serde(flatten)]
    pub together: TogetherView,
}

/// The state of a named group of sensors.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = SensorGroupState)]
pub struct SensorGroupStateView {
    /// Spacehook's own number of the group.
    pub sensor_group_id: u64,
    /// The customer's own name of it.
    pub sensor_group_ref_id: String,
    /// The building that it is of.
    #[schema(required)]
    pub building_ref_id: Option<String>,
    /// What its sensors say together.
    #[serde(flatten)]
    pub together: TogetherView,
}

/// What one sensor last said.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SensorValues {
    /// As its vendor names it.
    pub sensor_id: String,
    /// Whether the device is there, as of health's last look; null where it was never heard, and in groups: its space says it.
    #[schema(required)]
    pub device_health: Option<DeviceHealthName>,
    /// Whether it has sent no reading for a while, as of health's last look.
    pub is_stale: bool,
    /// When its newest reading arrived; null where none did.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub last_reading_at: Option<Timestamp>,
    /// When there was the last sign of it: a reading, or a word of the broker about its connection; null in groups.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub last_seen_at: Option<Timestamp>,
    /// How its battery is; null where it never said.
    #[schema(required)]
    pub battery_health: Option<BatteryHealthName>,
    /// The newest value of each quantity that it ever reported.
    pub values: BTreeMap<String, DatedValue>,
}

/// Whether a device is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeviceHealth)]
pub enum DeviceHealthName {
    /// It was heard lately.
    Online,
    /// It was not, or its connection broke: it is intermittent.
    LostCommunication,
    /// It has not been heard of for long.
    Offline,
}

impl From<DeviceHealth> for DeviceHealthName {
    fn from(health: DeviceHealth) -> Self {
        match health {
            DeviceHealth::Online => Self::Online,
            DeviceHealth::LostCommunication => Self::LostCommunication,
            DeviceHealth::Offline => Self::Offline,
        }
    }
}

/// How a battery is: `healthy` with six months or more left, `replace_soon` with less, `replace_now` with less than two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BatteryHealth)]
pub enum BatteryHealthName {
    /// Six months or more are left.
    Healthy,
    /// Less than six months.
    ReplaceSoon,
    /// Less than two months.
    ReplaceNow,
}

impl From<BatteryHealth> for BatteryHealthName {
    fn from(health: BatteryHealth) -> Self {
        match health {
            BatteryHealth::Healthy => Self::Healthy,
            BatteryHealth::ReplaceSoon => Self::ReplaceSoon,
            BatteryHealth::ReplaceNow => Self::ReplaceNow,
        }
    }
}

/// A value and when it was observed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DatedValue {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The value, in the unit that readings have.
    pub value: Value,
}

impl TogetherView {
    fn of(state: &SpaceState, now: Aggregate) -> Self {
        let sensors = state.sensors().iter();
        Self {
            sensors: sensors.map(|(id, values)| sensor_values(id, values, state.presence().get(id))).collect(),
            is_stale: state.is_stale(),
            observed_at: state.observed_at(),
            sequence: state.sequence.0,
            state: state.present_availability(&now),
            held_until: state.held_until(),
            passively_occupied: now.passively_occupied,
            person_count: now.person_count.0,
            signs_of_life: now.signs_of_life,
            motion_detected: now.motion_detected,
            environment: now.environment,
        }
    }
}

impl StateView {
    fn of(space: Space, state: &SpaceState) -> Self {
        // A sensor that was moved away keeps its values until the next reading; they are not shown.
        let state = state.seen_at(&space.clone().into());
        let mut now = state.aggregate();
        Self {
            space_id: space.space_id.0,
            building_ref_id: space.building_ref_id.into(),
            floor_ref_id: space.floor_ref_id.map(Into::into),
            space_ref_id: space.space_ref_id.into(),
            coordinates: std::mem::take(&mut now.coordinates),
            distances: now.distances.take(),
            together: TogetherView::of(&state, now),
        }
    }
}

impl SensorGroupStateView {
    fn of(group: SensorGroup, state: &SpaceState) -> Self {
        let state = state.seen_at(&group.clone().into());
        let mut together = TogetherView::of(&state, state.aggregate());
        for sensor in &mut together.sensors {
            // The broker's word is heard of spaces alone.
            (sensor.device_health, sensor.last_seen_at) = (None, None);
        }
        Self {
            sensor_group_id: group.sensor_group_id.0,
            sensor_group_ref_id: group.sensor_group_ref_id.into(),
            building_ref_id: group.building_ref_id.map(Into::into),
            together,
        }
    }
}

fn sensor_values(id: &SensorId, state: &SensorState, presence: Option<&Presence>) -> SensorValues {
    // But for a counter, a sensor's state is an object of dated values, so this reads what it writes.
    let said: BTreeMap<String, Value> =
        serde_json::to_value(state).and_then(serde_json::from_value).unwrap_or_default();
    let mut values: BTreeMap<String, DatedValue> =
        said.into_iter().filter_map(|(name, value)| Some((name, serde_json::from_value(value).ok()?))).collect();
    if let Some(observed) = state.counter.as_ref().map(Counter::newest) {
        let totals = [("entries_total", observed.totals.entries), ("exits_total", observed.totals.exits)];
        values
            .extend(totals.map(|(name, total)| (name.to_owned(), DatedValue { at: observed.at, value: total.into() })));
    }
    SensorValues {
        sensor_id: id.to_string(),
        device_health: presence.map(|presence| presence.health().into()),
        is_stale: presence.is_some_and(Presence::is_stale),
        last_reading_at: presence.map(Presence::heard_at),
        last_seen_at: presence.map(Presence::seen_at),
        battery_health: state.battery_health().map(Into::into),
        values,
    }
}

/// Get the state of a space
///
/// What its sensors say together now, as the next `space_report` would have it.
#[utoipa::path(
    get, path = "/v1/buildings/{building_ref_id}/spaces/{space_ref_id}/state", tag = "places",
    security(("api_key" = ["read"])),
    params(
        ("building_ref_id" = String, Path, description = "The customer's own name of the building"),
        ("space_ref_id" = String, Path, description = "The customer's own name of the space"),
    ),
    responses((status = 200, description = "The state", body = StateView))
)]
async fn get_space_state(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path((building, space)): Path<(String, String)>,
) -> Result<Json<StateView>, Problem> {
    let space = spaces::find(&app, &allowed, &space_in_path(&building, &space)?).await?;
    let state = app.registry.state(&allowed.caller.tenant, ObservedId::Space(space.space_id)).await?;
    Ok(Json(StateView::of(space, &state)))
}

/// Get the state of a group of sensors
///
/// What its sensors say together now, by the rules of the state of a space. A sensor that joined counts from its next reading
/// on. Where people are is told of spaces alone.
#[utoipa::path(
    get, path = "/v1/sensor-groups/{sensor_group_ref_id}/state", tag = "sensors", security(("api_key" = ["read"])),
    params(("sensor_group_ref_id" = String, Path, description = "The customer's own name of the group")),
    responses((status = 200, description = "The state", body = SensorGroupStateView))
)]
async fn get_sensor_group_state(
    State(app): State<App>,
    allowed: Allowed<Reads>,
    Path(group): Path<String>,
) -> Result<Json<SensorGroupStateView>, Problem> {
    let group = sensor_groups::find(&app, &allowed, &group).await?;
    let state = app.registry.state(&allowed.caller.tenant, ObservedId::Group(group.sensor_group_id)).await?;
    Ok(Json(SensorGroupStateView::of(group, &state)))
}
