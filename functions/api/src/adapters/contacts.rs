//! The contacts of tenants, in the table.

use crate::ports::{ContactRecords, Failed};
use async_trait::async_trait;
use spacehook_domain::ids::TenantId;
use spacehook_store::{Contacts, Saved, Store};

#[async_trait]
impl ContactRecords for Store {
    async fn contacts(&self, tenant: &TenantId) -> Result<Contacts, Failed> {
        Ok(self.contacts(tenant).await?)
    }

    async fn put_contacts(&self, tenant: &TenantId, after: &Contacts) -> Result<Saved, Failed> {
        Ok(self.put_contacts(tenant, after).await?)
    }
}
