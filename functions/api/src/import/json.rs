//! An import as JSON.

use super::plan::{Name, Place, Plan, Said};
use super::{BUILDINGS_LIMIT, SENSORS_LIMIT, SPACES_LIMIT};
use crate::fields::{At, Errors, Fields};
use crate::problem::Problem;
use crate::{reference, registry};
use serde_json::Value;
use spacehook_domain::ids::BuildingRefId;
use spacehook_domain::place::SpaceKey;

const IMPORT: &[&str] = &["buildings"];
const BUILDING: &[&str] = &["building_ref_id", "name", "floors", "spaces"];
const FLOOR: &[&str] = &["floor_ref_id", "name"];
const SPACE: &[&str] = &["space_ref_id", "name", "floor_ref_id", "sensors"];
const SENSOR: &[&str] = &["sensor_id", "name"];

/// Reads a plan.
pub(super) fn read(body: &Value) -> Result<Plan, Problem> {
    let errors = Errors::default();
    let mut plan = Plan::default();
    if let Some(fields) = At::root(body, &errors).fields(IMPORT) {
        let buildings = fields.required("buildings", |at| at.items(0, BUILDINGS_LIMIT));
        for at in buildings.into_iter().flatten() {
            read_building(&mut plan, &at);
        }
    }
    for error in errors.into_all() {
        plan.refuse(error);
    }
    plan.finish()
}

fn read_building(plan: &mut Plan, at: &At<'_>) {
    let Some(fields) = at.fields(BUILDING) else { return };
    let id = fields.required("building_ref_id", |at| at.parsed(reference::building));
    let name = read_name(&fields);
    let floors = read_list(&fields, "floors", BUILDINGS_LIMIT);
    let spaces = read_list(&fields, "spaces", SPACES_LIMIT);
    if let Some(id) = &id {
        plan.building(id, name);
    }
    // What is in a building without an id is read all the same, for its mistakes.
    for at in &floors {
        read_floor(plan, id.as_ref(), at);
    }
    for at in &spaces {
        read_space(plan, id.as_ref(), at);
    }
}

fn read_floor(plan: &mut Plan, building: Option<&BuildingRefId>, at: &At<'_>) {
    let Some(fields) = at.fields(FLOOR) else { return };
    let id = fields.required("floor_ref_id", |at| at.parsed(reference::floor));
    let name = read_name(&fields);
    if let (Some(building), Some(id)) = (building, id) {
        plan.floor(building, &id, name);
    }
}

fn read_space(plan: &mut Plan, building: Option<&BuildingRefId>, at: &At<'_>) {
    let Some(fields) = at.fields(SPACE) else { return };
    let id = fields.required("space_ref_id", |at| at.parsed(reference::space));
    let name = read_name(&fields);
    let floor = fields
        .optional("floor_ref_id", |at| {
            Some(Some(Said { what: at.parsed(reference::floor)?, place: Place::Pointer(at.pointer().to_owned()) }))
        })
        .flatten();
    let sensors = read_list(&fields, "sensors", SENSORS_LIMIT);
    let key = building.cloned().zip(id);
    let key = key.map(|(building_ref_id, space_ref_id)| SpaceKey { building_ref_id, space_ref_id });
    if let Some(key) = &key {
        plan.space(key, Place::Pointer(at.pointer().to_owned()), name, floor);
    }
    for at in &sensors {
        read_sensor(plan, key.as_ref(), at);
    }
}

fn read_sensor(plan: &mut Plan, key: Option<&SpaceKey>, at: &At<'_>) {
    let Some(fields) = at.fields(SENSOR) else { return };
    let id = fields.required("sensor_id", |at| at.parsed(reference::sensor));
    let name = read_name(&fields);
    if let (Some(key), Some(id)) = (key, id) {
        plan.sensor(key, &id, Place::Pointer(at.pointer().to_owned()), name);
    }
}

fn read_list<'a>(fields: &Fields<'a>, field: &str, most: usize) -> Vec<At<'a>> {
    fields.optional(field, |at| at.items(0, most)).unwrap_or_default()
}

fn read_name(fields: &Fields<'_>) -> Name {
    let said =
        |at: &At<'_>| Some(Said { what: at.parsed(registry::name)?, place: Place::Pointer(at.pointer().to_owned()) });
    fields.optional("name", |at| said(at).map(Some)).flatten()
}
