//! Changes of a backlog: all of a change, or nothing.

use crate::error::StoreError;
use crate::item::{EXPIRES_AT, number, text};
use crate::keys::{self, Key};
use crate::request::Written;
use crate::states::Saved;
use crate::transaction::{TRANSACTION_BYTES_LIMIT, TRANSACTION_LIMIT, Transacted};
use crate::write::{If, Write};
use crate::{Store, document, due, tenants};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use spacehook_domain::backlog::{Backlog, Change, DEAD_KEPT_S, Dead, Kept, KeptKey, Replace};
use spacehook_domain::ids::SubscriptionKey;
use std::collections::BTreeMap;
use std::iter;

/// How long a backlog, a lane or a delivery stays after its last change: the longest that deliveries may be configured to
/// wait, 14 days, and as long as dead ones are listed.
const KEPT_S: i64 = 14 * 24 * 3_600 + DEAD_KEPT_S;
const VERSION: &str = "version";
/// The event of a dead delivery, by which it is found.
pub(super) const EVENT_ID: &str = "event_id";

/// What came of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Replayed {
    /// The deliveries wait again.
    Yes,
    /// The backlog or a lane is not as it was read: nothing took place. Read again, and try again.
    Conflict,
    /// A dead delivery is not there any more: somebody replayed it, or it expired. Nothing took place.
    Gone,
}

/// What a write of a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Backlog,
    Dead,
}

impl Store {
    /// Changes a backlog: all that the change says, or nothing where something that it replaces has not the version that
    /// it expects. `now` is when: what is put expires 21 days later.
    ///
    /// Costs 1 `TransactWriteItems`: 2 write units each KB of each item, 1 item for the backlog, the note at the tenant,
    /// each lane, and each delivery put, deleted or buried. A change of a single item is a plain conditional write, for
    /// half of that. In conflict with other writers, or throttled, it is repeated for up to 5.7 s.
    ///
    /// What callers keep to: at most 100 items and 3.8 MB together, or it is an error
    /// ([`StoreError::exceeds_transaction`]) and nothing is done; no lane twice. A delivery that is both put and deleted
    /// is put.
    ///
    /// A lost answer of a transaction does no harm: the SDK's repeats carry one token. A plain write whose answer was lost
    /// is reported as a conflict with oneself; reading again shows the change in place.
    pub async fn change_backlog(&self, change: &Change, now: Timestamp) -> Result<Saved, StoreError> {
        const OPERATION: &str = "change a backlog";
        let mut writes = writes(change, now)?;
        let single = if writes.len() == 1 { writes.pop() } else { None };
        if let Some(write) = single {
            return Ok(match self.write(OPERATION, write).await? {
                Written::Done => Saved::Yes,
                Written::Refused => Saved::Conflict,
            });
        }
        let writes = writes.into_iter().map(|write| (Part::Backlog, write)).collect();
        Ok(match self.transact_bounded(OPERATION, writes).await? {
            Transacted::Done => Saved::Yes,
            Transacted::Refused(_) => Saved::Conflict,
        })
    }

    /// Makes dead deliveries wait again: deletes each, as it was listed, and does what the change says, or nothing. The
    /// change puts them into their lanes, marked as replayed.
    ///
    /// Costs 1 `TransactWriteItems`, as [`Store::change_backlog`] does, with 1 item more for each dead delivery.
    pub async fn replay(&self, change: &Change, dead: &[Dead], now: Timestamp) -> Result<Replayed, StoreError> {
        let mut parts: Vec<_> = writes(change, now)?.into_iter().map(|write| (Part::Backlog, write)).collect();
        parts.extend(dead_deletions(&change.subscription, dead).map(|write| (Part::Dead, write)));
        Ok(match self.transact_bounded("replay dead deliveries", parts).await? {
            Transacted::Done => Replayed::Yes,
            Transacted::Refused(parts) if parts.contains(&Part::Dead) => Replayed::Gone,
            Transacted::Refused(_) => Replayed::Conflict,
        })
    }

