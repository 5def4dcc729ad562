use super::{Contents, Fake, page};
use async_trait::async_trait;
use spacehook_api::ports::{Failed, ListFailed, PutFailed, PutGroupFailed, RegistryRecords, RemoveFailed};
use spacehook_domain::ids::{BuildingRefId, FloorRefId, SensorGroupId, SensorGroupRefId, SensorId, SpaceId, TenantId};
use spacehook_domain::observed::ObservedId;
use spacehook_domain::place::{Building, Floor, Sensor, SensorGroup, Space, SpaceKey};
use spacehook_domain::space_state::SpaceState;
use spacehook_store::{
    GROUPS_OF_SENSOR_LIMIT, Page, PageRequest, Put, SENSORS_LIMIT, SensorGroupDraft, SpaceDraft, SpaceWithSensors,
    UnassignedSensor,
};
use std::collections::{BTreeMap, BTreeSet};

fn put<T>(before: Option<T>) -> Put {
    if before.is_none() { Put::Created } else { Put::Updated }
}

fn put_space(contents: &mut Contents, tenant: &TenantId, draft: &SpaceDraft) -> Result<(Space, Put), PutFailed> {
    if !contents.buildings.contains_key(&(tenant.clone(), draft.building_ref_id.clone())) {
        return Err(PutFailed::NoBuilding);
    }
    if let Some(floor) = &draft.floor_ref_id
        && !contents.floors.contains_key(&(tenant.clone(), draft.building_ref_id.clone(), floor.clone()))
    {
        return Err(PutFailed::NoFloor);
    }
    let before = contents.spaces.get(&(tenant.clone(), draft.key())).cloned();
    if before.is_none() {
        contents.next_space_id += 1;
    }
    let space = Space {
        space_id: before.as_ref().map_or(SpaceId(contents.next_space_id), |space| space.space_id),
        building_ref_id: draft.building_ref_id.clone(),
        floor_ref_id: draft.floor_ref_id.clone(),
        space_ref_id: draft.space_ref_id.clone(),
        name: draft.name.clone(),
        sensor_ids: before.as_ref().map_or_else(BTreeSet::new, |space| space.sensor_ids.clone()),
        settings: draft.settings.clone(),
    };
    contents.spaces.insert((tenant.clone(), draft.key()), space.clone());
    Ok((space, put(before)))
}

fn put_sensor(contents: &mut Contents, tenant: &TenantId, sensor: &Sensor) -> Result<(Sensor, Put), PutFailed> {
    let key = (tenant.clone(), sensor.space.clone());
    let space = contents.spaces.get(&key).ok_or(PutFailed::NoSpace)?;
    if !space.sensor_ids.contains(&sensor.sensor_id) && space.sensor_ids.len() >= SENSORS_LIMIT {
        return Err(PutFailed::TooManySensors);
    }
    for space in contents.spaces.values_mut() {
        space.sensor_ids.remove(&sensor.sensor_id);
    }
    if let Some(space) = contents.spaces.get_mut(&key) {
        space.sensor_ids.insert(sensor.sensor_id.clone());
    }
    contents.unassigned.retain(|unassigned| unassigned.sensor_id != sensor.sensor_id);
    let key = (tenant.clone(), sensor.sensor_id.clone());
    let before = contents.sensors.get(&key);
    let sensor_group_ref_ids = before.map(|before| before.sensor_group_ref_ids.clone()).unwrap_or_default();
    let sensor = Sensor { sensor_group_ref_ids, ..sensor.clone() };
    let put = put(contents.sensors.insert(key, sensor.clone()));
    Ok((sensor, put))
}

