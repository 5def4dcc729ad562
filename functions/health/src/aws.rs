//! The world of health as it is in AWS.

use crate::ports::{Changed, Failing, Fault, MailFault, Standing, StoredNotice, StoredState, World};
use jiff::Timestamp;
use spacehook_domain::attempt::Attempt;
use spacehook_domain::backlog::{Backlog, Change};
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::failure_rate::Warning;
use spacehook_domain::ids::{SubscriptionKey, TenantId};
use spacehook_domain::job::{Job, JobKey, JobStep};
use spacehook_domain::notice::{Notice, NoticeId};
use spacehook_domain::observed::{Observed, ObservedId, ObservedKey};
use spacehook_domain::space_state::SpaceState;
use spacehook_domain::stats::{Bucket, BucketStart};
use spacehook_domain::subscription::{EmailAddress, Subscription};
use spacehook_domain::wake::Wake;
use spacehook_mail::{Mail, MailTag, Mailer};
use spacehook_queues::{EventQueue, WakeQueue};
use spacehook_store::{PageRequest, Saved, Store, StoreError};
use std::collections::BTreeSet;
use std::time::Duration;

/// Attempts of a page, and pages looked through for when an error last happened.
const ATTEMPTS: u32 = 200;
const PAGES: usize = 5;
/// What is due, of each of the index's shards: what one run may have the time for.
const DUE: u16 = 2_500;
/// Spaces of a backlog that are counted, at most.
const LANES: usize = 1_000;

/// DynamoDB, SQS and SES.
#[derive(Debug)]
pub struct AwsWorld {
    /// The table.
    pub store: Store,
    /// The queue of events.
    pub events: EventQueue,
    /// The queue of timers.
    pub wakes: WakeQueue,
    /// Sends mail; none where the deployment has no sender.
    pub mailer: Option<Mailer>,
}

impl World for AwsWorld {
    async fn failing(&self) -> Result<Vec<Failing>, Fault> {
        self.store.failing_subscriptions().await.map_err(StoreError::into)
    }

    async fn subscription(&self, key: &SubscriptionKey) -> Result<Option<Subscription>, Fault> {
        self.store.subscription(&key.tenant, &key.id).await.map_err(StoreError::into)
    }

    async fn buckets(&self, key: &SubscriptionKey, from: BucketStart) -> Result<Vec<Bucket>, Fault> {
        self.store.buckets(&key.tenant, &key.id, from).await.map_err(StoreError::into)
    }

