//! Tenants, in the table.

use crate::ports::{Failed, ListFailed, TenantRecords};
use async_trait::async_trait;
use jiff::Timestamp;
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::tenant::Tenant;
use spacehook_store::{Page, PageRequest, RawPayload, RawPayloadFilter, Saved, Store, TenantUsage};
use std::collections::BTreeSet;

#[async_trait]
impl TenantRecords for Store {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, Failed> {
        Ok(self.tenant(id).await?)
    }

    async fn put_tenant(&self, after: &Tenant) -> Result<Saved, Failed> {
        Ok(self.put_tenant(after).await?)
    }

    async fn list_tenants(
        &self,
        page: PageRequest,
        also: &Tenant,
        suspended: Option<bool>,
    ) -> Result<Page<Tenant>, ListFailed> {
        let wanted = |tenant: &Tenant| suspended.is_none_or(|suspended| tenant.is_suspended() == suspended);
        Ok(self.list_tenants(&page, also, wanted).await?)
    }

    async fn usage(&self, id: &TenantId) -> Result<TenantUsage, Failed> {
        Ok(self.tenant_usage(id).await?)
    }

    async fn list_raw_payloads(
        &self,
        id: &TenantId,
        filter: &RawPayloadFilter,
        now: Timestamp,
        page: PageRequest,
    ) -> Result<Page<RawPayload>, ListFailed> {
        Ok(self.list_raw_payloads(id, filter, now, &page).await?)
    }

    async fn delete_raw_payloads(&self, id: &TenantId) -> Result<(), Failed> {
        Ok(self.delete_raw_payloads(id).await?)
    }

    async fn with_backlog(&self, id: &TenantId) -> Result<BTreeSet<SubscriptionId>, Failed> {
        Ok(self.tenant_overview(id).await?.backlogs)
    }
}
