//! Which subscriptions failed lately: what health looks at, so that healthy ones cost nothing.

use crate::error::StoreError;
use crate::item::{EXPIRES_AT, from_item, number, text};
use crate::write::Write;
use crate::{Store, keys};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::stats::BucketStart;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a marker stays: the longest window of failures, 24 h, and an hour for the schedule.
const KEPT_S: i64 = 25 * 3_600;
/// Subscriptions that a process remembers to have marked, at most; then it forgets all and marks anew.
const MARKS_LIMIT: usize = 10_000;

/// What this process has marked already, and for which quarter of an hour.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks(Arc<Mutex<HashMap<(TenantId, SubscriptionId), BucketStart>>>);

impl Marks {
    pub(crate) fn has(&self, tenant: &TenantId, subscription: &SubscriptionId, bucket: BucketStart) -> bool {
        let marked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        marked.get(&(tenant.clone(), subscription.clone())).is_some_and(|known| *known >= bucket)
    }

    pub(crate) fn remember(&self, tenant: &TenantId, subscription: &SubscriptionId, bucket: BucketStart) {
        let mut marked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marked.len() >= MARKS_LIMIT {
            marked.clear();
        }
        marked.insert((tenant.clone(), subscription.clone()), bucket);
    }

    fn forget(&self, tenant: &TenantId, subscription: &SubscriptionId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(tenant.clone(), subscription.clone()));
    }
}

#[derive(Debug, Deserialize)]
struct MarkerItem {
    tenant: TenantId,
    subscription_id: SubscriptionId,
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
    pub async fn failing_subscriptions(&self) -> Result<Vec<(TenantId, SubscriptionId)>, StoreError> {
        let shards = (0..keys::SHARDS).map(|shard| async move {
            self.query_all("list failing subscriptions", &keys::failing_partition(shard), None).await
        });
        let items = try_join_all(shards).await?.into_iter().flatten();
        items.map(|item| from_item::<MarkerItem>(item).map(|marker| (marker.tenant, marker.subscription_id))).collect()
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
    fn a_mark_holds_for_its_quarter_of_an_hour() {
        let marks = Marks::default();
        let tenant = TenantId::parse("acme").unwrap();
        let subscription = SubscriptionId::from_uuid(uuid::Uuid::from_u128(1));
        let bucket = |minute: i64| BucketStart::holding(Timestamp::from_second(1_770_000_000 + minute * 60).unwrap());
        assert!(!marks.has(&tenant, &subscription, bucket(0)));
        marks.remember(&tenant, &subscription, bucket(0));
        assert!(marks.has(&tenant, &subscription, bucket(0)));
        assert!(!marks.has(&tenant, &subscription, bucket(15)));
        marks.forget(&tenant, &subscription);
        assert!(!marks.has(&tenant, &subscription, bucket(0)));
    }
}
