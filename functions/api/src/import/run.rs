//! Carrying out an import: compare with what is registered, then write what differs.

use super::plan::{Name, Plan, PlannedBuilding, PlannedSpace, refused};
use super::{Imported, ImportedCounts};
use crate::App;
use crate::ports::{ListFailed, PutFailed};
use crate::problem::{FieldError, Problem};
use crate::registry::registrations;
use spacehook_domain::device::Registration;
use spacehook_domain::event::EventSpace;
use spacehook_domain::ids::{BuildingRefId, FloorRefId, SensorId, SpaceRefId, TenantId};
use spacehook_domain::place::{Building, Floor, Sensor, Space, SpaceKey};
use spacehook_store::{PAGE_LIMIT, Page, PageRequest, SENSORS_LIMIT, SpaceDraft};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

/// What of a building is registered.
#[derive(Default)]
struct Registered {
    building: Option<Building>,
    floors: BTreeMap<FloorRefId, Floor>,
    spaces: BTreeMap<SpaceRefId, Space>,
}

/// What is to be written, in the order in which it can be.
#[derive(Default)]
struct Writes {
    buildings: Vec<Building>,
    floors: Vec<Floor>,
    spaces: Vec<(SpaceDraft, BTreeMap<SensorId, Option<String>>)>,
    /// Sensors that are nowhere yet.
    new_sensors: BTreeSet<SensorId>,
    counts: Imported,
    errors: Vec<FieldError>,
}

/// Carries out a plan.
pub(super) async fn run(app: &App, tenant: &TenantId, plan: &Plan) -> Result<Imported, Problem> {
    let sensors = registered_sensors(app, tenant, plan).await?;
    let mut writes = Writes::default();
    for (id, planned) in &plan.buildings {
        let registered = registered(app, tenant, id).await?;
        writes.compare_building(id, planned, &registered);
        for (space, planned) in &planned.spaces {
            let key = SpaceKey { building_ref_id: id.clone(), space_ref_id: space.clone() };
            writes.compare_space(&key, planned, &registered, &sensors);
        }
    }
    if !writes.errors.is_empty() {
        return Err(refused(writes.errors));
    }
    write(app, tenant, &writes).await?;
    Ok(writes.counts)
}

async fn registered(app: &App, tenant: &TenantId, id: &BuildingRefId) -> Result<Registered, Problem> {
    let Some(building) = app.registry.building(tenant, id).await? else { return Ok(Registered::default()) };
    let floors = all(|page| app.registry.list_floors(tenant, id, page)).await?;
    let spaces = all(|page| app.registry.list_spaces(tenant, id, page)).await?;
    Ok(Registered {
        building: Some(building),
        floors: floors.into_iter().map(|floor| (floor.floor_ref_id.clone(), floor)).collect(),
        spaces: spaces.into_iter().map(|space| (space.space_ref_id.clone(), space)).collect(),
    })
}

async fn registered_sensors(app: &App, tenant: &TenantId, plan: &Plan) -> Result<BTreeMap<SensorId, Sensor>, Problem> {
    let mut spaces = plan.buildings.values().flat_map(|building| building.spaces.values());
    if spaces.all(|space| space.sensors.is_empty()) {
        return Ok(BTreeMap::new());
    }
    let sensors = all(|page| app.registry.list_sensors(tenant, page)).await?;
    Ok(sensors.into_iter().map(|sensor| (sensor.sensor_id.clone(), sensor)).collect())
}

/// All pages of a list.
async fn all<T, F>(list: impl Fn(PageRequest) -> F) -> Result<Vec<T>, Problem>
where
    F: Future<Output = Result<Page<T>, ListFailed>>,
{
    let mut items = Vec::new();
    let mut request = PageRequest::first(PAGE_LIMIT);
    loop {
        let page = list(request).await?;
        items.extend(page.items);
        match page.next {
            None => return Ok(items),
            cursor => request = PageRequest { limit: PAGE_LIMIT, cursor },
        }
    }
}

/// The name that is asked for, or the one there is.
fn named(planned: &Name, registered: Option<&Option<String>>) -> Option<String> {
    planned.as_ref().map(|said| said.what.clone()).or_else(|| registered.cloned().flatten())
}

fn count<T: PartialEq>(counts: &mut ImportedCounts, before: Option<&T>, after: &T) -> bool {
    match before {
        None => counts.created += 1,
        Some(before) if before == after => {
            counts.unchanged += 1;
            return false;
        }
        Some(_) => counts.updated += 1,
    }
    true
}

