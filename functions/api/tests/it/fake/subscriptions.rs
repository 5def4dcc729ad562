use super::backlogs::apply;
use super::{Contents, Fake, page};
use async_trait::async_trait;
use spacehook_api::ports::{ChangeFailed, Failed, ListFailed, SubscriptionRecords};
use spacehook_domain::attempt::Attempt;
use spacehook_domain::backlog::{Backlog, Change};
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::notice::Notice;
use spacehook_domain::stats::{Bucket, BucketStart};
use spacehook_domain::subscription::Subscription;
use spacehook_store::{Page, PageRequest, Saved};

type Key = (TenantId, SubscriptionId);

fn key(subscription: &Subscription) -> Key {
    (subscription.tenant.clone(), subscription.id.clone())
}

fn check_name(contents: &Contents, new: &Subscription) -> Result<(), ChangeFailed> {
    let mut others =
        contents.subscriptions.values().filter(|other| key(other) != key(new) && other.tenant == new.tenant);
    if others.any(|other| other.name.folded() == new.name.folded()) { Err(ChangeFailed::NameTaken) } else { Ok(()) }
}

fn check_revision(contents: &Contents, before: &Subscription) -> Result<(), ChangeFailed> {
    let stored = contents.subscriptions.get(&key(before)).map(|stored| stored.revision);
    if stored == Some(before.revision) { Ok(()) } else { Err(ChangeFailed::Conflict) }
}

#[async_trait]
impl SubscriptionRecords for Fake {
    async fn create(&self, subscription: &Subscription) -> Result<(), ChangeFailed> {
        self.perform("subscription.create", |contents| {
            check_name(contents, subscription)?;
            contents.subscriptions.insert(key(subscription), subscription.clone());
            Ok(())
        })?
    }

    async fn update(
        &self,
        before: &Subscription,
        after: &Subscription,
        notice: Option<&Notice>,
    ) -> Result<(), ChangeFailed> {
        self.perform("subscription.update", |contents| {
            check_revision(contents, before)?;
            check_name(contents, after)?;
            contents.subscriptions.insert(key(after), after.clone());
            contents.notices.extend(notice.cloned());
            Ok(())
        })?
    }

    async fn enable(
        &self,
        before: &Subscription,
        after: &Subscription,
        backlog_read: Option<&Backlog>,
        backlog: Backlog,
        notice: Option<&Notice>,
    ) -> Result<(), ChangeFailed> {
        self.perform("subscription.enable", |contents| {
            check_revision(contents, before)?;
            check_name(contents, after)?;
            let mut change = Change::of(after.key());
            change.set_backlog(backlog_read, backlog);
            if apply(contents, &change) == Saved::Conflict {
                return Err(ChangeFailed::Conflict);
            }
            contents.subscriptions.insert(key(after), after.clone());
            contents.notices.extend(notice.cloned());
            Ok(())
        })?
    }

    async fn delete(&self, subscription: &Subscription) -> Result<(), ChangeFailed> {
        self.perform("subscription.delete", |contents| {
            check_revision(contents, subscription)?;
            contents.subscriptions.remove(&key(subscription));
            Ok(())
        })?
    }

    async fn get(&self, tenant: &TenantId, id: &SubscriptionId) -> Result<Option<Subscription>, Failed> {
        self.perform("subscription.get", |contents| contents.subscriptions.get(&(tenant.clone(), id.clone())).cloned())
    }

    async fn list(&self, tenant: &TenantId, request: PageRequest) -> Result<Page<Subscription>, ListFailed> {
        let all = self.perform("subscription.list", |contents| {
            contents.subscriptions.values().filter(|one| one.tenant == *tenant).cloned().collect::<Vec<_>>()
        })?;
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn attempts(
        &self,
        _: &TenantId,
        _: &SubscriptionId,
        request: PageRequest,
    ) -> Result<Page<Attempt>, ListFailed> {
        let all = self.perform("attempts.list", |contents| contents.attempts.clone())?;
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn buckets(&self, _: &TenantId, _: &SubscriptionId, from: BucketStart) -> Result<Vec<Bucket>, Failed> {
        self.perform("buckets.list", |contents| {
            contents.buckets.iter().filter(|bucket| bucket.start >= from).cloned().collect()
        })
    }
}