    /// A transaction, where it is not larger than one can be.
    pub(crate) async fn transact_bounded<T: Copy>(
        &self,
        operation: &'static str,
        writes: Vec<(T, Write)>,
    ) -> Result<Transacted<T>, StoreError> {
        let bytes = writes.iter().map(|(_, write)| write.bytes()).sum();
        if writes.len() > TRANSACTION_LIMIT || bytes > TRANSACTION_BYTES_LIMIT {
            return Err(StoreError::too_much(operation, writes.len(), bytes));
        }
        // The last is a delivery, where there is one: writers that meet at a backlog or a lane wait differently.
        match writes.last().map(|(_, write)| write.key().clone()) {
            Some(seed) => self.transact(operation, &seed, writes).await,
            None => Ok(Transacted::Done),
        }
    }
}

/// The deletion of dead deliveries, each as it was listed.
pub(crate) fn dead_deletions(of: &SubscriptionKey, dead: &[Dead]) -> impl Iterator<Item = Write> {
    let keys = dead.iter().map(|dead| keys::dead(of, dead.died_at, &dead.event.id));
    let deleted: BTreeMap<Key, Write> = keys.map(|key| (key.clone(), Write::delete(key).only_if(If::Exists))).collect();
    deleted.into_values()
}

/// The writes of a change. What is replaced comes first, deliveries come last.
pub(crate) fn writes(change: &Change, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let of = &change.subscription;
    let mut writes = Vec::new();
    if let Some(replace) = &change.backlog {
        writes.push(replace_backlog(of, replace, now)?);
    }
    if let Some(note) = change.enlist {
        writes.push(tenants::enlist(Write::update(keys::tenant(&of.tenant)), note, &of.id));
    }
    for (stream, lane) in &change.lanes {
        writes.push(replace(keys::lane(of, *stream), lane, |lane| lane.version, now, iter::empty())?);
    }
    // By key, since DynamoDB refuses two writes of one item in a transaction.
    let mut deliveries: BTreeMap<Key, Write> = BTreeMap::new();
    for place in &change.delete {
        let key = keys::kept(of, place);
        deliveries.insert(key.clone(), Write::delete(key));
    }
    for kept in &change.put {
        let key = keys::kept(of, &KeptKey::of(&kept.event));
        deliveries.insert(key.clone(), put_kept(key, kept)?);
    }
    for dead in &change.bury {
        let key = keys::dead(of, dead.died_at, &dead.event.id);
        deliveries.insert(key.clone(), put_dead(key, dead)?);
    }
    writes.extend(deliveries.into_values());
    Ok(writes)
}

/// The write that puts a backlog in the place of another.
pub(crate) fn replace_backlog(
    of: &SubscriptionKey,
    backlog: &Replace<Backlog>,
    now: Timestamp,
) -> Result<Write, StoreError> {
    let overdue_at = backlog.new.as_ref().and_then(Backlog::overdue_at);
    let key = keys::backlog(of);
    let due = due::attributes(due::of_backlog(&key), overdue_at);
    replace(key, backlog, |backlog| backlog.version, now, due)
}

fn replace<T: Serialize>(
    key: Key,
    replace: &Replace<T>,
    version: impl Fn(&T) -> u64,
    now: Timestamp,
    also: impl Iterator<Item = (&'static str, AttributeValue)>,
) -> Result<Write, StoreError> {
    let as_read = match replace.expected {
        Some(version) => If::Is(VERSION.into(), number(version)),
        None => If::Absent,
    };
    let write = match &replace.new {
        Some(new) => {
            document::put(key, new, [(VERSION, number(version(new))), expiry(now, KEPT_S)].into_iter().chain(also))?
        }
        None => Write::delete(key),
    };
    Ok(write.only_if(as_read))
}

fn put_kept(key: Key, kept: &Kept) -> Result<Write, StoreError> {
    document::put(key, kept, [expiry(kept.kept_at, KEPT_S)])
}

fn put_dead(key: Key, dead: &Dead) -> Result<Write, StoreError> {
    document::put(key, dead, [(EVENT_ID, text(dead.event.id.as_str())), expiry(dead.died_at, DEAD_KEPT_S)])
}

fn expiry(from: Timestamp, kept_s: i64) -> (&'static str, AttributeValue) {
    (EXPIRES_AT, number(from.as_second().saturating_add(kept_s)))
}
