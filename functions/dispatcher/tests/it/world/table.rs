//! The table, as far as the dispatcher sees it, with conditional changes that happen whole or not at all.

use super::Sabotage;
use jiff::Timestamp;
use spacehook_dispatcher::ports::{Advanced, Changed, Overview};
use spacehook_domain::backlog::{Backlog, Change, Dead, Enlist, Kept, KeptKey, Lane, Replace};
use spacehook_domain::breaker::Breaker;
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::{EventId, SubscriptionKey, TenantId};
use spacehook_domain::job::{Job, JobKey};
use spacehook_domain::kept_events::{Merge, Pack, Position, Scanned, Unpacked, Window};
use spacehook_domain::place::{Space, SpaceKey};
use spacehook_domain::space_state::SpaceState;
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::{RateLimit, Subscription};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Actions of a DynamoDB transaction, at most.
const TRANSACTION_LIMIT: usize = 100;

/// Items that one call deletes of a subscription that is gone, at most.
const PURGED_AT_ONCE: usize = 5;

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
    pub(crate) jobs: BTreeMap<JobKey, Job>,
    /// Packs of kept events, by where they stand.
    pub(crate) packs: BTreeMap<(TenantId, Timestamp, u64), Vec<Event>>,
    /// Spaces with their states, by name.
    pub(crate) spaces: BTreeMap<(TenantId, SpaceKey), (Space, SpaceState)>,
    permits: BTreeMap<(SubscriptionKey, i64), u32>,
    puts: u64,
    /// Parts of jobs that were tried.
    parts: u64,
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

    /// Deletes some of what is kept of a subscription, all but its backlog; true once nothing is left.
    pub(crate) fn purge(&mut self, key: &SubscriptionKey) -> bool {
        let partition = self.partition(key);
        for _ in 0..PURGED_AT_ONCE {
            let gone = partition.dead.pop().is_some()
                || partition.kept.pop_first().is_some()
                || partition.lanes.pop_first().is_some();
            if !gone {
                return true;
            }
        }
        false
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

    /// Keeps packs of events.
    pub(crate) fn keep(&mut self, packs: &[Pack]) {
        for pack in packs {
            let events = serde_json::from_str(&pack.json).unwrap();
            let number = self.packs.len() as u64;
            self.packs.insert((pack.tenant.clone(), pack.from, number), events);
        }
    }

    /// A part of what is kept of a tenant, as the store finds it: until something is in order, and a few packs more.
    pub(crate) fn scan(&self, tenant: &TenantId, window: Window, position: &Position, most: usize) -> Scanned {
        let mut merge = Merge::new(window, position);
        let of = |((of, from, _), _): &(&(TenantId, Timestamp, u64), &Vec<Event>)| {
            of == tenant && *from >= position.from && *from < window.until
        };
        let mut packs = self.packs.iter().filter(of).peekable();
        let mut looked_at = 0;
        while let Some(((_, from, _), events)) = packs.peek() {
            let ready = merge.ready(*from);
            if ready >= most || (looked_at >= 3 && ready > 0) {
                break;
            }
            merge.take(Unpacked { from: *from, events: (*events).clone() });
            looked_at += 1;
            packs.next();
        }
        merge.finish(packs.peek().map(|((_, from, _), _)| *from), most)
    }

    /// A kept event.
    pub(crate) fn kept_event(&self, tenant: &TenantId, id: &EventId) -> Option<Event> {
        let mut of = self.packs.iter().filter(|((of, _, _), _)| of == tenant).flat_map(|(_, events)| events);
        of.find(|event| event.id == *id).cloned()
    }

    /// Dead deliveries, the first to die first.
    pub(crate) fn oldest_dead(
        &self,
        key: &SubscriptionKey,
        after: Option<(Timestamp, &EventId)>,
        before: Timestamp,
        most: usize,
    ) -> Vec<Dead> {
        let place = |dead: &Dead| (dead.died_at.as_millisecond(), dead.event.id.clone());
        let after = after.map(|(at, id)| (at.as_millisecond(), id.clone()));
        let listed = self.partitions.get(key).map(|it| it.dead.as_slice()).unwrap_or_default();
        let mut dead: Vec<Dead> = listed
            .iter()
            .filter(|dead| {
                place(dead).0 < before.as_millisecond() && after.as_ref().is_none_or(|after| place(dead) > *after)
            })
            .cloned()
            .collect();
        dead.sort_by_key(place);
        dead.truncate(most);
        dead
    }

    /// Puts a job in the place of the one that was read.
    pub(crate) fn save_job(&mut self, read: &Job, new: &Job) -> Changed {
        if self.jobs.get(&read.key).is_none_or(|stored| stored.version != read.version) {
            return Changed::Conflict;
        }
        self.jobs.insert(new.key.clone(), new.clone());
        Changed::Yes
    }

    /// Does a part of a job and notes it, or nothing.
    pub(crate) fn advance_job(
        &mut self,
        (read, new): (&Job, &Job),
        change: &Change,
        dead: &[Dead],
        now: Duration,
        sabotage: Option<Sabotage>,
    ) -> Result<Advanced, String> {
        self.parts += 1;
        let is_noted = sabotage != Some(Sabotage::PartsUnnoted) || self.parts.is_multiple_of(2);
        if self.jobs.get(&read.key).is_none_or(|stored| stored.version != read.version) && is_noted {
            return Ok(Advanced::Overtaken);
        }
        let listed = self.partitions.get(&change.subscription).map(|it| it.dead.as_slice()).unwrap_or_default();
        if dead.iter().any(|one| !listed.contains(one)) {
            return Ok(Advanced::Gone);
        }
        // The job, and the dead ones beside what the change has.
        if items(change) + 1 + dead.len() > TRANSACTION_LIMIT {
            return Err(format!("a part of a job of {} actions and {} dead", items(change), dead.len()));
        }
        if self.change(change, now, sabotage)? == Changed::Conflict {
            return Ok(Advanced::Conflict);
        }
        self.partition(&change.subscription).dead.retain(|one| !dead.contains(one));
        if is_noted {
            self.jobs.insert(new.key.clone(), new.clone());
        }
        Ok(Advanced::Yes)
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
        let has_job = self.jobs.values().any(|job| !job.state.is_finished());
        !has_job
            && self.partitions.values().all(Partition::is_empty)
            && self.tenants.values().all(|it| it.backlogs.is_empty())
    }
}

fn items(change: &Change) -> usize {
    usize::from(change.backlog.is_some())
        + usize::from(change.enlist.is_some())
        + change.lanes.len()
        + change.put.len()
        + change.delete.len()
        + change.bury.len()
}

fn fits_a_transaction(change: &Change) -> Result<(), String> {
    let items = items(change);
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
