//! Spaces.

use super::item::{FLOOR, NAME, SENSORS, SETTINGS, SPACE_ID, SPACES, SpaceItem, settings};
use super::{DeleteError, Part, Put};
use crate::Store;
use crate::backoff::Waits;
use crate::error::{ListError, StoreError};
use crate::item::{number, text, to_item};
use crate::keys::{self, Key};
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::tenants::{NEXT_SPACE_ID, registry_changed};
use crate::transaction::Transacted;
use crate::write::{If, Write};
use spacehook_domain::ids::{BuildingRefId, FloorRefId, SpaceId, SpaceRefId, TenantId};
use spacehook_domain::observed::ObservedId;
use spacehook_domain::place::{Space, SpaceKey};
use spacehook_domain::settings::Settings;
use std::collections::BTreeSet;

const PUT: &str = "store a space";

/// A space as its customer describes it, without Spacehook's own number of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceDraft {
    /// The building it is in.
    pub building_ref_id: BuildingRefId,
    /// The floor it is on, if the customer says so.
    pub floor_ref_id: Option<FloorRefId>,
    /// The customer's own name of it in that building.
    pub space_ref_id: SpaceRefId,
    /// What people call it.
    pub name: Option<String>,
    /// What is settled of it.
    pub settings: Settings,
}

impl SpaceDraft {
    /// The name of this space in its tenant.
    pub fn key(&self) -> SpaceKey {
        SpaceKey { building_ref_id: self.building_ref_id.clone(), space_ref_id: self.space_ref_id.clone() }
    }

    /// Whether it is stored so.
    fn is_as(&self, stored: &SpaceItem) -> bool {
        stored.floor_ref_id == self.floor_ref_id && stored.name == self.name && stored.settings == self.settings
    }
}

/// Why a space was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PutSpaceError {
    /// Its building is not there.
    #[error("there is no such building")]
    NoBuilding,
    /// Its floor is not there.
    #[error("there is no such floor in the building")]
    NoFloor,
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Stores a space in a building, and on a floor if one is named, that are there. A space that is there keeps its
    /// number and its sensors; a new one gets the tenant's next number, which is never given again.
    ///
    /// Costs 1 `GetItem` and 1 `TransactWriteItems` of 2 to 4 items (2 write units each), and 1 `UpdateItem` for a number.
    pub async fn put_space(&self, tenant: &TenantId, draft: &SpaceDraft) -> Result<(Space, Put), PutSpaceError> {
        let key = keys::space(tenant, &draft.key());
        let mut waits = Waits::of(&key);
        let mut number = None;
        loop {
            let stored = self.get_as::<SpaceItem>(PUT, &key).await?;
            let (item, put, writes) = match stored {
                Some(stored) if draft.is_as(&stored) => {
                    return Ok((stored.into(), Put::Updated));
                }
                Some(stored) => {
                    let writes = update_writes(tenant, &key, &stored, draft)?;
                    let item = SpaceItem {
                        floor_ref_id: draft.floor_ref_id.clone(),
                        name: draft.name.clone(),
                        settings: draft.settings.clone(),
                        ..stored
                    };
                    (item, Put::Updated, writes)
                }
                None => {
                    let space_id = match number {
                        Some(space_id) => space_id,
                        None => SpaceId(self.next_number(PUT, &keys::tenant(tenant), NEXT_SPACE_ID).await?),
                    };
                    number = Some(space_id);
                    let item = new_item(space_id, draft);
                    let writes = create_writes(tenant, &key, &item)?;
                    (item, Put::Created, writes)
                }
            };
            match self.transact(PUT, &key, writes).await? {
                Transacted::Done => return Ok((item.into(), put)),
                Transacted::Refused(parts) if parts.contains(&Part::Building) => return Err(PutSpaceError::NoBuilding),
                Transacted::Refused(parts) if parts.contains(&Part::Floor) => return Err(PutSpaceError::NoFloor),
                Transacted::Refused(_) => {}
            }
            if !waits.wait().await {
                return Err(Self::overtaken(PUT).into());
            }
        }
    }

    /// A space. Costs 1 `GetItem`.
    pub async fn space(&self, tenant: &TenantId, key: &SpaceKey) -> Result<Option<Space>, StoreError> {
        Ok(self.get_as::<SpaceItem>("read a space", &keys::space(tenant, key)).await?.map(Space::from))
    }

    /// The spaces of a building, by name. Costs 1 Query a page.
    pub async fn list_spaces(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        request: PageRequest,
    ) -> Result<Page<Space>, ListError> {
        let (pk, prefix) = (keys::tenant_partition(tenant), keys::space_prefix(building));
        let page: Page<SpaceItem> = self.page("list spaces", (&pk, &prefix), &request, Order::Forward).await?;
        Ok(page.map(Space::from))
    }

    /// The spaces of a tenant, by building and name. Costs 1 Query a page.
    pub async fn list_all_spaces(&self, tenant: &TenantId, request: PageRequest) -> Result<Page<Space>, ListError> {
        let pk = keys::tenant_partition(tenant);
        let list = (pk.as_str(), keys::SPACE_PREFIX);
        let page: Page<SpaceItem> = self.page("list the spaces of a tenant", list, &request, Order::Forward).await?;
        Ok(page.map(Space::from))
    }

    /// Deletes a space without sensors, and its state; false where there is none. Costs 1 `GetItem` and 1
    /// `TransactWriteItems` of 4 or 5 items.
    ///
    /// A reading that is being taken in meanwhile may leave a state behind. Nothing ever reads it: numbers of spaces are
    /// not given twice.
    pub async fn delete_space(&self, tenant: &TenantId, key: &SpaceKey) -> Result<bool, DeleteError> {
        const OPERATION: &str = "delete a space";
        let at = keys::space(tenant, key);
        let mut waits = Waits::of(&at);
        loop {
            let Some(stored) = self.get_as::<SpaceItem>(OPERATION, &at).await? else { return Ok(false) };
            if !stored.sensor_ids.is_empty() {
                return Err(DeleteError::InUse("sensors in the space"));
            }
            let delete = as_read(Write::delete(at.clone()), &stored).only_if(If::Without(SENSORS.into()));
            let building = Write::update(keys::building(tenant, &key.building_ref_id));
            let mut writes = vec![
                (Part::Space, delete),
                (Part::Other, Write::delete(keys::state(tenant, ObservedId::Space(stored.space_id)))),
                (Part::Other, building.count(SPACES, -1).only_if(If::Exists)),
                (Part::Tenant, registry_changed(tenant)),
            ];
            if let Some(floor) = &stored.floor_ref_id {
                writes.push((Part::Other, count_on_floor(tenant, &key.building_ref_id, floor, -1)));
            }
            if self.transact(OPERATION, &at, writes).await? == Transacted::Done {
                return Ok(true);
            }
            if !waits.wait().await {
                return Err(Self::overtaken(OPERATION).into());
            }
        }
    }
}

