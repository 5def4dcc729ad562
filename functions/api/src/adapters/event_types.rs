//! Event types of tenants' own, in the table, and the queue of events that are published.

use crate::ports::{EventTypeRecords, Failed, Publisher};
use async_trait::async_trait;
use spacehook_domain::event::{CustomType, Event};
use spacehook_domain::ids::TenantId;
use spacehook_domain::own_type::{OwnType, OwnTypeVersion};
use spacehook_queues::EventQueue;
use spacehook_store::{Registered, Saved, Store};
use std::error::Error as _;

#[async_trait]
impl EventTypeRecords for Store {
    async fn register(&self, tenant: &TenantId, own: &OwnType, version: &OwnTypeVersion) -> Result<Registered, Failed> {
        Ok(self.register_event_type(tenant, own, version).await?)
    }

    async fn update(
        &self,
        tenant: &TenantId,
        after: &OwnType,
        version: Option<&OwnTypeVersion>,
    ) -> Result<Saved, Failed> {
        Ok(self.update_event_type(tenant, after, version).await?)
    }

    async fn event_type(&self, tenant: &TenantId, name: CustomType) -> Result<Option<OwnType>, Failed> {
        Ok(self.event_type(tenant, name).await?)
    }

    async fn event_types(&self, tenant: &TenantId) -> Result<Vec<OwnType>, Failed> {
        Ok(self.event_types(tenant).await?)
    }

    async fn version(
        &self,
        tenant: &TenantId,
        name: CustomType,
        version: u32,
    ) -> Result<Option<OwnTypeVersion>, Failed> {
        Ok(self.event_type_version(tenant, name, version).await?)
    }
}

#[async_trait]
impl Publisher for EventQueue {
    async fn publish(&self, events: &[Event]) -> Result<(), Failed> {
        self.send(events).await.map_err(|error| {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            Failed::Busy(format!("{error}: {cause}"))
        })
    }
}
