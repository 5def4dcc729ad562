//! The subscriptions of tenants, kept in memory under the version of their tenant.
//!
//! Every change of a subscription raises its tenant's version in the same transaction, and every batch reads that
//! version, strongly consistent, before it uses what is kept. So a change holds from the next batch on, and a batch
//! costs one read a tenant (two where a list is read), however many subscriptions there are. What is kept is read again after [`KEPT`] all the
//! same: a list that is read in the very moment of a change may be of before it, though the version was of after.
//!
//! The same read tells which subscriptions have a backlog. So those that have none cost nothing more.

use crate::ports::{Fault, Overview, World};
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::event::EventType;
use spacehook_domain::ids::TenantId;
use spacehook_domain::subscription::Subscription;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Tenants kept, at most.
const TENANTS_LIMIT: usize = 200;

/// How often a list is read that changes while it is.
const TRIES: u32 = 5;

/// How long a list is kept. [`spacehook_domain::backlog::LINGER`] counts on it.
const KEPT: SignedDuration = SignedDuration::from_secs(30);

/// All subscriptions of a tenant to one type.
pub(crate) type Listed = Arc<[Arc<Subscription>]>;

/// What is kept between batches.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    kept: Mutex<HashMap<TenantId, Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    version: u64,
    by_type: HashMap<EventType, (Timestamp, Listed)>,
}

/// What a batch works with, of one tenant.
#[derive(Debug)]
pub(crate) struct OfTenant {
    /// What was read of the tenant.
    pub(crate) overview: Overview,
    /// By type, the subscriptions, or why they could not be read.
    pub(crate) listed: BTreeMap<EventType, Result<Listed, Arc<str>>>,
}

/// What a batch works with: by tenant, or why the tenant could not be read.
pub(crate) type Snapshot = BTreeMap<TenantId, Result<OfTenant, Arc<str>>>;

impl Subscriptions {
    /// The subscriptions as they are now, for these tenants and types. One tenant's fault is not another's.
    pub(crate) async fn snapshot<W: World>(
        &self,
        world: &W,
        wanted: &BTreeMap<TenantId, BTreeSet<EventType>>,
    ) -> Snapshot {
        let each = wanted.iter().map(|(tenant, types)| async move {
            let of_tenant = self.of_tenant(world, tenant, types).await.map_err(|fault| told(&fault));
            (tenant.clone(), of_tenant)
        });
        futures::future::join_all(each).await.into_iter().collect()
    }

    /// What is kept of a tenant, read where it is not. The version is read again after a list was: what it says of
    /// backlogs must not be older than the list, else a subscription that was enabled between the two would seem to
    /// have nothing that waits.
    async fn of_tenant<W: World>(
        &self,
        world: &W,
        tenant: &TenantId,
        types: &BTreeSet<EventType>,
    ) -> Result<OfTenant, Fault> {
        let mut overview = world.overview(tenant).await?;
        for _ in 0..TRIES {
            let mut listed = BTreeMap::new();
            let mut is_read = false;
            for event_type in types {
                let kept = self.recall(tenant, overview.version, *event_type, world.now());
                is_read |= kept.is_none();
                let of_type = match kept {
                    Some(kept) => Ok(kept),
                    None => self.read(world, tenant, overview.version, *event_type).await.map_err(|fault| told(&fault)),
                };
                listed.insert(*event_type, of_type);
            }
            if !is_read {
                return Ok(OfTenant { overview, listed });
            }
            let after = world.overview(tenant).await?;
            if after.version == overview.version {
                return Ok(OfTenant { overview: after, listed });
            }
            overview = after;
        }
        Err("the subscriptions keep changing".into())
    }

    async fn read<W: World>(
        &self,
        world: &W,
        tenant: &TenantId,
        version: u64,
        event_type: EventType,
    ) -> Result<Listed, Fault> {
        let now = world.now();
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
