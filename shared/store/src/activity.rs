//! Enabling and disabling, with what has to happen in the same transaction.

use crate::backlog::replace_backlog;
use crate::error::StoreError;
use crate::item::{EXPIRES_AT, number};
use crate::spaces::Saved;
use crate::subscriptions::{ChangeError, Part};
use crate::write::Write;
use crate::{Store, document, keys};
use futures::future::try_join_all;
use jiff::Timestamp;
use spacehook_domain::backlog::{Backlog, Change, Enlist};
use spacehook_domain::subscription::{Activity, DisabledReason, Subscription};

/// How long a notice waits to be mailed: 7 days.
const NOTICE_KEPT_S: i64 = 7 * 24 * 3_600;

impl Store {
    /// Replaces a subscription as [`Store::update_subscription`] does, and in the same transaction puts a backlog in the
    /// place of the one that was read, and notes it at the tenant. `new` is the backlog as it shall be; its version
    /// follows from what was read. `now` is when.
    ///
    /// [`Saved::Conflict`]: the backlog is not as it was read, and nothing is done; read it again. That the subscription is
    /// not as it was read is [`ChangeError::Conflict`].
    ///
    /// Costs what `update_subscription` costs, and 1 item more.
    pub async fn enable_subscription(
        &self,
        before: &Subscription,
        after: &Subscription,
        backlog_read: Option<&Backlog>,
        new: Backlog,
        now: Timestamp,
    ) -> Result<Saved, ChangeError> {
        let mut change = Change::of(after.key());
        change.set_backlog(backlog_read, new);
        let backlog = change.backlog.map(|replace| replace_backlog(&change.subscription, &replace, now)).transpose()?;
        let also = backlog.map(|write| (Part::Backlog, write)).into_iter().collect();
        self.replace_subscription("enable a subscription", (before, after), Some(Enlist::Add), also).await
    }

    /// Disables an enabled subscription whose receiver is gone (410), if it still is as it was read, and leaves a notice
    /// for its contacts in the same transaction: so there is exactly one for each disabling.
    ///
    /// Costs 1 `TransactWriteItems` of 3 items, and 1 for each event type.
    pub async fn disable_gone(&self, subscription: &Subscription, at: Timestamp) -> Result<Saved, StoreError> {
        if !subscription.activity.is_enabled() {
            return Ok(Saved::Conflict);
        }
        let after = Subscription {
            activity: Activity::Disabled { since: at, reason: DisabledReason::Gone },
            updated_at: at,
            revision: subscription.revision.saturating_add(1),
            ..subscription.clone()
        };
        let expires_at = number(at.as_second().saturating_add(NOTICE_KEPT_S));
        let notice = document::put(notice_key(&after), &after, [(EXPIRES_AT, expires_at)])?;
        let (both, also) = ((subscription, &after), vec![(Part::Notice, notice)]);
        match self.replace_subscription("disable a subscription", both, None, also).await {
            Ok(saved) => Ok(saved),
            Err(ChangeError::Store(error)) => Err(error),
            // Name and types are as they were, so these are conflicts too.
            Err(ChangeError::Conflict | ChangeError::NameTaken | ChangeError::LimitReached(_)) => Ok(Saved::Conflict),
        }
    }

    /// The subscriptions, of all tenants, whose disabling has not been told to their contacts, each as it was disabled, in
    /// no order. Costs a Query for each of 8 partitions, concurrently: 8 read units where there is none.
    pub async fn list_notices(&self) -> Result<Vec<Subscription>, StoreError> {
        let shards = (0..keys::SHARDS)
            .map(|shard| async move { self.query_all("list notices", &keys::notice_partition(shard), None).await });
        try_join_all(shards).await?.iter().flatten().map(document::read).collect()
    }

    /// Forgets the notice of this disabling, as [`Store::list_notices`] gave it: its contacts have been told. Costs 1
    /// `DeleteItem`. True where this call did it, so that of several callers one alone is told so (unless the SDK had to
    /// repeat a lost answer: then none is).
    pub async fn delete_notice(&self, disabled: &Subscription) -> Result<bool, StoreError> {
        let write = Write::delete(notice_key(disabled)).only_if(crate::write::If::Exists);
        Ok(self.write("delete a notice", write).await? == crate::request::Written::Done)
    }
}

fn notice_key(disabled: &Subscription) -> keys::Key {
    keys::notice(&disabled.tenant, &disabled.id, disabled.activity.since())
}
