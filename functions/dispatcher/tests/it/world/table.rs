//! The table, as far as the dispatcher sees it, with conditional changes that happen whole or not at all.

use super::Sabotage;
use spacehook_dispatcher::ports::{Changed, Overview};
use spacehook_domain::backlog::{Backlog, Change, Dead, Enlist, Kept, KeptKey, Lane, Replace};
use spacehook_domain::breaker::Breaker;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::{SubscriptionKey, TenantId};
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::{RateLimit, Subscription};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Actions of a DynamoDB transaction, at most.
const TRANSACTION_LIMIT: usize = 100;

/// What is kept of one subscription.
#[derive(Debug, Default)]
pub(crate) struct Partition {
    pub(crate) backlog: Option<Backlog>,
    pub(crate) lanes: BTreeMap<Stream, Lane>,
    pub(crate) kept: BTreeMap<KeptKey, Kept>,
    pub(crate) dead: Vec<Dead>,
    /// Since when the breaker has been open.
    pub(crate) opened_at: Option<Duration>,
    /// The run whose probe succeeded since: it goes on sending under its lease.
    pub(crate) probed_by: Option<usize>,
    /// Deliveries that were settled in the backlog: those that arrived, gave way, were discarded or died.
    pub(crate) settled: BTreeSet<KeptKey>,
}

impl Partition {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.backlog.is_none() && self.lanes.is_empty() && self.kept.is_empty()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) tenants: BTreeMap<TenantId, Overview>,
    pub(crate) subscriptions: BTreeMap<SubscriptionKey, Subscription>,
    pub(crate) partitions: BTreeMap<SubscriptionKey, Partition>,
    permits: BTreeMap<(SubscriptionKey, i64), u32>,
    puts: u64,
}

impl Table {
    /// Adds a subscription, or changes one: the version of its tenant rises with it.
    pub(crate) fn save(&mut self, subscription: Subscription) {
        self.tenants.entry(subscription.tenant.clone()).or_default().version += 1;
        self.subscriptions.insert(subscription.key(), subscription);
    }

    pub(crate) fn overview(&self, tenant: &TenantId) -> Overview {
        self.tenants.get(tenant).cloned().unwrap_or_default()
    }

    pub(crate) fn listed(&self, tenant: &TenantId, event_type: EventType) -> Vec<Subscription> {
        let of = |it: &&Subscription| it.tenant == *tenant && it.event_types.contains(&event_type);
        self.subscriptions.values().filter(of).cloned().collect()
    }

    pub(crate) fn partition(&mut self, key: &SubscriptionKey) -> &mut Partition {
        self.partitions.entry(key.clone()).or_default()
    }

    pub(crate) fn waiting(&mut self, key: &SubscriptionKey, stream: Stream, most: usize) -> Vec<Kept> {
        let of = |(place, _): &(&KeptKey, &Kept)| place.stream == stream;
        self.partition(key).kept.iter().filter(of).take(most).map(|(_, kept)| kept.clone()).collect()
    }

    /// Makes a change, if everything is as it was read. An error is a change that DynamoDB would refuse.
    pub(crate) fn change(
        &mut self,
        change: &Change,
        now: Duration,
        sabotage: Option<Sabotage>,
    ) -> Result<Changed, String> {
        fits_a_transaction(change)?;
        if sabotage != Some(Sabotage::VersionsIgnored) && !self.is_as_expected(change) {
            return Ok(Changed::Conflict);
        }
        if sabotage != Some(Sabotage::NoteDropped) {
            self.enlist(change)?;
        }
        let mut lost = BTreeSet::new();
        for kept in &change.put {
            self.puts += 1;
            if sabotage == Some(Sabotage::KeptLost) && self.puts.is_multiple_of(7) {
                lost.insert(KeptKey::of(&kept.event));
            }
        }
        let partition = self.partition(&change.subscription);
        if let Some(Replace { new, .. }) = &change.backlog {
            let is_open = new.as_ref().is_some_and(|new| matches!(new.breaker, Breaker::Open { .. }));
            if !is_open || partition.opened_at.is_none() {
                partition.probed_by = None;
            }
            partition.opened_at = if is_open { partition.opened_at.or(Some(now)) } else { None };
            partition.backlog.clone_from(new);
        }
        for (stream, Replace { new, .. }) in &change.lanes {
            match new {
                Some(lane) => partition.lanes.insert(*stream, lane.clone()),
                None => partition.lanes.remove(stream),
            };
        }
        for key in &change.delete {
            partition.kept.remove(key);
        }
        partition.settled.extend(change.delete.iter().copied());
        partition.settled.extend(change.bury.iter().map(|dead| KeptKey::of(&dead.event)));
        let put = change.put.iter().map(|kept| (KeptKey::of(&kept.event), kept.clone()));
        partition.kept.extend(put.filter(|(key, _)| !lost.contains(key)));
        partition.dead.extend(change.bury.iter().cloned());
        Ok(Changed::Yes)
    }

    fn is_as_expected(&self, change: &Change) -> bool {
        let partition = self.partitions.get(&change.subscription);
        let backlog = change.backlog.as_ref().is_none_or(|replace| {
            replace.expected == partition.and_then(|it| it.backlog.as_ref()).map(|backlog| backlog.version)
        });
        backlog
            && change.lanes.iter().all(|(stream, replace)| {
                replace.expected == partition.and_then(|it| it.lanes.get(stream)).map(|lane| lane.version)
            })
    }

    fn enlist(&mut self, change: &Change) -> Result<(), String> {
        let tenant = self.tenants.get_mut(&change.subscription.tenant).ok_or("the tenant has no item")?;
        match change.enlist {
            Some(Enlist::Add) => drop(tenant.backlogs.insert(change.subscription.id.clone())),
            Some(Enlist::Remove) => drop(tenant.backlogs.remove(&change.subscription.id)),
            None => {}
        }
        Ok(())
    }

    /// Takes permits of a second.
    pub(crate) fn permits(&mut self, key: &SubscriptionKey, limit: RateLimit, second: i64, wanted: u32) -> u32 {
        let taken = self.permits.entry((key.clone(), second)).or_default();
        let granted = wanted.min(limit.per_second().saturating_sub(*taken));
        *taken += granted;
        granted
    }

    /// Whether nothing waits anywhere, and no tenant notes that anything does. What waits while its subscription is
    /// disabled may go on waiting.
    pub(crate) fn is_quiet(&self) -> bool {
        self.partitions.values().all(Partition::is_empty) && self.tenants.values().all(|it| it.backlogs.is_empty())
    }
}

fn fits_a_transaction(change: &Change) -> Result<(), String> {
    let items = usize::from(change.backlog.is_some())
        + usize::from(change.enlist.is_some())
        + change.lanes.len()
        + change.put.len()
        + change.delete.len()
        + change.bury.len();
    if items > TRANSACTION_LIMIT {
        return Err(format!("a transaction of {items} actions; DynamoDB takes {TRANSACTION_LIMIT}"));
    }
    let lanes: BTreeSet<_> = change.lanes.iter().map(|(stream, _)| stream).collect();
    let put = change.put.iter().map(|kept| KeptKey::of(&kept.event));
    let kept: BTreeSet<_> = put.chain(change.delete.iter().copied()).collect();
    if lanes.len() < change.lanes.len() || kept.len() < change.put.len() + change.delete.len() {
        return Err(format!(
            "a transaction that names an item twice, which DynamoDB refuses: {:?}, {kept:?}",
            change.delete
        ));
    }
    Ok(())
}
