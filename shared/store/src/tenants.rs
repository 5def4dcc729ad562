//! A tenant's versions and counters.

use crate::error::StoreError;
use crate::item::{Item, counter};
use crate::write::Write;
use crate::{Store, keys};
use spacehook_domain::event::EventType;
use spacehook_domain::ids::TenantId;
use std::collections::BTreeSet;

pub(crate) const VERSION: &str = "version";
pub(crate) const REGISTRY_VERSION: &str = "registry_version";
pub(crate) const NEXT_SPACE_ID: &str = "next_space_id";

/// What there is to know of a tenant before anything of it is read. A tenant that nothing was stored for has zeros.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantOverview {
    /// One more with each change of a subscription: what is cached of subscriptions holds for one version.
    pub version: u64,
    /// One more with each change of a building, floor, space or sensor.
    pub registry_version: u64,
    /// The event types that at least one subscription, enabled or not, asks for.
    pub subscribed: BTreeSet<EventType>,
}

impl Store {
    /// A tenant's versions and what is subscribed. Costs 1 `GetItem`.
    pub async fn tenant_overview(&self, tenant: &TenantId) -> Result<TenantOverview, StoreError> {
        let Some(item) = self.get("read a tenant", &keys::tenant(tenant)).await? else {
            return Ok(TenantOverview::default());
        };
        let mut subscribed = BTreeSet::new();
        for event_type in EventType::ALL {
            if subscriptions(&item, event_type)? > 0 {
                subscribed.insert(event_type);
            }
        }
        Ok(TenantOverview {
            version: counter(&item, VERSION)?,
            registry_version: counter(&item, REGISTRY_VERSION)?,
            subscribed,
        })
    }
}

/// The counter of a tenant's subscriptions to a type.
pub(crate) fn subscriptions_counter(event_type: EventType) -> String {
    format!("n_{event_type}")
}

/// How many subscriptions to a type the tenant has.
pub(crate) fn subscriptions(tenant: &Item, event_type: EventType) -> Result<u64, StoreError> {
    counter(tenant, &subscriptions_counter(event_type))
}

/// What every change of buildings, floors, spaces and sensors does to the tenant.
pub(crate) fn registry_changed(tenant: &TenantId) -> Write {
    Write::update(keys::tenant(tenant)).count(REGISTRY_VERSION, 1)
}