fn new_item(space_id: SpaceId, draft: &SpaceDraft) -> SpaceItem {
    SpaceItem {
        space_id,
        building_ref_id: draft.building_ref_id.clone(),
        floor_ref_id: draft.floor_ref_id.clone(),
        space_ref_id: draft.space_ref_id.clone(),
        name: draft.name.clone(),
        sensor_ids: BTreeSet::new(),
        settings: draft.settings.clone(),
    }
}

fn create_writes(tenant: &TenantId, key: &Key, item: &SpaceItem) -> Result<Vec<(Part, Write)>, StoreError> {
    let building = Write::update(keys::building(tenant, &item.building_ref_id));
    let mut writes = vec![
        (Part::Tenant, registry_changed(tenant)),
        (Part::Building, building.count(SPACES, 1).only_if(If::Exists)),
        (Part::Space, Write::put(key.clone(), to_item(key, item)?).only_if(If::Absent)),
    ];
    if let Some(floor) = &item.floor_ref_id {
        writes.push((Part::Floor, count_on_floor(tenant, &item.building_ref_id, floor, 1)));
    }
    Ok(writes)
}

/// An update, and not a put: the set of sensors may change meanwhile.
fn update_writes(
    tenant: &TenantId,
    key: &Key,
    stored: &SpaceItem,
    draft: &SpaceDraft,
) -> Result<Vec<(Part, Write)>, StoreError> {
    let settings = settings(&draft.settings).map_err(|error| StoreError::unwritable(key.clone(), error.to_string()))?;
    let update = Write::update(key.clone())
        .set_or_remove(NAME, draft.name.as_deref().map(text))
        .set_or_remove(SETTINGS, settings)
        .set_or_remove(FLOOR, draft.floor_ref_id.as_ref().map(|floor| text(floor.as_str())));
    let mut writes = vec![(Part::Tenant, registry_changed(tenant)), (Part::Space, as_read(update, stored))];
    if stored.floor_ref_id != draft.floor_ref_id {
        if let Some(floor) = &stored.floor_ref_id {
            writes.push((Part::Other, count_on_floor(tenant, &draft.building_ref_id, floor, -1)));
        }
        if let Some(floor) = &draft.floor_ref_id {
            writes.push((Part::Floor, count_on_floor(tenant, &draft.building_ref_id, floor, 1)));
        }
    }
    Ok(writes)
}

/// Only if the space is still the one that was read, on the floor that it was read on.
fn as_read(write: Write, stored: &SpaceItem) -> Write {
    write
        .only_if(If::Is(SPACE_ID.into(), number(stored.space_id)))
        .only_if(If::optional(FLOOR, stored.floor_ref_id.as_ref().map(|floor| text(floor.as_str()))))
}

fn count_on_floor(tenant: &TenantId, building: &BuildingRefId, floor: &FloorRefId, by: i64) -> Write {
    Write::update(keys::floor(tenant, building, floor)).count(SPACES, by).only_if(If::Exists)
}
