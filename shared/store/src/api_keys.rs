//! Keys of the management API. The table holds their digests only.

use crate::error::{ListError, StoreError};
use crate::item::to_item;
use crate::keys;
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::transaction::Transacted;
use crate::write::{If, Write};
use crate::{Saved, Store};
use spacehook_domain::api_key::{ApiKey, KeyId};
use spacehook_domain::ids::TenantId;

impl Store {
    /// Stores a new key; a conflict where one has its id. Costs 1 `TransactWriteItems`: 4 write units.
    pub async fn create_key(&self, key: &ApiKey) -> Result<Saved, StoreError> {
        let (by_id, in_list) = (keys::api_key(&key.id), keys::api_key_entry(&key.tenant, &key.id));
        let put = |at: &keys::Key| Ok::<_, StoreError>(Write::put(at.clone(), to_item(at, key)?).only_if(If::Absent));
        let writes = vec![((), put(&by_id)?), ((), put(&in_list)?)];
        Ok(match self.transact("store an API key", &by_id, writes).await? {
            Transacted::Done => Saved::Yes,
            Transacted::Refused(_) => Saved::Conflict,
        })
    }

    /// The key with this id. Costs 1 `GetItem`.
    pub async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.get_as("read an API key", &keys::api_key(id)).await
    }

    /// The keys of a tenant, by id. Costs 1 Query a page.
    pub async fn list_keys(&self, tenant: &TenantId, request: PageRequest) -> Result<Page<ApiKey>, ListError> {
        let pk = keys::tenant_partition(tenant);
        self.page("list API keys", (&pk, keys::API_KEY_PREFIX), &request, Order::Forward).await
    }

    /// Deletes a key of the tenant; false where it has none with this id. Costs 1 `TransactWriteItems`: 4 write units.
    pub async fn delete_key(&self, tenant: &TenantId, id: &KeyId) -> Result<bool, StoreError> {
        let in_list = keys::api_key_entry(tenant, id);
        // The entry in the tenant's list is what proves that the key is the tenant's.
        let writes =
            vec![((), Write::delete(in_list.clone()).only_if(If::Exists)), ((), Write::delete(keys::api_key(id)))];
        Ok(self.transact("delete an API key", &in_list, writes).await? == Transacted::Done)
    }
}
