//! Which subscriptions failed lately: what health looks at, so that healthy ones cost nothing.

use crate::error::StoreError;
use crate::item::{EXPIRES_AT, Item, from_item, key_of, number, text};
use crate::notices::put_notice;
use crate::spaces::Saved;
use crate::transaction::Transacted;
use crate::write::{If, Write};
use crate::{Store, keys};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;
use spacehook_domain::failure_rate::Warning;
use spacehook_domain::ids::{SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::notice::Notice;
use spacehook_domain::stats::BucketStart;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a marker stays: the longest window of failures, 24 h, and an hour for the schedule.
const KEPT_S: i64 = 25 * 3_600;
/// Subscriptions that a process remembers to have marked, at most; then it forgets all and marks anew.
const MARKS_LIMIT: usize = 10_000;

/// What a mark holds for, in the order of time: a quarter of an hour of one period of being enabled. Health forgets the
/// markers of what it disables, so what fails after the next enabling is marked anew, in the same quarter too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Marked {
    pub(crate) enabled_since: Timestamp,
    pub(crate) quarter: BucketStart,
}

/// What this process has marked already, and for when.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks(Arc<Mutex<HashMap<(TenantId, SubscriptionId), Marked>>>);

impl Marks {
    pub(crate) fn has(&self, tenant: &TenantId, subscription: &SubscriptionId, wanted: Marked) -> bool {
        let marked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        marked.get(&(tenant.clone(), subscription.clone())).is_some_and(|known| *known >= wanted)
    }

    pub(crate) fn remember(&self, tenant: &TenantId, subscription: &SubscriptionId, made: Marked) {
        let mut marked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marked.len() >= MARKS_LIMIT {
            marked.clear();
        }
        marked.insert((tenant.clone(), subscription.clone()), made);
    }

    fn forget(&self, tenant: &TenantId, subscription: &SubscriptionId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(tenant.clone(), subscription.clone()));
    }
}

const WARNING: &str = "warning";

/// A subscription that failed lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Which.
    pub subscription: SubscriptionKey,
    /// What is remembered of its having been told to be failing.
    pub warning: Option<Warning>,
}

#[derive(Debug, Deserialize)]
struct MarkerItem {
    tenant: TenantId,
    subscription_id: SubscriptionId,
    warning: Option<String>,
}

fn failing(item: Item) -> Result<Failing, StoreError> {
    let key = key_of(&item);
    let MarkerItem { tenant, subscription_id, warning } = from_item(item)?;
    let read = |text: String| serde_json::from_str(&text);
    let warning = warning.map(read).transpose().map_err(|error| StoreError::unreadable(key, error.to_string()))?;
    Ok(Failing { subscription: SubscriptionKey { tenant, id: subscription_id }, warning })
}

fn warning_text(warning: &Warning) -> Result<AttributeValue, StoreError> {
    let unwritable = |error: serde_json::Error| {
        StoreError::unwritable(crate::keys::Key { pk: "FAILING".to_owned(), sk: WARNING.to_owned() }, error.to_string())
    };
    Ok(text(serde_json::to_string(warning).map_err(unwritable)?))
}

/// The write that marks a subscription as failing.
pub(crate) fn marker(tenant: &TenantId, subscription: &SubscriptionId, failed_at: Timestamp) -> Write {
    Write::update(keys::failing(tenant, subscription))
        .set("tenant", text(tenant.as_str()))
        .set("subscription_id", text(subscription.as_str()))
        .set("last_failed_at", text(failed_at.to_string()))
        .set(EXPIRES_AT, number(failed_at.as_second().saturating_add(KEPT_S)))
}

impl Store {
    /// The subscriptions of all tenants that failed within about the last 25 hours, in no order. Costs a Query for each
    /// of 8 partitions, concurrently: 8 read units where none fails.
    pub async fn failing_subscriptions(&self) -> Result<Vec<Failing>, StoreError> {
        let shards = (0..keys::SHARDS).map(|shard| async move {
            self.query_all("list failing subscriptions", &keys::failing_partition(shard), None).await
        });
        let items = try_join_all(shards).await?.into_iter().flatten();
        items.map(failing).collect()
    }

    /// Remembers a warning with the marker of a subscription, if what it remembers is as it was read, and leaves the notice
    /// of it in the same transaction. Costs 1 `TransactWriteItems` of 2 items.
    pub async fn warn(&self, read: &Failing, warning: &Warning, notice: &Notice) -> Result<Saved, StoreError> {
        const OPERATION: &str = "remember a warning";
        let SubscriptionKey { tenant, id } = &read.subscription;
        let key = keys::failing(tenant, id);
        let known = read.warning.as_ref().map(warning_text).transpose()?;
        let marker = Write::update(key.clone())
            .set(WARNING, warning_text(warning)?)
            .only_if(If::Exists)
            .only_if(If::optional(WARNING, known));
        let writes = vec![((), marker), ((), put_notice(notice)?)];
        Ok(match self.transact(OPERATION, &key, writes).await? {
            Transacted::Done => Saved::Yes,
            Transacted::Refused(_) => Saved::Conflict,
        })
    }

    /// Forgets that a subscription failed, until it fails again. Costs 1 `DeleteItem`.
    ///
    /// Another process that has marked the subscription marks it again with its first failure of a later quarter of an
    /// hour: clear a marker only when the whole window is without failures, or the subscription is disabled or gone.
    pub async fn clear_failing(&self, tenant: &TenantId, subscription: &SubscriptionId) -> Result<(), StoreError> {
        self.write("clear the marker of a failing subscription", Write::delete(keys::failing(tenant, subscription)))
            .await?;
        self.marks.forget(tenant, subscription);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_holds_for_its_quarter_of_an_hour_and_until_the_next_enabling() {
        let marks = Marks::default();
        let tenant = TenantId::parse("acme").unwrap();
        let subscription = SubscriptionId::from_uuid(uuid::Uuid::from_u128(1));
        let at = |minute: i64| Timestamp::from_second(1_770_000_000 + minute * 60).unwrap();
        let marked = |since, minute| Marked { enabled_since: at(since), quarter: BucketStart::holding(at(minute)) };
        assert!(!marks.has(&tenant, &subscription, marked(0, 0)));
        marks.remember(&tenant, &subscription, marked(0, 0));
        assert!(marks.has(&tenant, &subscription, marked(0, 0)));
        assert!(!marks.has(&tenant, &subscription, marked(0, 15)));
        assert!(!marks.has(&tenant, &subscription, marked(2, 3)), "enabled again in the same quarter");
        marks.forget(&tenant, &subscription);
        assert!(!marks.has(&tenant, &subscription, marked(0, 0)));
    }
}
