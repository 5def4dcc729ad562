//! Which subscriptions failed lately: what health looks at, so that healthy ones cost nothing.

use crate::batch::BATCH_GET_LIMIT;
use crate::error::StoreError;
use crate::item::{EXPIRES_AT, Item, from_item, key_of, number, readable, text};
use crate::notices::put_notice;
use crate::request::Written;
use crate::states::Saved;
use crate::subscriptions::{REVISION, same_revision};
use crate::tenants::note_failing;
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

/// How long a marker stays, if health does not clear it before: as long as counts are kept, which is longer than any window.
const KEPT_S: i64 = spacehook_domain::stats::KEPT_S;
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
const LAST_FAILED_AT: &str = "last_failed_at";

/// A subscription that failed lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Which.
    pub subscription: SubscriptionKey,
    /// When it failed last, as far as it is marked: once a quarter of an hour and process.
    pub failed_at: Timestamp,
    /// What is remembered of its having been told to be failing.
    pub warning: Option<Warning>,
}

#[derive(Debug, Deserialize)]
struct MarkerItem {
    tenant: TenantId,
    subscription_id: SubscriptionId,
    last_failed_at: Timestamp,
    warning: Option<String>,
}

fn failing(item: Item) -> Result<Failing, StoreError> {
    let key = key_of(&item);
    let MarkerItem { tenant, subscription_id, last_failed_at, warning } = from_item(item)?;
    let read = |text: String| serde_json::from_str(&text);
    let warning = warning.map(read).transpose().map_err(|error| StoreError::unreadable(key, error.to_string()))?;
    Ok(Failing { subscription: SubscriptionKey { tenant, id: subscription_id }, failed_at: last_failed_at, warning })
}

/// Of subscriptions that were told to be failing, what is remembered of that.
pub(crate) type Warnings = HashMap<SubscriptionId, Warning>;

/// Those of the markers that remember a warning.
fn warnings(items: impl Iterator<Item = Item>) -> Warnings {
    let told = |read: Failing| read.warning.map(|warning| (read.subscription.id, warning));
    readable(items, failing).into_iter().filter_map(told).collect()
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
        .set(LAST_FAILED_AT, text(failed_at.to_string()))
        .set(EXPIRES_AT, number(failed_at.as_second().saturating_add(KEPT_S)))
}

impl Store {
    /// The subscriptions of all tenants that failed lately: since health last found no failure in their window. In no order. Costs a Query for each
    /// of 8 partitions, concurrently: 8 read units where none fails.
    pub async fn failing_subscriptions(&self) -> Result<Vec<Failing>, StoreError> {
        let shards = (0..keys::SHARDS).map(|shard| async move {
            self.query_all("list failing subscriptions", &keys::failing_partition(shard), None).await
        });
        let items = try_join_all(shards).await?.into_iter().flatten();
        Ok(readable(items, failing))
    }

    /// What is remembered of these subscriptions. Costs 1 `BatchGetItem` each 100; nothing for none.
    pub(crate) async fn warnings(
        &self,
        tenant: &TenantId,
        of: impl IntoIterator<Item = &SubscriptionId>,
    ) -> Result<Warnings, StoreError> {
        let keys: Vec<_> = of.into_iter().map(|id| keys::failing(tenant, id)).collect();
        let read = keys.chunks(BATCH_GET_LIMIT).map(|chunk| self.get_batch("read what is failing", chunk));
        Ok(warnings(try_join_all(read).await?.into_iter().flatten()))
    }

    /// Remembers a warning with the marker of a subscription, if both are as they were read, and leaves the notice of it,
    /// which has the subscription, in the same transaction. Costs 1 `TransactWriteItems` of 4 items.
    pub async fn warn(&self, read: &Failing, warning: &Warning, notice: &Notice) -> Result<Saved, StoreError> {
        const OPERATION: &str = "remember a warning";
        let SubscriptionKey { tenant, id } = &read.subscription;
        let key = keys::failing(tenant, id);
        let known = read.warning.as_ref().map(warning_text).transpose()?;
        let marker = Write::update(key.clone())
            .set(WARNING, warning_text(warning)?)
            .only_if(If::Exists)
            .only_if(If::optional(WARNING, known));
        // It changes nothing: it is there to be refused where the subscription was changed, or deleted, meanwhile.
        let unchanged = Write::update(keys::subscription(tenant, id))
            .set(REVISION, number(notice.subscription.revision))
            .only_if(same_revision(&notice.subscription));
        let noted = note_failing(Write::update(keys::tenant(tenant)), warning.is_failing, id);
        let writes = vec![((), marker), ((), unchanged), ((), noted), ((), put_notice(notice)?)];
        Ok(match self.transact(OPERATION, &key, writes).await? {
            Transacted::Done => Saved::Yes,
            Transacted::Refused(_) => Saved::Conflict,
        })
    }

    /// Forgets that a subscription failed, until it fails again, if it has not failed again since it was read. Costs 1
    /// `DeleteItem`.
    ///
    /// Another process that has marked the subscription marks it again with its first failure of a later quarter of an
    /// hour, or after the next enabling: clear a marker only when the whole window is without failures, or the subscription
    /// is disabled or gone.
    pub async fn clear_failing(&self, read: &Failing) -> Result<(), StoreError> {
        let SubscriptionKey { tenant, id } = &read.subscription;
        let as_read = If::Is(LAST_FAILED_AT.into(), text(read.failed_at.to_string()));
        let write = Write::delete(keys::failing(tenant, id)).only_if(as_read);
        if self.write("clear the marker of a failing subscription", write).await? == Written::Done {
            self.marks.forget(tenant, id);
        }
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
