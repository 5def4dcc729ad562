//! Enabling and disabling, with what has to happen in the same transaction.

use crate::Store;
use crate::backlog::replace_backlog;
use crate::error::StoreError;
use crate::notices::put_notice;
use crate::states::Saved;
use crate::subscriptions::{ChangeError, Part};
use jiff::Timestamp;
use spacehook_domain::backlog::{Backlog, Change, Enlist};
use spacehook_domain::notice::Notice;
use spacehook_domain::subscription::Subscription;

impl Store {
    /// Replaces a subscription as [`Store::update_subscription`] does, and in the same transaction puts a backlog in the
    /// place of the one that was read, and notes it at the tenant. `new` is the backlog as it shall be; its version
    /// follows from what was read. A notice tells of it. `now` is when.
    ///
    /// [`Saved::Conflict`]: the backlog is not as it was read, and nothing is done; read it again. That the subscription is
    /// not as it was read is [`ChangeError::Conflict`].
    ///
    /// Costs what `update_subscription` costs, and 1 item more, and 1 for the notice.
    pub async fn enable_subscription(
        &self,
        before: &Subscription,
        after: &Subscription,
        backlog_read: Option<&Backlog>,
        new: Backlog,
        notice: Option<&Notice>,
        now: Timestamp,
    ) -> Result<Saved, ChangeError> {
        let mut change = Change::of(after.key());
        change.set_backlog(backlog_read, new);
        let backlog = change.backlog.map(|replace| replace_backlog(&change.subscription, &replace, now)).transpose()?;
        let notice = notice.map(put_notice).transpose()?.map(|write| (Part::Notice, write));
        let also = backlog.map(|write| (Part::Backlog, write)).into_iter().chain(notice).collect();
        self.replace_subscription("enable a subscription", (before, after), Some(Enlist::Add), also).await
    }

    /// Replaces a subscription as [`Store::update_subscription`] does, and leaves the notice of it in the same transaction:
    /// so there is exactly one for each change. Costs 1 item more.
    pub async fn update_subscription_with_notice(
        &self,
        before: &Subscription,
        after: &Subscription,
        notice: &Notice,
    ) -> Result<(), ChangeError> {
        let also = vec![(Part::Notice, put_notice(notice)?)];
        self.replace_subscription("update a subscription", (before, after), None, also).await.map(|_| ())
    }

    /// Disables an enabled subscription, if it still is as it was read, with the notice of it. Costs 1 `TransactWriteItems`
    /// of 4 items, and 1 for each event type.
    pub async fn disable(&self, before: &Subscription, disabled: &Notice) -> Result<Saved, StoreError> {
        if !before.activity.is_enabled() {
            return Ok(Saved::Conflict);
        }
        match self.update_subscription_with_notice(before, &disabled.subscription, disabled).await {
            Ok(()) => Ok(Saved::Yes),
            Err(ChangeError::Store(error)) => Err(error),
            // Name and types are as they were, so these are conflicts too.
            Err(
                ChangeError::Conflict
                | ChangeError::NameTaken
                | ChangeError::LimitReached(_)
                | ChangeError::TenantFull(_),
            ) => Ok(Saved::Conflict),
        }
    }
}
