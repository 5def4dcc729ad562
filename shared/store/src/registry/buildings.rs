//! Buildings.

use super::item::{BuildingItem, FLOORS, NAME, SENSOR_GROUPS, SETTINGS, SPACES, settings};
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
use spacehook_domain::ids::{BuildingRefId, TenantId};
use spacehook_domain::place::Building;

impl Store {
    /// Stores a building. Costs 1 `GetItem` and 1 `TransactWriteItems` of 2 items: 4 write units.
    pub async fn put_building(&self, tenant: &TenantId, building: &Building) -> Result<Put, StoreError> {
        const OPERATION: &str = "store a building";
        let key = keys::building(tenant, &building.building_ref_id);
        let mut waits = Waits::of(&key);
        loop {
            let (put, write) = match self.get_as::<BuildingItem>(OPERATION, &key).await? {
                Some(stored) if stored.name == building.name && stored.settings == building.settings => {
                    return Ok(Put::Updated);
                }
                Some(_) => {
                    let name = building.name.as_deref().map(text);
                    let settings = settings(&building.settings)
                        .map_err(|error| StoreError::unwritable(key.clone(), error.to_string()))?;
                    let update = Write::update(key.clone()).set_or_remove(NAME, name).set_or_remove(SETTINGS, settings);
                    (Put::Updated, update.only_if(If::Exists))
                }
                None => {
                    let item = BuildingItem {
                        building_ref_id: building.building_ref_id.clone(),
                        name: building.name.clone(),
                        floors: 0,
                        spaces: 0,
                        sensor_groups: 0,
                        settings: building.settings.clone(),
                    };
                    (Put::Created, Write::put(key.clone(), to_item(&key, &item)?).only_if(If::Absent))
                }
            };
            let writes = vec![(Part::Building, write), (Part::Tenant, registry_changed(tenant))];
            if self.transact(OPERATION, &key, writes).await? == Transacted::Done {
                return Ok(put);
            }
            if !waits.wait().await {
                return Err(Self::overtaken(OPERATION));
            }
        }
    }

    /// A building. Costs 1 `GetItem`.
    pub async fn building(&self, tenant: &TenantId, id: &BuildingRefId) -> Result<Option<Building>, StoreError> {
        let item = self.get_as::<BuildingItem>("read a building", &keys::building(tenant, id)).await?;
        Ok(item.map(Building::from))
    }

    /// The buildings of a tenant, by name. Costs 1 Query a page.
    pub async fn list_buildings(&self, tenant: &TenantId, request: PageRequest) -> Result<Page<Building>, ListError> {
        let pk = keys::tenant_partition(tenant);
        let list = (pk.as_str(), keys::BUILDING_PREFIX);
        let page: Page<BuildingItem> = self.page("list buildings", list, &request, Order::Forward).await?;
        Ok(page.map(Building::from))
    }

    /// Deletes an empty building; false where there is none. Costs 1 `GetItem` and 1 `TransactWriteItems` of 2 items.
    pub async fn delete_building(&self, tenant: &TenantId, id: &BuildingRefId) -> Result<bool, DeleteError> {
        const OPERATION: &str = "delete a building";
        let key = keys::building(tenant, id);
        let mut waits = Waits::of(&key);
        loop {
            let Some(stored) = self.get_as::<BuildingItem>(OPERATION, &key).await? else { return Ok(false) };
            if stored.floors > 0 {
                return Err(DeleteError::InUse("floors in the building"));
            }
            if stored.spaces > 0 {
                return Err(DeleteError::InUse("spaces in the building"));
            }
            if stored.sensor_groups > 0 {
                return Err(DeleteError::InUse("groups of sensors in the building"));
            }
            let delete = Write::delete(key.clone())
                .only_if(If::Is(FLOORS.into(), number(0)))
                .only_if(If::Is(SPACES.into(), number(0)))
                .only_if(If::Below(SENSOR_GROUPS.into(), 1));
            let writes = vec![(Part::Building, delete), (Part::Tenant, registry_changed(tenant))];
            if self.transact(OPERATION, &key, writes).await? == Transacted::Done {
                return Ok(true);
            }
            if !waits.wait().await {
                return Err(Self::overtaken(OPERATION).into());
            }
        }
    }
}