fn put_sensor_group(
    contents: &mut Contents,
    tenant: &TenantId,
    draft: &SensorGroupDraft,
) -> Result<(SensorGroup, Put), PutGroupFailed> {
    let building = draft.building_ref_id.as_ref().map(|building| (tenant.clone(), building.clone()));
    if building.is_some_and(|building| !contents.buildings.contains_key(&building)) {
        return Err(PutGroupFailed::NoBuilding);
    }
    let sensor = |id: &SensorId| contents.sensors.get(&(tenant.clone(), id.clone()));
    let wrong = |is_wrong: &dyn Fn(&SensorId) -> bool| -> BTreeSet<_> {
        draft.sensor_ids.iter().filter(|id| is_wrong(id)).cloned().collect()
    };
    let missing = wrong(&|id| sensor(id).is_none());
    let full = wrong(&|id| sensor(id).is_some_and(|one| one.sensor_group_ref_ids.len() >= GROUPS_OF_SENSOR_LIMIT));
    if !missing.is_empty() {
        return Err(PutGroupFailed::NoSensors(missing));
    }
    if !full.is_empty() {
        return Err(PutGroupFailed::TooManyGroups(full));
    }
    let key = (tenant.clone(), draft.sensor_group_ref_id.clone());
    let before = contents.sensor_groups.get(&key).map(|before| before.sensor_group_id);
    if before.is_none() {
        contents.next_space_id += 1;
    }
    let group = SensorGroup {
        sensor_group_id: before.unwrap_or(SensorGroupId(contents.next_space_id)),
        sensor_group_ref_id: draft.sensor_group_ref_id.clone(),
        building_ref_id: draft.building_ref_id.clone(),
        name: draft.name.clone(),
        sensor_ids: draft.sensor_ids.clone(),
        settings: draft.settings.clone(),
    };
    join(contents, tenant, &draft.sensor_group_ref_id, &draft.sensor_ids);
    Ok((group.clone(), put(contents.sensor_groups.insert(key, group))))
}

/// Has these sensors be in the group, and no others.
fn join(contents: &mut Contents, tenant: &TenantId, group: &SensorGroupRefId, sensors: &BTreeSet<SensorId>) {
    for ((_, id), sensor) in contents.sensors.iter_mut().filter(|((owner, _), _)| owner == tenant) {
        if sensors.contains(id) {
            sensor.sensor_group_ref_ids.insert(group.clone());
        } else {
            sensor.sensor_group_ref_ids.remove(group);
        }
    }
}

#[async_trait]
impl RegistryRecords for Fake {
    async fn put_building(&self, tenant: &TenantId, building: &Building) -> Result<Put, Failed> {
        let key = (tenant.clone(), building.building_ref_id.clone());
        self.perform("building.put", |contents| put(contents.buildings.insert(key, building.clone())))
    }

    async fn building(&self, tenant: &TenantId, id: &BuildingRefId) -> Result<Option<Building>, Failed> {
        self.perform("building.get", |contents| contents.buildings.get(&(tenant.clone(), id.clone())).cloned())
    }

