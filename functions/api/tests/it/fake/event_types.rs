use super::Fake;
use async_trait::async_trait;
use spacehook_api::ports::{EventTypeRecords, Failed, Publisher};
use spacehook_domain::event::{CustomType, Event};
use spacehook_domain::ids::TenantId;
use spacehook_domain::own_type::{OWN_TYPES_LIMIT, OwnType, OwnTypeVersion};
use spacehook_store::{Registered, Saved};

#[async_trait]
impl EventTypeRecords for Fake {
    async fn register(&self, tenant: &TenantId, own: &OwnType, version: &OwnTypeVersion) -> Result<Registered, Failed> {
        self.perform("event_type.register", |contents| {
            let key = (tenant.clone(), own.name);
            if contents.event_types.contains_key(&key) {
                return Registered::NameTaken;
            }
            let of_tenant = contents.event_types.keys().filter(|(owner, _)| owner == tenant).count();
            if of_tenant as u64 >= OWN_TYPES_LIMIT {
                return Registered::LimitReached;
            }
            contents.event_types.insert(key, own.clone());
            contents.versions.insert((tenant.clone(), own.name, version.version), version.clone());
            Registered::Yes
        })
    }

    async fn update(
        &self,
        tenant: &TenantId,
        after: &OwnType,
        version: Option<&OwnTypeVersion>,
    ) -> Result<Saved, Failed> {
        self.perform("event_type.update", |contents| {
            let key = (tenant.clone(), after.name);
            let stored = contents.event_types.get(&key).map(|stored| stored.revision);
            if stored != Some(after.revision - 1) {
                return Saved::Conflict;
            }
            contents.event_types.insert(key, after.clone());
            if let Some(version) = version {
                contents.versions.insert((tenant.clone(), after.name, version.version), version.clone());
            }
            Saved::Yes
        })
    }

    async fn event_type(&self, tenant: &TenantId, name: CustomType) -> Result<Option<OwnType>, Failed> {
        self.perform("event_type.get", |contents| contents.event_types.get(&(tenant.clone(), name)).cloned())
    }

    async fn event_types(&self, tenant: &TenantId) -> Result<Vec<OwnType>, Failed> {
        self.perform("event_type.list", |contents| {
            let of_tenant = contents.event_types.iter().filter(|((owner, _), _)| owner == tenant);
            of_tenant.map(|(_, own)| own.clone()).collect()
        })
    }

    async fn version(
        &self,
        tenant: &TenantId,
        name: CustomType,
        version: u32,
    ) -> Result<Option<OwnTypeVersion>, Failed> {
        self.perform("event_type.version", |contents| contents.versions.get(&(tenant.clone(), name, version)).cloned())
    }
}

#[async_trait]
impl Publisher for Fake {
    async fn publish(&self, events: &[Event]) -> Result<(), Failed> {
        self.perform("events.publish", |contents| contents.published.extend_from_slice(events))
    }
}
