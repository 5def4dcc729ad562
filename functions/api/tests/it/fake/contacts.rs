use super::Fake;
use async_trait::async_trait;
use spacehook_api::ports::{ContactRecords, Failed};
use spacehook_domain::ids::TenantId;
use spacehook_store::{Contacts, Saved};

#[async_trait]
impl ContactRecords for Fake {
    async fn contacts(&self, tenant: &TenantId) -> Result<Contacts, Failed> {
        self.perform("contacts.get", |contents| contents.contacts.get(tenant).cloned().unwrap_or_default())
    }

    async fn put_contacts(&self, tenant: &TenantId, after: &Contacts) -> Result<Saved, Failed> {
        self.perform("contacts.put", |contents| {
            // Somebody else is faster, as often as it was said; or it is ourselves, whose answer was lost.
            if let Some(faster) = contents.faster_contacts.pop() {
                contents.contacts.insert(tenant.clone(), faster);
            }
            let stored = contents.contacts.get(tenant).map_or(0, |contacts| contacts.revision);
            if stored + 1 != after.revision {
                return Saved::Conflict;
            }
            contents.contacts.insert(tenant.clone(), after.clone());
            Saved::Yes
        })
    }
}
