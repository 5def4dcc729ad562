//! The subscriptions of tenants, kept in memory under the version of their tenant.
//!
//! Every change of a subscription raises its tenant's version in the same transaction, and every batch reads that
//! version, strongly consistent, before it uses what is kept. So a change holds from the next batch on, and a batch
//! costs one read a tenant, however many subscriptions there are.

use crate::ports::{Fault, World};
use spacehook_domain::event::EventType;
use spacehook_domain::ids::TenantId;
use spacehook_domain::subscription::Subscription;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Tenants kept, at most.
const TENANTS_LIMIT: usize = 200;

/// All subscriptions of a tenant to one type.
pub type Listed = Arc<[Arc<Subscription>]>;

/// What is kept between batches.
#[derive(Debug, Default)]
pub struct Subscriptions {
    kept: Mutex<HashMap<TenantId, Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    version: u64,
    by_type: HashMap<EventType, Listed>,
}

/// What a batch works with: by tenant and type, the subscriptions, or why they could not be read.
pub type Snapshot = BTreeMap<(TenantId, EventType), Result<Listed, Arc<str>>>;

impl Subscriptions {
    /// The subscriptions as they are now, for these tenants and types. One tenant's fault is not another's.
    pub async fn snapshot<W: World>(&self, world: &W, wanted: &BTreeSet<(TenantId, EventType)>) -> Snapshot {
        let tenants: BTreeSet<&TenantId> = wanted.iter().map(|(tenant, _)| tenant).collect();
        let each = tenants.into_iter().map(|tenant| async move {
            let version = world.version(tenant).await;
            let types = wanted.iter().filter(|(of, _)| of == tenant).map(|(_, event_type)| *event_type);
            let mut found = Vec::new();
            for event_type in types {
                let listed = match &version {
                    Ok(version) => self.listed(world, tenant, *version, event_type).await.map_err(|fault| told(&fault)),
                    Err(fault) => Err(told(fault)),
                };
                found.push(((tenant.clone(), event_type), listed));
            }
            found
        });
        futures::future::join_all(each).await.into_iter().flatten().collect()
    }

    async fn listed<W: World>(
        &self,
        world: &W,
        tenant: &TenantId,
        version: u64,
        event_type: EventType,
    ) -> Result<Listed, Fault> {
        if let Some(listed) = self.recall(tenant, version, event_type) {
            return Ok(listed);
        }
        let read = world.subscriptions(tenant, event_type).await?;
        let listed: Listed = read.into_iter().map(Arc::new).collect();
        self.keep(tenant, version, event_type, listed.clone());
        Ok(listed)
    }

    fn recall(&self, tenant: &TenantId, version: u64, event_type: EventType) -> Option<Listed> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(tenant).filter(|kept| kept.version == version)?.by_type.get(&event_type).cloned()
    }

    fn keep(&self, tenant: &TenantId, version: u64, event_type: EventType, listed: Listed) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= TENANTS_LIMIT && !kept.contains_key(tenant) {
            kept.clear();
        }
        let of_tenant = kept.entry(tenant.clone()).or_default();
        if of_tenant.version != version {
            *of_tenant = Kept { version, by_type: HashMap::new() };
        }
        of_tenant.by_type.insert(event_type, listed);
    }
}

fn told(fault: &Fault) -> Arc<str> {
    let source = fault.source().map(|source| format!(": {source}")).unwrap_or_default();
    format!("{fault}{source}").into()
}
