//! Sensors, and the spaces they belong to.

use super::item::{BUILDING, GROUPS, NAME, PROFILE, REVISION, SENSOR_ID, SENSORS, SPACE, SensorItem};
use super::{Part, Put, PutSpaceError, SpaceDraft};
use crate::Store;
use crate::backoff::Waits;
use crate::error::{ListError, StoreError};
use crate::item::{attribute_text, from_item, set, text};
use crate::keys::{self, Key};
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::tenants::registry_changed;
use crate::transaction::Transacted;
use crate::write::{If, Write};
use spacehook_domain::ids::{ProfileName, SensorGroupRefId, SensorId, TenantId};
use spacehook_domain::place::{Sensor, Space, SpaceKey};
use std::collections::{BTreeMap, BTreeSet};

/// Sensors of a space, at most: what its state can hold.
pub const SENSORS_LIMIT: usize = 100;

/// Sensors of one transaction: each may need three writes (itself, its old space, its entry among the unassigned), beside
/// those of the space and the tenant, and a transaction has 100.
const SENSORS_AT_ONCE: usize = 30;

const PUT: &str = "assign sensors to a space";

/// Why sensors were not assigned to a space.
#[derive(Debug, thiserror::Error)]
pub enum PutSensorError {
    /// The space is not there.
    #[error("there is no such space")]
    NoSpace,
    /// The space would have more than [`SENSORS_LIMIT`] sensors.
    #[error("a space has at most {SENSORS_LIMIT} sensors")]
    TooManySensors,
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a space with sensors was not stored, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum PutSpaceWithSensorsError {
    /// The space was not stored, and no sensor was assigned.
    #[error(transparent)]
    Space(#[from] PutSpaceError),
    /// The space is stored; not all of the sensors are assigned.
    #[error(transparent)]
    Sensors(#[from] PutSensorError),
}

/// What came of storing a space with sensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceWithSensors {
    /// The space, with its sensors.
    pub space: Space,
    /// Whether the space was there.
    pub put: Put,
    /// Sensors that were not there.
    pub sensors_created: usize,
    /// Sensors that were there, here or in another space, and now are as asked.
    pub sensors_updated: usize,
}

/// What is asked of sensors, by id.
type Asked = BTreeMap<SensorId, AskedOfSensor>;

struct AskedOfSensor {
    name: Option<String>,
    profile: AskedProfile,
}

enum AskedProfile {
    AsItWas,
    This(Option<ProfileName>),
}

impl AskedOfSensor {
    /// The sensor's item, when it is as asked.
    fn item(&self, id: &SensorId, space: &SpaceKey, stored: Option<&SensorItem>) -> SensorItem {
        SensorItem {
            sensor_id: id.clone(),
            building_ref_id: space.building_ref_id.clone(),
            space_ref_id: space.space_ref_id.clone(),
            name: self.name.clone(),
            profile: match &self.profile {
                AskedProfile::AsItWas => stored.and_then(|stored| stored.profile.clone()),
                AskedProfile::This(profile) => profile.clone(),
            },
            sensor_group_ref_ids: stored.map(|stored| stored.sensor_group_ref_ids.clone()).unwrap_or_default(),
        }
    }
}

/// What a change is planned on: the sensors as they are stored, and which of them are among the unassigned.
#[derive(Default)]
struct Known {
    sensors: BTreeMap<SensorId, SensorItem>,
    unassigned: BTreeSet<SensorId>,
}

impl Store {
    /// Assigns a sensor to a space that is there, moves it there, or names it anew. It leaves its old space, and the list
    /// of the unassigned, in the same transaction. Its groups are not asked for: it stays in those that it is in, and the
    /// answer has them.
    ///
    /// Costs 1 `BatchGetItem` of 2 items and 1 `TransactWriteItems` of 3 to 5 items: 2 write units each.
    pub async fn put_sensor(&self, tenant: &TenantId, sensor: &Sensor) -> Result<(Sensor, Put), PutSensorError> {
        let profile = AskedProfile::This(sensor.profile.clone());
        let asked = AskedOfSensor { name: sensor.name.clone(), profile };
        let asked = Asked::from([(sensor.sensor_id.clone(), asked)]);
        let mut known = self.assign(tenant, &sensor.space, &asked).await?;
        let (groups, put) = match known.sensors.remove(&sensor.sensor_id) {
            Some(stored) => (stored.sensor_group_ref_ids, Put::Updated),
            None => (BTreeSet::new(), Put::Created),
        };
        Ok((Sensor { sensor_group_ref_ids: groups, ..sensor.clone() }, put))
    }

    /// Stores a space and assigns sensors (names by id) to it, beside those it has: an import in few requests. They keep their
    /// profiles.
    ///
    /// Costs what [`Store::put_space`] costs and, each 30 sensors, 1 `BatchGetItem` and 1 `TransactWriteItems` of 2 items and
    /// 1 to 3 for each sensor that is not yet as asked: 2 write units an item. Each 30 sensors are all assigned or none;
    /// after an error the same call goes on where it ended.
    pub async fn put_space_with_sensors(
        &self,
        tenant: &TenantId,
        draft: &SpaceDraft,
        sensors: &BTreeMap<SensorId, Option<String>>,
    ) -> Result<SpaceWithSensors, PutSpaceWithSensorsError> {
        let (mut space, put) = self.put_space(tenant, draft).await?;
        let asked = space.sensor_ids.iter().chain(sensors.keys()).collect::<BTreeSet<_>>().len();
        if asked > SENSORS_LIMIT {
            // None of them then, rather than the first few.
            return Err(PutSensorError::TooManySensors.into());
        }
        let all: Vec<_> = sensors.iter().collect();
        let mut sensors_created = 0;
        for some in all.chunks(SENSORS_AT_ONCE) {
            let asked = some.iter().map(|(id, name)| {
                ((*id).clone(), AskedOfSensor { name: (*name).clone(), profile: AskedProfile::AsItWas })
            });
            sensors_created += some.len() - self.assign(tenant, &draft.key(), &asked.collect()).await?.sensors.len();
        }
        space.sensor_ids.extend(sensors.keys().cloned());
        let sensors_updated = sensors.len() - sensors_created;
        Ok(SpaceWithSensors { space, put, sensors_created, sensors_updated })
    }

    /// Assigns at most [`SENSORS_AT_ONCE`] sensors and says what was known of them before.
    async fn assign(&self, tenant: &TenantId, space: &SpaceKey, asked: &Asked) -> Result<Known, PutSensorError> {
        // By sensor and not by space: several who fill one space at once should not wait in step.
        let Some(key) = asked.keys().next().map(|id| keys::sensor(tenant, id)) else { return Ok(Known::default()) };
        let mut waits = Waits::of(&key);
        loop {
            let known = self.known_sensors(tenant, asked).await?;
            let writes = assign_writes(tenant, space, asked, &known);
            if writes.is_empty() {
                return Ok(known);
            }
            match self.transact(PUT, &key, writes).await? {
                Transacted::Done => return Ok(known),
                Transacted::Refused(parts) if parts.contains(&Part::Space) => {
                    self.check_room(tenant, space, asked).await?;
                }
                Transacted::Refused(_) => {}
            }
            if !waits.wait().await {
                return Err(Self::overtaken(PUT).into());
            }
        }
    }

    async fn known_sensors(&self, tenant: &TenantId, asked: &Asked) -> Result<Known, StoreError> {
        let wanted: Vec<_> =
            asked.keys().flat_map(|id| [keys::sensor(tenant, id), keys::unassigned(tenant, id)]).collect();
        let mut known = Known::default();
        for item in self.get_batch(PUT, &wanted).await? {
            if attribute_text(&item, "sk").starts_with(keys::SENSOR_PREFIX) {
                let sensor: SensorItem = from_item(item)?;
                known.sensors.insert(sensor.sensor_id.clone(), sensor);
            } else {
                let sensor: crate::UnassignedSensor = from_item(item)?;
                known.unassigned.insert(sensor.sensor_id);
            }
        }
        Ok(known)
    }

    /// The error that stands in the way of assigning; none where it is gone.
    async fn check_room(&self, tenant: &TenantId, space: &SpaceKey, asked: &Asked) -> Result<(), PutSensorError> {
        let Some(stored) = self.space(tenant, space).await? else { return Err(PutSensorError::NoSpace) };
        let joining = asked.keys().filter(|id| !stored.sensor_ids.contains(*id)).count();
        if stored.sensor_ids.len() + joining > SENSORS_LIMIT {
            return Err(PutSensorError::TooManySensors);
        }
        Ok(())
    }

    /// A sensor that belongs to a space. Costs 1 `GetItem`.
    pub async fn sensor(&self, tenant: &TenantId, id: &SensorId) -> Result<Option<Sensor>, StoreError> {
        self.get_as("read a sensor", &keys::sensor(tenant, id)).await
    }

    /// The sensors of a tenant that belong to spaces, by id. Costs 1 Query a page.
    pub async fn list_sensors(&self, tenant: &TenantId, request: PageRequest) -> Result<Page<Sensor>, ListError> {
        let pk = keys::tenant_partition(tenant);
        self.page("list sensors", (&pk, keys::SENSOR_PREFIX), &request, Order::Forward).await
    }

    /// Takes a sensor out of its space and its groups and forgets it; false where there is none. Costs 1 `GetItem` and 1
    /// `TransactWriteItems` of 3 items, and 1 for each group: 2 write units each.
    pub async fn delete_sensor(&self, tenant: &TenantId, id: &SensorId) -> Result<bool, StoreError> {
        const OPERATION: &str = "delete a sensor";
        let key = keys::sensor(tenant, id);
        let mut waits = Waits::of(&key);
        loop {
            let Some(stored) = self.get_as::<SensorItem>(OPERATION, &key).await? else { return Ok(false) };
            let space = Write::update(keys::space(tenant, &stored.space())).only_if(If::Exists);
            let groups = &stored.sensor_group_ref_ids;
            let known = (!groups.is_empty()).then(|| set(groups.iter().map(SensorGroupRefId::as_str)));
            let delete = as_read(Write::delete(key.clone()), Some(&stored)).only_if(If::optional(GROUPS, known));
            let mut writes = vec![
                (Part::Sensor, delete),
                (Part::Other, space.delete_from(SENSORS, set([id.as_str()]))),
                (Part::Tenant, registry_changed(tenant)),
            ];
            writes.extend(groups.iter().map(|group| {
                let group = Write::update(keys::sensor_group(tenant, group)).only_if(If::Exists);
                (Part::Other, group.delete_from(SENSORS, set([id.as_str()])).count(REVISION, 1))
            }));
            if self.transact(OPERATION, &key, writes).await? == Transacted::Done {
                return Ok(true);
            }
            if !waits.wait().await {
                return Err(Self::overtaken(OPERATION));
            }
        }
    }
}

/// The writes that assign sensors; none where all are as asked.
fn assign_writes(tenant: &TenantId, space: &SpaceKey, asked: &Asked, known: &Known) -> Vec<(Part, Write)> {
    let (mut writes, mut joining) = (Vec::new(), Vec::new());
    let mut leaving: BTreeMap<SpaceKey, Vec<&SensorId>> = BTreeMap::new();
    for (id, asked) in asked {
        let stored = known.sensors.get(id);
        let item = asked.item(id, space, stored);
        let was_in = stored.map(SensorItem::space);
        if was_in.as_ref() == Some(space) {
            if stored == Some(&item) {
                continue;
            }
        } else {
            joining.push(id);
            if let Some(old) = was_in {
                leaving.entry(old).or_default().push(id);
            }
        }
        let key = keys::sensor(tenant, id);
        writes.push((Part::Sensor, as_read(assign_write(key, &item), stored)));
    }
    for (old, ids) in leaving {
        let old = Write::update(keys::space(tenant, &old)).only_if(If::Exists);
        writes.push((Part::Other, old.delete_from(SENSORS, set(ids.into_iter().map(SensorId::as_str)))));
    }
    for id in &known.unassigned {
        writes.push((Part::Other, Write::delete(keys::unassigned(tenant, id))));
    }
    if !joining.is_empty() {
        let room = If::Room(SENSORS.into(), SENSORS_LIMIT - joining.len());
        let new = Write::update(keys::space(tenant, space)).only_if(If::Exists).only_if(room);
        writes.push((Part::Space, new.add(SENSORS, set(joining.into_iter().map(SensorId::as_str)))));
    }
    if !writes.is_empty() {
        writes.push((Part::Tenant, registry_changed(tenant)));
    }
    writes
}

/// An update, and not a put: which groups it is in may change meanwhile.
fn assign_write(key: Key, item: &SensorItem) -> Write {
    Write::update(key)
        .set(SENSOR_ID, text(item.sensor_id.as_str()))
        .set(BUILDING, text(item.building_ref_id.as_str()))
        .set(SPACE, text(item.space_ref_id.as_str()))
        .set_or_remove(NAME, item.name.as_deref().map(text))
        .set_or_remove(PROFILE, item.profile.as_ref().map(|profile| text(profile.as_str())))
}

/// Only if the sensor still is as it was read to be, its name and its groups aside, or still is not there.
fn as_read(write: Write, stored: Option<&SensorItem>) -> Write {
    match stored {
        None => write.only_if(If::Absent),
        Some(stored) => write
            .only_if(If::Is(BUILDING.into(), text(stored.building_ref_id.as_str())))
            .only_if(If::Is(SPACE.into(), text(stored.space_ref_id.as_str())))
            .only_if(If::optional(PROFILE, stored.profile.as_ref().map(|profile| text(profile.as_str())))),
    }
}
