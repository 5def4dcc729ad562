//! The subscriptions of tenants, kept in memory under the version of their tenant.
//!
//! Every change of a subscription raises its tenant's version in the same transaction, and every batch reads that
//! version, strongly consistent, before it uses what is kept. So a change holds from the next batch on, and a batch
//! costs one read a tenant, however many subscriptions there are. What is kept is read again after [`KEPT`] all the
//! same: a list that is read in the very moment of a change may be of before it, though the version was of after.

use crate::ports::{Fault, World};
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::event::EventType;
use spacehook_domain::ids::TenantId;
use spacehook_domain::subscription::Subscription;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Tenants kept, at most.
const TENANTS_LIMIT: usize = 200;

/// How long a list is kept.
const KEPT: SignedDuration = SignedDuration::from_secs(30);

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
    by_type: HashMap<EventType, (Timestamp, Listed)>,
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
        let now = world.now();
        if let Some(listed) = self.recall(tenant, version, event_type, now) {
            return Ok(listed);
        }
        let read = world.subscriptions(tenant, event_type).await?;
        let listed: Listed = read.into_iter().map(Arc::new).collect();
        self.keep(tenant, version, event_type, (now, listed.clone()));
        Ok(listed)
    }

    fn recall(&self, tenant: &TenantId, version: u64, event_type: EventType, now: Timestamp) -> Option<Listed> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = kept.get(tenant).filter(|kept| kept.version == version)?;
        let (read_at, listed) = of_tenant.by_type.get(&event_type)?;
        (now.duration_since(*read_at) < KEPT).then(|| listed.clone())
    }

    fn keep(&self, tenant: &TenantId, version: u64, event_type: EventType, listed: (Timestamp, Listed)) {
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
