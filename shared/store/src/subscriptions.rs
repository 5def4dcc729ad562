//! Subscriptions, and what has to be in step with them.
//!
//! Each change is one transaction over the subscription, the claim of its name, one match entry for each of its event
//! types, and the tenant, whose version tells the dispatcher that what it cached is old and whose counters hold the
//! limit. So there is no moment at which a subscription is listed and not matched, or the other way round.

use crate::backoff::{TRIES, Waits};
use crate::error::{ListError, StoreError};
use crate::item::{EXPIRES_AT, Item, number, text};
use crate::keys::Key;
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::states::Saved;
use crate::tenants::{self, SPLIT, SUBSCRIPTIONS, VERSION, subscriptions_counter};
use crate::transaction::Transacted;
use crate::write::{If, Write};
use crate::{Store, document, keys};
use aws_sdk_dynamodb::types::AttributeValue;
use spacehook_domain::attempt::KEPT_S as ATTEMPTS_KEPT_S;
use spacehook_domain::backlog::Enlist;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::{SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::share::SPLIT_FROM;
use spacehook_domain::subscription::{SUBSCRIPTIONS_LIMIT, Subscription};
use std::collections::BTreeSet;

/// Why a subscription was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It is not there any more as it was: somebody changed, deleted or (its id) created it.
    #[error("the subscription has been changed meanwhile")]
    Conflict,
    /// Another subscription of the tenant has the name, without regard to case.
    #[error("another subscription has this name")]
    NameTaken,
    /// The tenant has as many subscriptions to this event type as it may have: [`SUBSCRIPTIONS_LIMIT`].
    #[error("there are {SUBSCRIPTIONS_LIMIT} subscriptions to {0} already")]
    LimitReached(EventType),
    /// The tenant has as many subscriptions as it may have: so many.
    #[error("there are {0} subscriptions already")]
    TenantFull(u64),
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a write of the transaction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Tenant,
    Subscription,
    Name,
    Match,
    Backlog,
    Notice,
    Revision,
}

type Parts = Vec<(Part, Write)>;

/// What a change of a subscription changes at its tenant, besides the version.
#[derive(Debug, Default)]
struct AtTenant {
    /// Types that it asks for from now on.
    added: BTreeSet<EventType>,
    /// Types that it asks for no longer.
    removed: BTreeSet<EventType>,
    /// Whether it has a backlog, where that changes.
    note: Option<Enlist>,
    /// How many subscriptions there are more, or fewer.
    total: i64,
}

impl Store {
    /// Stores a new subscription. Costs 1 `TransactWriteItems` of 3 items and 1 for each event type: 2 write units each (4
    /// where it has more than 1 KB). Only where it is the first with which the events of a type are split into shares (see
    /// [`spacehook_domain::share`]) it costs that twice, and a `GetItem`.
    pub async fn create_subscription(&self, subscription: &Subscription) -> Result<(), ChangeError> {
        let mut parts = vec![
            (Part::Subscription, put_subscription(subscription)?.only_if(If::Absent)),
            (Part::Name, claim_name(subscription)),
        ];
        for event_type in &subscription.event_types {
            parts.push((Part::Match, put_match(subscription, *event_type)?));
        }
        let at_tenant = AtTenant { added: subscription.event_types.clone(), total: 1, ..AtTenant::default() };
        self.change("create a subscription", subscription, &at_tenant, parts).await.map(|_| ())
    }

    /// Replaces a subscription, if its stored revision is still `before.revision`. `before` is what was read, `after`
    /// what shall be: the same tenant and id (anything else is a conflict), and a greater revision.
    ///
    /// Costs 1 `TransactWriteItems` of 3 items, 1 for each event type of either, and 2 where the name changes; where a type
    /// is added, see [`Store::create_subscription`].
    pub async fn update_subscription(&self, before: &Subscription, after: &Subscription) -> Result<(), ChangeError> {
        self.replace_subscription("update a subscription", (before, after), None, Parts::new()).await.map(|_| ())
    }

