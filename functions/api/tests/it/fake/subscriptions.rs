use super::backlogs::apply;
use super::{Contents, Fake, page};
use async_trait::async_trait;
use spacehook_api::ports::{ChangeFailed, Failed, ListFailed, SubscriptionRecords};
use spacehook_domain::attempt::{Attempt, Logged};
use spacehook_domain::backlog::{Backlog, Change};
use spacehook_domain::ids::{AttemptId, SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::notice::Notice;
use spacehook_domain::stats::{Bucket, BucketStart};
use spacehook_domain::subscription::Subscription;
use spacehook_domain::subscription::search::{Health, Search};
use spacehook_store::{AttemptFilter, Page, PageRequest, Saved};

type Key = (TenantId, SubscriptionId);

fn key(subscription: &Subscription) -> Key {
    (subscription.tenant.clone(), subscription.id.clone())
}

fn doing(contents: &Contents, subscription: &Subscription) -> Health {
    let is_failing = contents.failing_subscriptions.contains(&subscription.id);
    Health::of(subscription, is_failing, contents.backlogs.contains_key(&subscription.key()))
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
            contents.revisions.insert((before.key(), before.revision), before.clone());
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

    async fn find(
        &self,
        tenant: &TenantId,
        search: &Search,
        request: PageRequest,
    ) -> Result<Page<(Subscription, Health)>, ListFailed> {
        let all = self.perform("subscription.list", |contents| {
            let of_tenant = contents.subscriptions.values().filter(|one| one.tenant == *tenant);
            let doing = of_tenant.map(|one| (one.clone(), doing(contents, one)));
            doing.filter(|(one, health)| search.wants(one, *health)).collect::<Vec<_>>()
        })?;
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn health(&self, subscription: &Subscription) -> Result<Health, Failed> {
        self.perform("subscription.health", |contents| doing(contents, subscription))
    }

    async fn attempts(
        &self,
        _: &SubscriptionKey,
        filter: &AttemptFilter,
        wanted: &(dyn for<'a> Fn(&'a Attempt) -> bool + Send + Sync),
        request: PageRequest,
    ) -> Result<Page<Logged>, ListFailed> {
        let all = self.perform("attempts.list", |contents| contents.attempts.clone())?;
        let is_of_time = |one: &Logged| {
            let at = one.attempt.started_at;
            filter.since.is_none_or(|since| at >= since) && filter.until.is_none_or(|until| at < until)
        };
        let found: Vec<Logged> = all.into_iter().filter(|one| is_of_time(one) && wanted(&one.attempt)).collect();
        page(&found, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn attempt(&self, _: &SubscriptionKey, id: &AttemptId) -> Result<Option<Attempt>, Failed> {
        self.perform("attempt.get", |contents| {
            contents.attempts.iter().find(|one| one.id == *id).map(|one| one.attempt.clone())
        })
    }

    async fn revision(&self, key: &SubscriptionKey, revision: u64) -> Result<Option<Subscription>, Failed> {
        self.perform("subscription.revision", |contents| contents.revisions.get(&(key.clone(), revision)).cloned())
    }

    async fn buckets(&self, _: &TenantId, _: &SubscriptionId, from: BucketStart) -> Result<Vec<Bucket>, Failed> {
        self.perform("buckets.list", |contents| {
            contents.buckets.iter().filter(|bucket| bucket.start >= from).cloned().collect()
        })
    }
}