impl Writes {
    fn compare_building(&mut self, id: &BuildingRefId, planned: &PlannedBuilding, registered: &Registered) {
        let before = registered.building.as_ref();
        let name = named(&planned.name, before.map(|building| &building.name));
        // An import says nothing of settings: they stay.
        let settings = before.map(|building| building.settings.clone()).unwrap_or_default();
        let building = Building { building_ref_id: id.clone(), name, settings };
        if count(&mut self.counts.buildings, before, &building) {
            self.buildings.push(building);
        }
        for (floor_ref_id, planned) in &planned.floors {
            let before = registered.floors.get(floor_ref_id);
            let name = named(planned, before.map(|floor| &floor.name));
            let floor = Floor { building_ref_id: id.clone(), floor_ref_id: floor_ref_id.clone(), name };
            if count(&mut self.counts.floors, before, &floor) {
                self.floors.push(floor);
            }
        }
        for space in planned.spaces.values() {
            if let Some(floor) = &space.floor
                && !planned.floors.contains_key(&floor.what)
                && !registered.floors.contains_key(&floor.what)
            {
                self.errors.push(floor.place.error("there is no such floor in the building"));
            }
        }
    }

    fn compare_space(
        &mut self,
        key: &SpaceKey,
        planned: &PlannedSpace,
        registered: &Registered,
        sensors: &BTreeMap<SensorId, Sensor>,
    ) {
        let before = registered.spaces.get(&key.space_ref_id);
        let asked: BTreeSet<_> =
            planned.sensors.keys().chain(before.iter().flat_map(|space| &space.sensor_ids)).collect();
        if asked.len() > SENSORS_LIMIT {
            let found = asked.len();
            let detail = format!("the space would have {found} sensors; at most {SENSORS_LIMIT} are allowed");
            self.errors.push(planned.place.error(detail));
        }
        let floor = planned.floor.as_ref().map(|said| said.what.clone());
        let draft = SpaceDraft {
            floor_ref_id: floor.or_else(|| before.and_then(|space| space.floor_ref_id.clone())),
            name: named(&planned.name, before.map(|space| &space.name)),
            building_ref_id: key.building_ref_id.clone(),
            space_ref_id: key.space_ref_id.clone(),
            settings: before.map(|space| space.settings.clone()).unwrap_or_default(),
        };
        let mut changed = BTreeMap::new();
        for (sensor_id, planned) in &planned.sensors {
            let before = sensors.get(sensor_id);
            let name = named(planned, before.map(|sensor| &sensor.name));
            let profile = before.and_then(|sensor| sensor.profile.clone());
            let sensor_group_ref_ids = before.map(|sensor| sensor.sensor_group_ref_ids.clone()).unwrap_or_default();
            let sensor =
                Sensor { sensor_id: sensor_id.clone(), space: key.clone(), name, profile, sensor_group_ref_ids };
            if before.is_none() {
                self.new_sensors.insert(sensor_id.clone());
            }
            if count(&mut self.counts.sensors, before, &sensor) {
                changed.insert(sensor.sensor_id, sensor.name);
            }
        }
        let before = before.map(|space| (&space.name, &space.floor_ref_id));
        let is_changed = count(&mut self.counts.spaces, before.as_ref(), &(&draft.name, &draft.floor_ref_id));
        if is_changed || !changed.is_empty() {
            self.spaces.push((draft, changed));
        }
    }
}

/// One after the other: each is a transaction over the tenant's counter, and concurrent ones would only get in each
/// other's way.
async fn write(app: &App, tenant: &TenantId, writes: &Writes) -> Result<(), Problem> {
    let is_told =
        !writes.new_sensors.is_empty() && registrations::is_asked_for(app, tenant, Registration::Registered).await?;
    for building in &writes.buildings {
        app.registry.put_building(tenant, building).await?;
    }
    for floor in &writes.floors {
        app.registry.put_floor(tenant, floor).await.map_err(overtaken)?;
    }
    for (draft, sensors) in &writes.spaces {
        let stored = app.registry.put_space_with_sensors(tenant, draft, sensors).await.map_err(overtaken)?;
        if is_told {
            let new = sensors.keys().filter(|id| writes.new_sensors.contains(*id)).cloned();
            let space = EventSpace::from(&stored.space);
            registrations::tell(app, tenant, Registration::Registered, &space, new).await;
        }
    }
    Ok(())
}

/// Everything was checked before; what is refused now was changed by somebody else since.
fn overtaken(failed: PutFailed) -> Problem {
    match failed {
        PutFailed::Failed(failed) => failed.into(),
        PutFailed::NoBuilding | PutFailed::NoFloor | PutFailed::NoSpace | PutFailed::TooManySensors => {
            crate::ports::ChangeFailed::Conflict.into()
        }
    }
}
