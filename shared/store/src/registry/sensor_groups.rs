//! Named groups of sensors.

use super::item::{
    BUILDING, GROUPS, NAME, REVISION, SENSOR_GROUP_ID, SENSOR_GROUPS, SENSORS, SETTINGS, SensorGroupItem, SensorItem,
    settings,
};
use super::{Part, Put};
use crate::Store;
use crate::backoff::Waits;
use crate::error::{ListError, StoreError};
use crate::item::{from_item, number, set, text, to_item};
use crate::keys;
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::tenants::{NEXT_SENSOR_GROUP_ID, registry_changed};
use crate::transaction::Transacted;
use crate::write::{If, Write};
use spacehook_domain::ids::{BuildingRefId, SensorGroupId, SensorGroupRefId, SensorId, TenantId};
use spacehook_domain::observed::ObservedId;
use spacehook_domain::place::SensorGroup;
use spacehook_domain::settings::Settings;
use std::collections::{BTreeMap, BTreeSet};

/// Groups that one sensor is in, at most: each of its readings is written to the state of each.
pub const GROUPS_OF_SENSOR_LIMIT: usize = 8;

/// Sensors of a group, at most: so many that it is made, and deleted, in one transaction, which has 100 items. Beside theirs
/// there are those of the group, the tenant, two buildings and the state.
pub const SENSORS_OF_GROUP_LIMIT: usize = 90;

const PUT: &str = "store a group of sensors";
const DELETE: &str = "delete a group of sensors";

/// A group as its customer describes it, without Spacehook's own number of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorGroupDraft {
    /// The customer's own name of it.
    pub sensor_group_ref_id: SensorGroupRefId,
    /// The building that it is of, if the customer says so.
    pub building_ref_id: Option<BuildingRefId>,
    /// What people call it.
    pub name: Option<String>,
    /// Its sensors.
    pub sensor_ids: BTreeSet<SensorId>,
    /// What is settled of it.
    pub settings: Settings,
}