    async fn list_buildings(&self, tenant: &TenantId, request: PageRequest) -> Result<Page<Building>, ListFailed> {
        let all = self.with(|contents| values(&contents.buildings, |(owner, _)| owner == tenant));
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn delete_building(&self, tenant: &TenantId, id: &BuildingRefId) -> Result<bool, RemoveFailed> {
        self.with(|contents| {
            if contents.floors.keys().any(|(owner, building, _)| owner == tenant && building == id) {
                return Err(RemoveFailed::InUse("floors in the building"));
            }
            Ok(contents.buildings.remove(&(tenant.clone(), id.clone())).is_some())
        })
    }

    async fn put_floor(&self, tenant: &TenantId, floor: &Floor) -> Result<Put, PutFailed> {
        self.perform("floor.put", |contents| {
            let building = (tenant.clone(), floor.building_ref_id.clone());
            if !contents.buildings.contains_key(&building) {
                return Err(PutFailed::NoBuilding);
            }
            let key = (building.0, building.1, floor.floor_ref_id.clone());
            Ok(put(contents.floors.insert(key, floor.clone())))
        })?
    }

    async fn floor(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        id: &FloorRefId,
    ) -> Result<Option<Floor>, Failed> {
        Ok(self.with(|contents| contents.floors.get(&(tenant.clone(), building.clone(), id.clone())).cloned()))
    }

    async fn list_floors(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        request: PageRequest,
    ) -> Result<Page<Floor>, ListFailed> {
        let all = self.with(|contents| values(&contents.floors, |(owner, of, _)| owner == tenant && of == building));
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn delete_floor(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        id: &FloorRefId,
    ) -> Result<bool, RemoveFailed> {
        Ok(self.with(|contents| contents.floors.remove(&(tenant.clone(), building.clone(), id.clone())).is_some()))
    }

    async fn put_space(&self, tenant: &TenantId, draft: &SpaceDraft) -> Result<(Space, Put), PutFailed> {
        self.perform("space.put", |contents| put_space(contents, tenant, draft))?
    }

    async fn put_space_with_sensors(
        &self,
        tenant: &TenantId,
        draft: &SpaceDraft,
        sensors: &BTreeMap<SensorId, Option<String>>,
    ) -> Result<SpaceWithSensors, PutFailed> {
        self.perform("space.put_with_sensors", |contents| {
            let (space, put) = put_space(contents, tenant, draft)?;
            let (mut sensors_created, mut sensors_updated) = (0, 0);
            for (sensor_id, name) in sensors {
                let stored = contents.sensors.get(&(tenant.clone(), sensor_id.clone()));
                let profile = stored.and_then(|stored| stored.profile.clone());
                let sensor = Sensor {
                    sensor_id: sensor_id.clone(),
                    space: draft.key(),
                    name: name.clone(),
                    profile,
                    sensor_group_ref_ids: BTreeSet::new(),
                };
                match put_sensor(contents, tenant, &sensor)?.1 {
                    Put::Created => sensors_created += 1,
                    Put::Updated => sensors_updated += 1,
                }
            }
            Ok(SpaceWithSensors { space, put, sensors_created, sensors_updated })
        })?
    }

    async fn space(&self, tenant: &TenantId, key: &SpaceKey) -> Result<Option<Space>, Failed> {
        Ok(self.with(|contents| contents.spaces.get(&(tenant.clone(), key.clone())).cloned()))
    }

    async fn list_spaces(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        request: PageRequest,
    ) -> Result<Page<Space>, ListFailed> {
        let all = self.with(|contents| {
            values(&contents.spaces, |(owner, key)| owner == tenant && key.building_ref_id == *building)
        });
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn delete_space(&self, tenant: &TenantId, key: &SpaceKey) -> Result<bool, RemoveFailed> {
        self.with(|contents| {
            let key = (tenant.clone(), key.clone());
            if contents.spaces.get(&key).is_some_and(|space| !space.sensor_ids.is_empty()) {
                return Err(RemoveFailed::InUse("sensors in the space"));
            }
            Ok(contents.spaces.remove(&key).is_some())
        })
    }

    async fn state(&self, _: &TenantId, of: ObservedId) -> Result<SpaceState, Failed> {
        Ok(self.with(|contents| contents.states.get(&of).cloned().unwrap_or_default()))
    }

    async fn put_sensor_group(
        &self,
        tenant: &TenantId,
        draft: &SensorGroupDraft,
    ) -> Result<(SensorGroup, Put), PutGroupFailed> {
        self.perform("sensor_group.put", |contents| put_sensor_group(contents, tenant, draft))?
    }

    async fn sensor_group(&self, tenant: &TenantId, id: &SensorGroupRefId) -> Result<Option<SensorGroup>, Failed> {
        Ok(self.with(|contents| contents.sensor_groups.get(&(tenant.clone(), id.clone())).cloned()))
    }

    async fn list_sensor_groups(
        &self,
        tenant: &TenantId,
        request: PageRequest,
    ) -> Result<Page<SensorGroup>, ListFailed> {
        let all = self.with(|contents| values(&contents.sensor_groups, |(owner, _)| owner == tenant));
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn delete_sensor_group(&self, tenant: &TenantId, id: &SensorGroupRefId) -> Result<bool, Failed> {
        self.perform("sensor_group.delete", |contents| {
            join(contents, tenant, id, &BTreeSet::new());
            contents.sensor_groups.remove(&(tenant.clone(), id.clone())).is_some()
        })
    }

    async fn put_sensor(&self, tenant: &TenantId, sensor: &Sensor) -> Result<(Sensor, Put), PutFailed> {
        self.perform("sensor.put", |contents| put_sensor(contents, tenant, sensor))?
    }

    async fn sensor(&self, tenant: &TenantId, id: &SensorId) -> Result<Option<Sensor>, Failed> {
        Ok(self.with(|contents| contents.sensors.get(&(tenant.clone(), id.clone())).cloned()))
    }

    async fn list_sensors(&self, tenant: &TenantId, request: PageRequest) -> Result<Page<Sensor>, ListFailed> {
        let all = self.with(|contents| values(&contents.sensors, |(owner, _)| owner == tenant));
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn delete_sensor(&self, tenant: &TenantId, id: &SensorId) -> Result<bool, Failed> {
        Ok(self.with(|contents| {
            for space in contents.spaces.values_mut() {
                space.sensor_ids.remove(id);
            }
            for group in contents.sensor_groups.values_mut() {
                group.sensor_ids.remove(id);
            }
            contents.sensors.remove(&(tenant.clone(), id.clone())).is_some()
        }))
    }

    async fn list_unassigned(&self, _: &TenantId, request: PageRequest) -> Result<Page<UnassignedSensor>, ListFailed> {
        let all = self.with(|contents| contents.unassigned.clone());
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }
}

fn values<K, V: Clone>(map: &BTreeMap<K, V>, wanted: impl Fn(&K) -> bool) -> Vec<V> {
    map.iter().filter(|(key, _)| wanted(key)).map(|(_, value)| value.clone()).collect()
}
