//! Keys of the management API. The table holds their digests only.

use crate::error::{ListError, StoreError};
use crate::item::{text, to_item};
use crate::page::{Page, PageRequest};
use crate::request::{Order, Written};
use crate::tenants::KEYS;
use crate::transaction::Transacted;
use crate::write::{If, Write};
use crate::{Store, keys};
use jiff::Timestamp;
use spacehook_domain::api_key::{ApiKey, KEYS_LIMIT, KeyId};
use spacehook_domain::ids::TenantId;

const LAST_USED_AT: &str = "last_used_at";

/// What came of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCreated {
    /// It is stored.
    Yes,
    /// Another has its id.
    Conflict,
    /// Its tenant has [`KEYS_LIMIT`] keys.
    Full,
}

impl Store {
    /// Stores a new key. Costs 1 `TransactWriteItems`: 6 write units, more where the tenant's item has more than 1 KB.
    pub async fn create_key(&self, key: &ApiKey) -> Result<KeyCreated, StoreError> {
        let (by_id, in_list) = (keys::api_key(&key.id), keys::api_key_entry(&key.tenant, &key.id));
        let put = |at: &keys::Key| Ok::<_, StoreError>(Write::put(at.clone(), to_item(at, key)?).only_if(If::Absent));
        let counted = counting(&key.tenant, 1).only_if(If::Below(KEYS.into(), KEYS_LIMIT));
        let (id, full) = (KeyCreated::Conflict, KeyCreated::Full);
        let writes = vec![(id, put(&by_id)?), (id, put(&in_list)?), (full, counted)];
        Ok(match self.transact("store an API key", &by_id, writes).await? {
            Transacted::Done => KeyCreated::Yes,
            Transacted::Refused(refused) if refused.contains(&KeyCreated::Full) => KeyCreated::Full,
            Transacted::Refused(_) => KeyCreated::Conflict,
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

    /// Notes when a key was used, unless somebody has done so since it was read, or deleted it. Costs 2 `UpdateItem`.
    pub async fn note_key_use(&self, read: &ApiKey, at: Timestamp) -> Result<(), StoreError> {
        let time = |at: Timestamp| text(at.to_string());
        let noted = |key: keys::Key| Write::update(key).set(LAST_USED_AT, time(at));
        let by_id = noted(keys::api_key(&read.id))
            .only_if(If::Exists)
            .only_if(If::optional(LAST_USED_AT, read.last_used_at.map(time)));
        if self.write("note the use of an API key", by_id).await? == Written::Done {
            let in_list = noted(keys::api_key_entry(&read.tenant, &read.id)).only_if(If::Exists);
            self.write("note the use of an API key in its list", in_list).await?;
        }
        Ok(())
    }

    /// Deletes a key of the tenant; false where it has none with this id. Costs 1 `TransactWriteItems`: 6 write units.
    pub async fn delete_key(&self, tenant: &TenantId, id: &KeyId) -> Result<bool, StoreError> {
        let in_list = keys::api_key_entry(tenant, id);
        // The entry in the tenant's list is what proves that the key is the tenant's.
        let writes = vec![
            ((), Write::delete(in_list.clone()).only_if(If::Exists)),
            ((), Write::delete(keys::api_key(id))),
            ((), counting(tenant, -1)),
        ];
        Ok(self.transact("delete an API key", &in_list, writes).await? == Transacted::Done)
    }
}

/// The write that counts a tenant's keys.
fn counting(tenant: &TenantId, by: i64) -> Write {
    Write::update(keys::tenant(tenant)).count(KEYS, by)
}