    /// Replaces a subscription, notes at the tenant whether it has a backlog, and does other writes with it. A conflict is
    /// saved where one of these is refused.
    pub(crate) async fn replace_subscription(
        &self,
        operation: &'static str,
        (before, after): (&Subscription, &Subscription),
        note: Option<Enlist>,
        also: Parts,
    ) -> Result<Saved, ChangeError> {
        if (&before.tenant, &before.id) != (&after.tenant, &after.id) || after.revision <= before.revision {
            return Err(ChangeError::Conflict);
        }
        let at_tenant = AtTenant {
            added: after.event_types.difference(&before.event_types).copied().collect(),
            removed: before.event_types.difference(&after.event_types).copied().collect(),
            note,
            total: 0,
        };
        let mut parts = also;
        // So that an attempt that was made with it can be shown as it was.
        parts.push((Part::Revision, put_revision(before, after)?));
        parts.push((Part::Subscription, put_subscription(after)?.only_if(same_revision(before))));
        if before.name.folded() != after.name.folded() {
            parts.push((Part::Subscription, release_name(before)));
            parts.push((Part::Name, claim_name(after)));
        }
        for event_type in &after.event_types {
            parts.push((Part::Match, put_match(after, *event_type)?));
        }
        for event_type in &at_tenant.removed {
            parts.push((Part::Match, delete_match(before, *event_type)));
        }
        self.change(operation, after, &at_tenant, parts).await
    }

    /// Deletes a subscription, if its stored revision is still this one, and the note that it has a backlog. What waits for
    /// it and what was given up is deleted by [`Store::purge_backlog`]; its attempts and its counts stay until they expire.
    ///
    /// Costs 1 `TransactWriteItems` of 3 items and 1 for each event type.
    pub async fn delete_subscription(&self, subscription: &Subscription) -> Result<(), ChangeError> {
        let delete = Write::delete(keys::subscription(&subscription.tenant, &subscription.id));
        let mut parts = vec![
            (Part::Subscription, delete.only_if(same_revision(subscription))),
            (Part::Subscription, release_name(subscription)),
        ];
        for event_type in &subscription.event_types {
            parts.push((Part::Match, delete_match(subscription, *event_type)));
        }
        let removed = subscription.event_types.clone();
        let at_tenant = AtTenant { removed, note: Some(Enlist::Remove), total: -1, ..AtTenant::default() };
        self.change("delete a subscription", subscription, &at_tenant, parts).await.map(|_| ())
    }

    async fn change(
        &self,
        operation: &'static str,
        subscription: &Subscription,
        at_tenant: &AtTenant,
        parts: Parts,
    ) -> Result<Saved, ChangeError> {
        let key = keys::subscription(&subscription.tenant, &subscription.id);
        let mut waits = Waits::of(&key);
        let mut split = BTreeSet::new();
        loop {
            let mut parts = parts.clone();
            parts.push((Part::Tenant, at_tenant.write(&subscription.tenant, &subscription.id, &split)));
            let refused = match self.transact(operation, &key, parts).await? {
                Transacted::Done => return Ok(Saved::Yes),
                Transacted::Refused(refused) => refused,
            };
            if refused.contains(&Part::Subscription) {
                return Err(ChangeError::Conflict);
            }
            if refused.contains(&Part::Name) {
                return Err(ChangeError::NameTaken);
            }
            if refused.contains(&Part::Backlog) {
                return Ok(Saved::Conflict);
            }
            let crowded = self.crowded(&subscription.tenant, at_tenant).await?;
            // Nothing to do otherwise: the limit stood in the way, and by now a subscription has been deleted.
            if crowded == split && !waits.wait().await {
                return Err(StoreError::gave_up(operation, TRIES, "the number of subscriptions keeps changing").into());
            }
            split = crowded;
        }
    }