/// Why a group was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PutSensorGroupError {
    /// Its building is not there.
    #[error("there is no such building")]
    NoBuilding,
    /// These sensors are not there.
    #[error("there are no such sensors")]
    NoSensors(BTreeSet<SensorId>),
    /// These sensors are in as many other groups as a sensor may be.
    #[error("a sensor is in at most {GROUPS_OF_SENSOR_LIMIT} groups")]
    TooManyGroups(BTreeSet<SensorId>),
    /// The group would have more than [`SENSORS_OF_GROUP_LIMIT`] sensors.
    #[error("a group has at most {SENSORS_OF_GROUP_LIMIT} sensors")]
    TooManySensors,
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Stores a group of sensors that are there, in a building that is there if one is named. A group that is there keeps
    /// its number; a new one gets the tenant's next number, which is never given again.
    ///
    /// Costs 1 `GetItem`, 1 `BatchGetItem` of the sensors that join, 1 `UpdateItem` for a number, and 1 `TransactWriteItems` of
    /// 2 items and 1 for each sensor that joins or leaves: 2 write units an item. Where more than 90 do, those that leave are
    /// first, and a second transaction has the others join; after an error the same call goes on where it ended.
    pub async fn put_sensor_group(
        &self,
        tenant: &TenantId,
        draft: &SensorGroupDraft,
    ) -> Result<(SensorGroup, Put), PutSensorGroupError> {
        if draft.sensor_ids.len() > SENSORS_OF_GROUP_LIMIT {
            return Err(PutSensorGroupError::TooManySensors);
        }
        let key = keys::sensor_group(tenant, &draft.sensor_group_ref_id);
        let (mut waits, mut number) = (Waits::of(&key), None);
        loop {
            let stored = self.get_as::<SensorGroupItem>(PUT, &key).await?;
            let moves = Moves::between(stored.as_ref(), &draft.sensor_ids);
            if let Some(stored) = stored.as_ref().filter(|stored| moves.is_empty() && draft.describes(stored)) {
                return Ok((stored.clone().into(), Put::Updated));
            }
            self.check_joining(tenant, &draft.sensor_group_ref_id, &moves.all_joining).await?;
            let mut writes = if let Some(stored) = &stored {
                change_writes(tenant, stored, draft, &moves)?
            } else {
                let id = match number {
                    Some(id) => id,
                    None => self.next_number(PUT, &keys::tenant(tenant), NEXT_SENSOR_GROUP_ID).await?,
                };
                number = Some(id);
                create_writes(tenant, SensorGroupId(id), draft, &moves)?
            };
            writes.extend(moves.writes(tenant, &draft.sensor_group_ref_id));
            match self.transact(PUT, &key, writes).await? {
                Transacted::Done if moves.after == draft.sensor_ids => {
                    let put = if stored.is_none() { Put::Created } else { Put::Updated };
                    let id = stored.map(|stored| stored.sensor_group_id).or(number.map(SensorGroupId));
                    return id.map(|id| (draft.group(id), put)).ok_or_else(|| Self::overtaken(PUT).into());
                }
                // Those that join are left for the next turn.
                Transacted::Done => {
                    waits = Waits::of(&key);
                    continue;
                }
                Transacted::Refused(parts) if parts.contains(&Part::Building) => {
                    return Err(PutSensorGroupError::NoBuilding);
                }
                Transacted::Refused(_) => {}
            }
            if !waits.wait().await {
                return Err(Self::overtaken(PUT).into());
            }
        }
    }

    /// The sensors that join must be there, and have room for one more group.
    async fn check_joining(
        &self,
        tenant: &TenantId,
        group: &SensorGroupRefId,
        joining: &BTreeSet<SensorId>,
    ) -> Result<(), PutSensorGroupError> {
        let wanted: Vec<_> = joining.iter().map(|id| keys::sensor(tenant, id)).collect();
        let mut known: BTreeMap<SensorId, usize> = BTreeMap::new();
        for item in self.get_batch(PUT, &wanted).await? {
            let sensor: SensorItem = from_item(item)?;
            let others = sensor.sensor_group_ref_ids.iter().filter(|id| *id != group).count();
            known.insert(sensor.sensor_id, others);
        }
        let missing: BTreeSet<_> = joining.iter().filter(|id| !known.contains_key(*id)).cloned().collect();
        if !missing.is_empty() {
            return Err(PutSensorGroupError::NoSensors(missing));
        }
        let full: BTreeSet<_> =
            known.into_iter().filter(|(_, groups)| *groups >= GROUPS_OF_SENSOR_LIMIT).map(|(id, _)| id).collect();
        if full.is_empty() { Ok(()) } else { Err(PutSensorGroupError::TooManyGroups(full)) }
    }

    /// A group of sensors. Costs 1 `GetItem`.
    pub async fn sensor_group(
        &self,
        tenant: &TenantId,
        id: &SensorGroupRefId,
    ) -> Result<Option<SensorGroup>, StoreError> {
        let item = self.get_as::<SensorGroupItem>("read a group of sensors", &keys::sensor_group(tenant, id)).await?;
        Ok(item.map(SensorGroup::from))
    }

    /// The groups of sensors of a tenant, by name. Costs 1 Query a page.
    pub async fn list_sensor_groups(
        &self,
        tenant: &TenantId,
        request: PageRequest,
    ) -> Result<Page<SensorGroup>, ListError> {
        let pk = keys::tenant_partition(tenant);
        let list = (pk.as_str(), keys::SENSOR_GROUP_PREFIX);
        let page: Page<SensorGroupItem> = self.page("list groups of sensors", list, &request, Order::Forward).await?;
        Ok(page.map(SensorGroup::from))
    }

    /// Deletes a group and its state; its sensors stay where they are. False where there is none. Costs 1 `GetItem` and 1
    /// `TransactWriteItems` of 3 or 4 items and 1 for each sensor: 2 write units an item.
    ///
    /// Its sensors go on reporting: ingest, which finds no state of it, looks whether it is still there.
    pub async fn delete_sensor_group(&self, tenant: &TenantId, id: &SensorGroupRefId) -> Result<bool, StoreError> {
        let key = keys::sensor_group(tenant, id);
        let mut waits = Waits::of(&key);
        loop {
            let Some(stored) = self.get_as::<SensorGroupItem>(DELETE, &key).await? else { return Ok(false) };
            let state = keys::state(tenant, ObservedId::Group(stored.sensor_group_id));
            let mut writes = Moves::between(Some(&stored), &BTreeSet::new()).writes(tenant, id);
            writes.extend([
                (Part::Tenant, registry_changed(tenant)),
                (Part::SensorGroup, as_read(Write::delete(key.clone()), &stored)),
                (Part::Other, Write::delete(state)),
            ]);
            writes.extend(stored.building_ref_id.as_ref().map(|building| leave(tenant, building)));
            if self.transact(DELETE, &key, writes).await? == Transacted::Done {
                return Ok(true);
            }
            if !waits.wait().await {
                return Err(Self::overtaken(DELETE));
            }
        }
    }
}

impl SensorGroupDraft {
    /// The group, when it is as described.
    fn group(&self, sensor_group_id: SensorGroupId) -> SensorGroup {
        SensorGroup {
            sensor_group_id,
            sensor_group_ref_id: self.sensor_group_ref_id.clone(),
            building_ref_id: self.building_ref_id.clone(),
            name: self.name.clone(),
            sensor_ids: self.sensor_ids.clone(),
            settings: self.settings.clone(),
        }
    }

    /// Whether it is stored so, its sensors aside.
    fn describes(&self, stored: &SensorGroupItem) -> bool {
        stored.building_ref_id == self.building_ref_id && stored.name == self.name && stored.settings == self.settings
    }
}

/// Which sensors one transaction has join and leave.
struct Moves {
    joining: Vec<SensorId>,
    leaving: Vec<SensorId>,
    /// All that are to join, also with later transactions.
    all_joining: BTreeSet<SensorId>,
    /// The sensors after it.
    after: BTreeSet<SensorId>,
}

