use super::{Fake, page};
use async_trait::async_trait;
use spacehook_api::ports::{Failed, KeyRecords, ListFailed};
use spacehook_domain::api_key::{ApiKey, KeyId};
use spacehook_domain::ids::TenantId;
use spacehook_store::{Page, PageRequest};

#[async_trait]
impl KeyRecords for Fake {
    async fn create_key(&self, key: &ApiKey) -> Result<bool, Failed> {
        self.perform("key.create", |contents| contents.keys.insert(key.id.clone(), key.clone()).is_none())
    }

    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, Failed> {
        self.perform("key.get", |contents| {
            contents.key_reads += 1;
            contents.keys.get(id).cloned()
        })
    }

    async fn list_keys(&self, tenant: &TenantId, request: PageRequest) -> Result<Page<ApiKey>, ListFailed> {
        let keys = self.perform("key.list", |contents| contents.keys.values().cloned().collect::<Vec<_>>())?;
        let keys: Vec<_> = keys.into_iter().filter(|key| key.tenant == *tenant).collect();
        page(&keys, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn delete_key(&self, tenant: &TenantId, id: &KeyId) -> Result<bool, Failed> {
        self.perform("key.delete", |contents| {
            let is_own = contents.keys.get(id).is_some_and(|key| key.tenant == *tenant);
            is_own && contents.keys.remove(id).is_some()
        })
    }
}
