use super::{Fake, page};
use async_trait::async_trait;
use jiff::Timestamp;
use spacehook_api::ports::{Failed, KeyRecords, ListFailed};
use spacehook_domain::api_key::{ApiKey, KEYS_LIMIT, KeyId};
use spacehook_domain::ids::TenantId;
use spacehook_store::{KeyCreated, Page, PageRequest};

#[async_trait]
impl KeyRecords for Fake {
    async fn create_key(&self, key: &ApiKey) -> Result<KeyCreated, Failed> {
        self.perform("key.create", |contents| {
            let of_tenant = contents.keys.values().filter(|other| other.tenant == key.tenant).count();
            if of_tenant as u64 >= KEYS_LIMIT {
                return KeyCreated::Full;
            }
            match contents.keys.insert(key.id.clone(), key.clone()) {
                None => KeyCreated::Yes,
                Some(_) => KeyCreated::Conflict,
            }
        })
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

    async fn note_key_use(&self, read: &ApiKey, at: Timestamp) -> Result<(), Failed> {
        self.perform("key.use", |contents| {
            if let Some(key) = contents.keys.get_mut(&read.id) {
                key.last_used_at = Some(at);
            }
        })
    }
}