    /// Of these types, those whose events are split once there is one subscription more. An error where a type has as many
    /// subscriptions as it may have, or the tenant.
    async fn crowded(&self, tenant: &TenantId, at_tenant: &AtTenant) -> Result<BTreeSet<EventType>, ChangeError> {
        let item = self.get("count subscriptions", &keys::tenant(tenant)).await?.unwrap_or_default();
        let (all, limit) = tenants::all_subscriptions(&item)?;
        if at_tenant.total > 0 && all >= limit {
            return Err(ChangeError::TenantFull(limit));
        }
        let mut crowded = BTreeSet::new();
        for event_type in &at_tenant.added {
            let subscriptions = tenants::subscriptions(&item, *event_type)?;
            if subscriptions >= SUBSCRIPTIONS_LIMIT {
                return Err(ChangeError::LimitReached(*event_type));
            }
            if subscriptions + 1 >= SPLIT_FROM {
                crowded.insert(*event_type);
            }
        }
        Ok(crowded)
    }

    /// A subscription. Costs 1 `GetItem`.
    pub async fn subscription(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
    ) -> Result<Option<Subscription>, StoreError> {
        let item = self.get("read a subscription", &keys::subscription(tenant, id)).await?;
        item.as_ref().map(document::read).transpose()
    }

    /// A subscription as it was in an earlier revision; none where that was replaced more than 8 days ago, or never was.
    /// Costs 1 `GetItem`.
    pub async fn subscription_revision(
        &self,
        of: &SubscriptionKey,
        revision: u64,
    ) -> Result<Option<Subscription>, StoreError> {
        let item = self.get("read an earlier revision", &keys::revision(&of.tenant, &of.id, revision)).await?;
        item.as_ref().map(document::read).transpose()
    }

    /// The subscriptions of a tenant in the order of their creation. Costs 1 Query a page.
    pub async fn list_subscriptions(
        &self,
        tenant: &TenantId,
        request: PageRequest,
    ) -> Result<Page<Subscription>, ListError> {
        let pk = keys::tenant_partition(tenant);
        let list = (pk.as_str(), keys::SUBSCRIPTION_PREFIX);
        self.page_of("list subscriptions", list, &request, Order::Forward, |item| document::read(&item)).await
    }

    /// All subscriptions of a tenant to an event type, disabled ones too. Costs 1 Query each MB: 1 read unit each 4 KB,
    /// some 25 for 100 plain subscriptions. To be cached against [`crate::TenantOverview::version`].
    pub async fn matching_subscriptions(
        &self,
        tenant: &TenantId,
        event_type: EventType,
    ) -> Result<Vec<Subscription>, StoreError> {
        let pk = keys::match_partition(tenant, event_type);
        let items: Vec<Item> = self.query_all("read subscriptions to match", &pk, None).await?;
        items.iter().map(document::read).collect()
    }
}

impl AtTenant {
    /// A new version of the tenant; counters up, within the limit, and down. The events of the types in `split` are split
    /// from now on; of other types there must not be so many subscriptions, unless theirs are split already.
    fn write(&self, tenant: &TenantId, subscription: &SubscriptionId, split: &BTreeSet<EventType>) -> Write {
        let mut write = Write::update(keys::tenant(tenant)).count(VERSION, 1);
        for event_type in &self.added {
            let counter = subscriptions_counter(*event_type);
            let name = event_type.as_str().to_owned();
            write = write.count(counter.clone(), 1).only_if(If::Below(counter.clone().into(), SUBSCRIPTIONS_LIMIT));
            if !split.contains(event_type) {
                write = write.only_if(If::BelowOrIn(counter.into(), SPLIT_FROM - 1, SPLIT.into(), name));
            }
        }
        let names: Vec<String> =
            self.added.intersection(split).map(|event_type| event_type.as_str().to_owned()).collect();
        // One step for all of them: an attribute has one place in an update. An empty set is refused.
        if !names.is_empty() {
            write = write.add(SPLIT, AttributeValue::Ss(names));
        }
        for event_type in &self.removed {
            write = write.count(subscriptions_counter(*event_type), -1);
        }
        if self.total != 0 {
            write = write.count(SUBSCRIPTIONS, self.total);
        }
        if self.total > 0 {
            write = write.only_if(tenants::has_room());
        }
        if self.total < 0 {
            write = tenants::note_failing(write, false, subscription);
        }
        match self.note {
            Some(note) => tenants::enlist(write, note, subscription),
            None => write,
        }
    }
}