    async fn newest_attempts(&self, key: &SubscriptionKey) -> Result<Vec<Attempt>, Fault> {
        let mut attempts = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES {
            let request = PageRequest { limit: ATTEMPTS, cursor };
            let page = self.store.list_attempts(&key.tenant, &key.id, request).await?;
            attempts.extend(page.items.into_iter().map(|logged| logged.attempt));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(attempts)
    }

    async fn disable(&self, before: &Subscription, notice: &Notice) -> Result<Changed, Fault> {
        Ok(changed(self.store.disable(before, notice).await?))
    }

    async fn warn(&self, read: &Failing, warning: &Warning, notice: &Notice) -> Result<Changed, Fault> {
        Ok(changed(self.store.warn(read, warning, notice).await?))
    }

    async fn forget(&self, read: &Failing) -> Result<(), Fault> {
        self.store.clear_failing(read).await.map_err(StoreError::into)
    }

    async fn notices(&self) -> Result<Vec<StoredNotice>, Fault> {
        self.store.list_notices().await.map_err(StoreError::into)
    }

    async fn notice(&self, id: &NoticeId) -> Result<Option<StoredNotice>, Fault> {
        self.store.notice(id).await.map_err(StoreError::into)
    }

    async fn update_notice(&self, stored: &StoredNotice, told: &Notice) -> Result<Changed, Fault> {
        Ok(changed(self.store.update_notice(stored, told).await?))
    }

    async fn subscribed(&self, tenant: &TenantId) -> Result<BTreeSet<EventType>, Fault> {
        Ok(self.store.tenant_overview(tenant).await?.subscribed)
    }

    async fn is_suspended(&self, tenant: &TenantId) -> Result<bool, Fault> {
        Ok(self.store.tenant_overview(tenant).await?.is_suspended)
    }

    async fn contacts(&self, tenant: &TenantId) -> Result<BTreeSet<EmailAddress>, Fault> {
        Ok(self.store.contacts(tenant).await?.addresses)
    }

    async fn queue(&self, events: &[Event]) -> Result<(), Fault> {
        Ok(self.events.send(events).await?)
    }

    async fn mail(&self, mail: &Mail, to: &BTreeSet<EmailAddress>, about: &NoticeId) -> Result<(), MailFault> {
        let Some(mailer) = &self.mailer else {
            return Err(MailFault { was_not_sent: true, fault: "no sender is configured (MAIL_FROM)".into() });
        };
        let sent = mailer.send(mail, to.iter(), &MailTag::of(about)).await;
        sent.map_err(|error| MailFault { was_not_sent: error.was_not_sent(), fault: error.into() })
    }

    async fn due_states(&self, now: Timestamp) -> Result<Vec<(TenantId, ObservedId)>, Fault> {
        self.store.due_states(now, DUE).await.map_err(StoreError::into)
    }

    async fn stored_state(&self, tenant: &TenantId, of: ObservedId) -> Result<StoredState, Fault> {
        self.store.stored_state(tenant, of).await.map_err(StoreError::into)
    }

    async fn observed(&self, tenant: &TenantId, key: &ObservedKey) -> Result<Option<Observed>, Fault> {
        self.store.observed(tenant, key).await.map_err(StoreError::into)
    }

    async fn save_state(
        &self,
        tenant: &TenantId,
        of: ObservedId,
        expected_version: u64,
        state: &SpaceState,
        pending: &[Event],
        due_at: Option<Timestamp>,
    ) -> Result<Changed, Fault> {
        Ok(changed(self.store.save_state(tenant, of, expected_version, state, pending, due_at).await?))
    }

    async fn clear_pending(&self, tenant: &TenantId, of: ObservedId, version: u64) -> Result<(), Fault> {
        self.store.clear_pending(tenant, of, version).await.map_err(StoreError::into)
    }

    async fn set_due(
        &self,
        tenant: &TenantId,
        of: ObservedId,
        version: u64,
        due_at: Option<Timestamp>,
    ) -> Result<(), Fault> {
        self.store.set_due(tenant, of, version, due_at).await.map_err(StoreError::into)
    }

    async fn overdue_backlogs(&self, now: Timestamp) -> Result<Vec<SubscriptionKey>, Fault> {
        self.store.overdue_backlogs(now, DUE).await.map_err(StoreError::into)
    }

    async fn standing(&self, key: &SubscriptionKey) -> Result<Standing, Fault> {
        let Some(backlog) = self.store.backlog(key).await? else { return Ok(Standing::default()) };
        let lanes = self.store.first_lanes(key, LANES).await?;
        Ok(Standing { is_open: backlog.breaker.is_open(), waiting: lanes.iter().map(|lane| lane.count).sum() })
    }

    async fn backlog(&self, key: &SubscriptionKey) -> Result<Option<Backlog>, Fault> {
        self.store.backlog(key).await.map_err(StoreError::into)
    }

    async fn replace_backlog(&self, key: &SubscriptionKey, read: &Backlog, new: Backlog) -> Result<Changed, Fault> {
        let mut change = Change::of(key.clone());
        change.set_backlog(Some(read), new);
        Ok(changed(self.store.change_backlog(&change, self.now()).await?))
    }

    async fn wake(&self, wake: &Wake) -> Result<(), Fault> {
        Ok(self.wakes.send(wake, Duration::ZERO).await?)
    }

    async fn overdue_jobs(&self, now: Timestamp) -> Result<Vec<JobKey>, Fault> {
        self.store.overdue_jobs(now, DUE).await.map_err(StoreError::into)
    }

    async fn job(&self, key: &JobKey) -> Result<Option<Job>, Fault> {
        self.store.job(key).await.map_err(StoreError::into)
    }

    async fn step(&self, step: &JobStep) -> Result<(), Fault> {
        Ok(self.wakes.send_step(step, Duration::ZERO).await?)
    }

    fn now(&self) -> Timestamp {
        let now = spacehook_runtime::now();
        // Cutting a time that exists leaves one that exists.
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

fn changed(saved: Saved) -> Changed {
    match saved {
        Saved::Yes => Changed::Yes,
        Saved::Conflict => Changed::Conflict,
    }
}
