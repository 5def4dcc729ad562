//! Subscriptions, and what has to be in step with them.
//!
//! Each change is one transaction over the subscription, the claim of its name, one match entry for each of its event
//! types, and the tenant, whose version tells the dispatcher that what it cached is old and whose counters hold the
//! limit. So there is no moment at which a subscription is listed and not matched, or the other way round.

use crate::backoff::{TRIES, Waits};
use crate::error::{ListError, StoreError};
use crate::item::{Item, from_item, number, text, to_item};
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::tenants::{self, VERSION, subscriptions_counter};
use crate::transaction::Transacted;
use crate::write::{If, Write};
use crate::{Store, keys};
use spacehook_domain::event::EventType;
use spacehook_domain::ids::{SubscriptionId, TenantId};
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
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a write of the transaction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Tenant,
    Subscription,
    Name,
    Match,
}

type Parts = Vec<(Part, Write)>;

impl Store {
    /// Stores a new subscription. Costs 1 `TransactWriteItems` of 3 items and 1 for each event type: 2 write units each (4
    /// where it has more than 1 KB).
    pub async fn create_subscription(&self, subscription: &Subscription) -> Result<(), ChangeError> {
        let types = &subscription.event_types;
        let mut parts = vec![
            (Part::Tenant, tenant_change(&subscription.tenant, types, &BTreeSet::new())),
            (Part::Subscription, put_subscription(subscription)?.only_if(If::Absent)),
            (Part::Name, claim_name(subscription)),
        ];
        for event_type in types {
            parts.push((Part::Match, put_match(subscription, *event_type)?));
        }
        self.change("create a subscription", subscription, types, parts).await
    }

    /// Replaces a subscription, if its stored revision is still `before.revision`. `before` is what was read, `after`
    /// what shall be: the same tenant and id (anything else is a conflict), and a greater revision.
    ///
    /// Costs 1 `TransactWriteItems` of 2 items, 1 for each event type of either, and 2 where the name changes.
    pub async fn update_subscription(&self, before: &Subscription, after: &Subscription) -> Result<(), ChangeError> {
        if (&before.tenant, &before.id) != (&after.tenant, &after.id) || after.revision <= before.revision {
            return Err(ChangeError::Conflict);
        }
        let added: BTreeSet<_> = after.event_types.difference(&before.event_types).copied().collect();
        let removed: BTreeSet<_> = before.event_types.difference(&after.event_types).copied().collect();
        let mut parts = vec![
            (Part::Tenant, tenant_change(&after.tenant, &added, &removed)),
            (Part::Subscription, put_subscription(after)?.only_if(same_revision(before))),
        ];
        if before.name.folded() != after.name.folded() {
            parts.push((Part::Subscription, release_name(before)));
            parts.push((Part::Name, claim_name(after)));
        }
        for event_type in &after.event_types {
            parts.push((Part::Match, put_match(after, *event_type)?));
        }
        for event_type in removed {
            parts.push((Part::Match, delete_match(before, event_type)));
        }
        self.change("update a subscription", after, &added, parts).await
    }

    /// Deletes a subscription, if its stored revision is still this one. Its attempts and counts stay until they expire.
    ///
    /// Costs 1 `TransactWriteItems` of 3 items and 1 for each event type.
    pub async fn delete_subscription(&self, subscription: &Subscription) -> Result<(), ChangeError> {
        let none = BTreeSet::new();
        let delete = Write::delete(keys::subscription(&subscription.tenant, &subscription.id));
        let mut parts = vec![
            (Part::Tenant, tenant_change(&subscription.tenant, &none, &subscription.event_types)),
            (Part::Subscription, delete.only_if(same_revision(subscription))),
            (Part::Subscription, release_name(subscription)),
        ];
        for event_type in &subscription.event_types {
            parts.push((Part::Match, delete_match(subscription, *event_type)));
        }
        self.change("delete a subscription", subscription, &none, parts).await
    }

    async fn change(
        &self,
        operation: &'static str,
        subscription: &Subscription,
        added: &BTreeSet<EventType>,
        parts: Parts,
    ) -> Result<(), ChangeError> {
        let key = keys::subscription(&subscription.tenant, &subscription.id);
        let mut waits = Waits::of(&key);
        loop {
            let refused = match self.transact(operation, &key, parts.clone()).await? {
                Transacted::Done => return Ok(()),
                Transacted::Refused(refused) => refused,
            };
            if refused.contains(&Part::Subscription) {
                return Err(ChangeError::Conflict);
            }
            if refused.contains(&Part::Name) {
                return Err(ChangeError::NameTaken);
            }
            if let Some(event_type) = self.full_type(&subscription.tenant, added).await? {
                return Err(ChangeError::LimitReached(event_type));
            }
            // The limit stood in the way, and by now a subscription has been deleted: try again.
            if !waits.wait().await {
                return Err(StoreError::gave_up(operation, TRIES, "the number of subscriptions keeps changing").into());
            }
        }
    }

    /// The first of these types that has as many subscriptions as it may have.
    async fn full_type(&self, tenant: &TenantId, types: &BTreeSet<EventType>) -> Result<Option<EventType>, StoreError> {
        let item = self.get("count subscriptions", &keys::tenant(tenant)).await?.unwrap_or_default();
        for event_type in types {
            if tenants::subscriptions(&item, *event_type)? >= SUBSCRIPTIONS_LIMIT {
                return Ok(Some(*event_type));
            }
        }
        Ok(None)
    }

    /// A subscription. Costs 1 `GetItem`.
    pub async fn subscription(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
    ) -> Result<Option<Subscription>, StoreError> {
        self.get_as("read a subscription", &keys::subscription(tenant, id)).await
    }

    /// The subscriptions of a tenant in the order of their creation. Costs 1 Query a page.
    pub async fn list_subscriptions(
        &self,
        tenant: &TenantId,
        request: PageRequest,
    ) -> Result<Page<Subscription>, ListError> {
        let pk = keys::tenant_partition(tenant);
        self.page("list subscriptions", (&pk, keys::SUBSCRIPTION_PREFIX), &request, Order::Forward).await
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
        items.into_iter().map(from_item).collect()
    }
}

/// A new version of the tenant; counters up, within the limit, and down.
fn tenant_change(tenant: &TenantId, added: &BTreeSet<EventType>, removed: &BTreeSet<EventType>) -> Write {
    let mut write = Write::update(keys::tenant(tenant)).count(VERSION, 1);
    for event_type in added {
        let counter = subscriptions_counter(*event_type);
        write = write.count(counter.clone(), 1).only_if(If::Below(counter.into(), SUBSCRIPTIONS_LIMIT));
    }
    for event_type in removed {
        write = write.count(subscriptions_counter(*event_type), -1);
    }
    write
}

fn same_revision(subscription: &Subscription) -> If {
    If::Is("revision".into(), number(subscription.revision))
}

fn put_subscription(subscription: &Subscription) -> Result<Write, StoreError> {
    let key = keys::subscription(&subscription.tenant, &subscription.id);
    let item = to_item(&key, subscription)?;
    Ok(Write::put(key, item))
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
    let key = keys::match_entry(&subscription.tenant, event_type, &subscription.id);
    let item = to_item(&key, subscription)?;
    Ok(Write::put(key, item))
}

fn delete_match(subscription: &Subscription, event_type: EventType) -> Write {
    Write::delete(keys::match_entry(&subscription.tenant, event_type, &subscription.id))
}
