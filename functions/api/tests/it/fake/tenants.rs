use super::{Fake, page};
use async_trait::async_trait;
use jiff::Timestamp;
use spacehook_api::ports::{Failed, ListFailed, TenantRecords};
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::tenant::Tenant;
use spacehook_store::{Page, PageRequest, RawPayload, RawPayloadFilter, Saved, TenantUsage};
use std::collections::BTreeSet;

#[async_trait]
impl TenantRecords for Fake {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, Failed> {
        self.perform("tenant.get", |contents| contents.tenants.get(id).cloned())
    }

    async fn put_tenant(&self, after: &Tenant) -> Result<Saved, Failed> {
        self.perform("tenant.put", |contents| {
            if contents.rival_operators > 0 {
                contents.rival_operators -= 1;
                let stored =
                    contents.tenants.entry(after.id.clone()).or_insert_with(|| Tenant::unrecorded(after.id.clone()));
                *stored = stored.changed(stored.updated_at.unwrap_or_default(), |it| it.name.push('!'));
            }
            if contents.tenants.get(&after.id).map_or(0, |stored| stored.revision) + 1 != after.revision {
                return Saved::Conflict;
            }
            contents.tenants.insert(after.id.clone(), after.clone());
            Saved::Yes
        })
    }

    async fn list_tenants(
        &self,
        request: PageRequest,
        also: &Tenant,
        suspended: Option<bool>,
    ) -> Result<Page<Tenant>, ListFailed> {
        let mut all = self.perform("tenant.list", |contents| contents.tenants.clone())?;
        all.entry(also.id.clone()).or_insert_with(|| also.clone());
        let wanted = |tenant: &Tenant| suspended.is_none_or(|suspended| tenant.is_suspended() == suspended);
        let all: Vec<_> = all.into_values().filter(wanted).collect();
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn usage(&self, id: &TenantId) -> Result<TenantUsage, Failed> {
        self.perform("tenant.usage", |contents| TenantUsage {
            subscriptions: contents.subscriptions.keys().filter(|(tenant, _)| tenant == id).count() as u64,
            api_keys: contents.keys.values().filter(|key| key.tenant == *id).count() as u64,
        })
    }

    async fn list_raw_payloads(
        &self,
        id: &TenantId,
        filter: &RawPayloadFilter,
        _: Timestamp,
        request: PageRequest,
    ) -> Result<Page<RawPayload>, ListFailed> {
        let all = self.perform("raw_payload.list", |contents| contents.raw_payloads.clone())?;
        let wanted = |raw: &RawPayload| {
            filter.sensor_id.as_ref().is_none_or(|sensor| *sensor == raw.sensor_id)
                && filter.profile.as_ref().is_none_or(|profile| *profile == raw.profile)
        };
        let all: Vec<_> =
            all.into_iter().filter(|(tenant, raw)| tenant == id && wanted(raw)).map(|(_, raw)| raw).collect();
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn delete_raw_payloads(&self, id: &TenantId) -> Result<(), Failed> {
        self.perform("raw_payload.delete", |contents| contents.raw_payloads.retain(|(tenant, _)| tenant != id))
    }

    async fn with_backlog(&self, id: &TenantId) -> Result<BTreeSet<SubscriptionId>, Failed> {
        self.perform("tenant.backlogs", |contents| {
            contents.backlogs.keys().filter(|key| key.tenant == *id).map(|key| key.id.clone()).collect()
        })
    }
}
