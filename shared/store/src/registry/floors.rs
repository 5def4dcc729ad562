//! Floors of buildings.

use super::item::{FLOORS, FloorItem, NAME, SPACES};
use super::{DeleteError, Part, Put};
use crate::backoff::Waits;
use crate::error::{ListError, StoreError};
use crate::item::{number, text, to_item};
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::tenants::registry_changed;
use crate::transaction::Transacted;
use crate::write::{If, Write};
use crate::{Store, keys};
use spacehook_domain::ids::{BuildingRefId, FloorRefId, TenantId};
use spacehook_domain::place::Floor;

/// Why a floor was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PutFloorError {
    /// Its building is not there.
    #[error("there is no such building")]
    NoBuilding,
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Stores a floor of a building that is there. Costs 1 `GetItem` and 1 `TransactWriteItems` of 3 items (2 where the floor
    /// is there): 2 write units each.
    pub async fn put_floor(&self, tenant: &TenantId, floor: &Floor) -> Result<Put, PutFloorError> {
        const OPERATION: &str = "store a floor";
        let key = keys::floor(tenant, &floor.building_ref_id, &floor.floor_ref_id);
        let mut waits = Waits::of(&key);
        loop {
            let mut writes = vec![(Part::Tenant, registry_changed(tenant))];
            let put = match self.get_as::<FloorItem>(OPERATION, &key).await? {
                Some(stored) if stored.name == floor.name => return Ok(Put::Updated),
                Some(_) => {
                    let name = floor.name.as_deref().map(text);
                    let update = Write::update(key.clone()).set_or_remove(NAME, name);
                    writes.push((Part::Floor, update.only_if(If::Exists)));
                    Put::Updated
                }
                None => {
                    let building = Write::update(keys::building(tenant, &floor.building_ref_id));
                    writes.push((Part::Building, building.count(FLOORS, 1).only_if(If::Exists)));
                    let item = FloorItem {
                        building_ref_id: floor.building_ref_id.clone(),
                        floor_ref_id: floor.floor_ref_id.clone(),
                        name: floor.name.clone(),
                        spaces: 0,
                    };
                    writes.push((Part::Floor, Write::put(key.clone(), to_item(&key, &item)?).only_if(If::Absent)));
                    Put::Created
                }
            };
            match self.transact(OPERATION, &key, writes).await? {
                Transacted::Done => return Ok(put),
                Transacted::Refused(parts) if parts.contains(&Part::Building) => return Err(PutFloorError::NoBuilding),
                Transacted::Refused(_) => {}
            }
            if !waits.wait().await {
                return Err(Self::overtaken(OPERATION).into());
            }
        }
    }

    /// A floor. Costs 1 `GetItem`.
    pub async fn floor(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        id: &FloorRefId,
    ) -> Result<Option<Floor>, StoreError> {
        let item = self.get_as::<FloorItem>("read a floor", &keys::floor(tenant, building, id)).await?;
        Ok(item.map(Floor::from))
    }

    /// The floors of a building, by name. Costs 1 Query a page.
    pub async fn list_floors(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        request: PageRequest,
    ) -> Result<Page<Floor>, ListError> {
        let (pk, prefix) = (keys::tenant_partition(tenant), keys::floor_prefix(building));
        let page: Page<FloorItem> = self.page("list floors", (&pk, &prefix), &request, Order::Forward).await?;
        Ok(page.map(Floor::from))
    }

    /// Deletes a floor without spaces; false where there is none. Costs 1 `GetItem` and 1 `TransactWriteItems` of 3 items.
    pub async fn delete_floor(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        id: &FloorRefId,
    ) -> Result<bool, DeleteError> {
        const OPERATION: &str = "delete a floor";
        let key = keys::floor(tenant, building, id);
        let mut waits = Waits::of(&key);
        loop {
            let Some(stored) = self.get_as::<FloorItem>(OPERATION, &key).await? else { return Ok(false) };
            if stored.spaces > 0 {
                return Err(DeleteError::InUse("spaces on the floor"));
            }
            let writes = vec![
                (Part::Floor, Write::delete(key.clone()).only_if(If::Is(SPACES.into(), number(0)))),
                (Part::Other, Write::update(keys::building(tenant, building)).count(FLOORS, -1).only_if(If::Exists)),
                (Part::Tenant, registry_changed(tenant)),
            ];
            if self.transact(OPERATION, &key, writes).await? == Transacted::Done {
                return Ok(true);
            }
            if !waits.wait().await {
                return Err(Self::overtaken(OPERATION).into());
            }
        }
    }
}