/// The attribute that tells a subscription's changes apart.
pub(crate) const REVISION: &str = "revision";

pub(crate) fn same_revision(subscription: &Subscription) -> If {
    If::Is(REVISION.into(), number(subscription.revision))
}

fn put_subscription(subscription: &Subscription) -> Result<Write, StoreError> {
    put(keys::subscription(&subscription.tenant, &subscription.id), subscription)
}

/// As a document, which lists and matching read in a fraction of the time that they would take for attributes; with the one
/// attribute that conditions look at.
fn put(key: Key, subscription: &Subscription) -> Result<Write, StoreError> {
    document::put(key, subscription, [(REVISION, number(subscription.revision))])
}

/// Leaves a revision that is replaced, for as long as attempts are listed that were made with it, and a day for those that
/// are still being made.
fn put_revision(before: &Subscription, after: &Subscription) -> Result<Write, StoreError> {
    let key = keys::revision(&before.tenant, &before.id, before.revision);
    let expires_at_s = after.updated_at.as_second().saturating_add(ATTEMPTS_KEPT_S + 24 * 3_600);
    document::put(key, before, [(EXPIRES_AT, number(expires_at_s))])
}

fn claim_name(subscription: &Subscription) -> Write {
    Write::update(keys::subscription_name(&subscription.tenant, &subscription.name))
        .set("subscription_id", text(subscription.id.as_str()))
        .only_if(If::Absent)
}

/// Gives a name up, which only its holder can: with the revision unchanged this always holds.
fn release_name(subscription: &Subscription) -> Write {
    Write::delete(keys::subscription_name(&subscription.tenant, &subscription.name))
        .only_if(If::Is("subscription_id".into(), text(subscription.id.as_str())))
}

fn put_match(subscription: &Subscription, event_type: EventType) -> Result<Write, StoreError> {
    put(keys::match_entry(&subscription.tenant, event_type, &subscription.id), subscription)
}

fn delete_match(subscription: &Subscription, event_type: EventType) -> Write {
    Write::delete(keys::match_entry(&subscription.tenant, event_type, &subscription.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use spacehook_domain::subscription::EVENT_TYPES_LIMIT;

    /// Bytes of one expression, at most: `DynamoDB`'s limit.
    const EXPRESSION_LIMIT: usize = 4_096;

    #[test]
    fn all_types_of_a_subscription_fit_into_one_update_of_the_tenant() {
        let types = |letter: char| -> BTreeSet<EventType> {
            (0..EVENT_TYPES_LIMIT).filter_map(|number| EventType::parse(&format!("{letter}{number}")).ok()).collect()
        };
        let added = types('a');
        assert_eq!(added.len(), EVENT_TYPES_LIMIT);
        let at_tenant = AtTenant { added, removed: types('b'), note: Some(Enlist::Add), total: 1 };
        let tenant = TenantId::parse("acme").unwrap();
        let id = SubscriptionId::from_uuid(uuid::Uuid::from_u128(1));
        let parts = at_tenant.write(&tenant, &id, &BTreeSet::new()).into_parts();
        for expression in [parts.update, parts.condition] {
            let bytes = expression.unwrap_or_default().len();
            assert!(bytes > 0 && bytes <= EXPRESSION_LIMIT, "{bytes}");
        }
    }
}
