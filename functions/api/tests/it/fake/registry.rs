use super::{Contents, Fake, page};
use async_trait::async_trait;
use spacehook_api::ports::{Failed, ListFailed, PutFailed, RegistryRecords, RemoveFailed};
use spacehook_domain::ids::{BuildingRefId, FloorRefId, SensorId, SpaceId, TenantId};
use spacehook_domain::place::{Building, Floor, Sensor, Space, SpaceKey};
use spacehook_domain::space_state::SpaceState;
use spacehook_store::{Page, PageRequest, Put, SENSORS_LIMIT, SpaceDraft, SpaceWithSensors, UnassignedSensor};
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

fn put_sensor(contents: &mut Contents, tenant: &TenantId, sensor: &Sensor) -> Result<Put, PutFailed> {
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
    Ok(put(contents.sensors.insert((tenant.clone(), sensor.sensor_id.clone()), sensor.clone())))
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
                let sensor = Sensor { sensor_id: sensor_id.clone(), space: draft.key(), name: name.clone(), profile };
                match put_sensor(contents, tenant, &sensor)? {
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

    async fn space_state(&self, _: &TenantId, space: SpaceId) -> Result<SpaceState, Failed> {
        Ok(self.with(|contents| contents.states.get(&space).cloned().unwrap_or_default()))
    }

    async fn put_sensor(&self, tenant: &TenantId, sensor: &Sensor) -> Result<Put, PutFailed> {
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