impl Moves {
    /// What leads towards these sensors: first who leaves, so that there is room.
    fn between(stored: Option<&SensorGroupItem>, asked: &BTreeSet<SensorId>) -> Self {
        let there = stored.map(|stored| stored.sensor_ids.clone()).unwrap_or_default();
        let leaving: Vec<_> = there.difference(asked).take(SENSORS_OF_GROUP_LIMIT).cloned().collect();
        let all_joining: BTreeSet<_> = asked.difference(&there).cloned().collect();
        let joining: Vec<_> = all_joining.iter().take(SENSORS_OF_GROUP_LIMIT - leaving.len()).cloned().collect();
        let mut after = there;
        after.retain(|id| !leaving.contains(id));
        after.extend(joining.iter().cloned());
        Self { joining, leaving, all_joining, after }
    }

    fn is_empty(&self) -> bool {
        self.joining.is_empty() && self.leaving.is_empty()
    }

    /// The writes of the sensors.
    fn writes(&self, tenant: &TenantId, group: &SensorGroupRefId) -> Vec<(Part, Write)> {
        let sensor = |id: &SensorId| Write::update(keys::sensor(tenant, id)).only_if(If::Exists);
        let joins = self.joining.iter().map(|id| {
            let room = If::Room(GROUPS.into(), GROUPS_OF_SENSOR_LIMIT - 1);
            sensor(id).only_if(room).add(GROUPS, set([group.as_str()]))
        });
        let leaves = self.leaving.iter().map(|id| sensor(id).delete_from(GROUPS, set([group.as_str()])));
        joins.chain(leaves).map(|write| (Part::Sensor, write)).collect()
    }

    /// The sensors of the group after it, which was read at that revision: so they are set as a whole.
    fn of_group(&self, update: Write) -> Write {
        let after = (!self.after.is_empty()).then(|| set(self.after.iter().map(SensorId::as_str)));
        update.set_or_remove(SENSORS, after).count(REVISION, 1)
    }
}

fn create_writes(
    tenant: &TenantId,
    id: SensorGroupId,
    draft: &SensorGroupDraft,
    moves: &Moves,
) -> Result<Vec<(Part, Write)>, StoreError> {
    let key = keys::sensor_group(tenant, &draft.sensor_group_ref_id);
    let item = SensorGroupItem {
        sensor_group_id: id,
        sensor_group_ref_id: draft.sensor_group_ref_id.clone(),
        building_ref_id: draft.building_ref_id.clone(),
        name: draft.name.clone(),
        sensor_ids: moves.after.clone(),
        settings: draft.settings.clone(),
        revision: 1,
    };
    let mut writes = vec![
        (Part::Tenant, registry_changed(tenant)),
        (Part::SensorGroup, Write::put(key.clone(), to_item(&key, &item)?).only_if(If::Absent)),
    ];
    writes.extend(draft.building_ref_id.as_ref().map(|building| join(tenant, building)));
    Ok(writes)
}

fn change_writes(
    tenant: &TenantId,
    stored: &SensorGroupItem,
    draft: &SensorGroupDraft,
    moves: &Moves,
) -> Result<Vec<(Part, Write)>, StoreError> {
    let key = keys::sensor_group(tenant, &draft.sensor_group_ref_id);
    let settings = settings(&draft.settings).map_err(|error| StoreError::unwritable(key.clone(), error.to_string()))?;
    let update = as_read(Write::update(key), stored)
        .set_or_remove(NAME, draft.name.as_deref().map(text))
        .set_or_remove(SETTINGS, settings)
        .set_or_remove(BUILDING, draft.building_ref_id.as_ref().map(|building| text(building.as_str())));
    let mut writes = vec![(Part::Tenant, registry_changed(tenant)), (Part::SensorGroup, moves.of_group(update))];
    if stored.building_ref_id != draft.building_ref_id {
        writes.extend(stored.building_ref_id.as_ref().map(|building| leave(tenant, building)));
        writes.extend(draft.building_ref_id.as_ref().map(|building| join(tenant, building)));
    }
    Ok(writes)
}

/// Only if the group still is as it was read.
fn as_read(write: Write, stored: &SensorGroupItem) -> Write {
    write
        .only_if(If::Is(SENSOR_GROUP_ID.into(), number(stored.sensor_group_id.0)))
        .only_if(If::Is(REVISION.into(), number(stored.revision)))
}

fn join(tenant: &TenantId, building: &BuildingRefId) -> (Part, Write) {
    (Part::Building, count_in(tenant, building, 1))
}

fn leave(tenant: &TenantId, building: &BuildingRefId) -> (Part, Write) {
    (Part::Other, count_in(tenant, building, -1))
}

fn count_in(tenant: &TenantId, building: &BuildingRefId, by: i64) -> Write {
    Write::update(keys::building(tenant, building)).count(SENSOR_GROUPS, by).only_if(If::Exists)
}
