//! The world of health as it is in AWS.

use crate::ports::{Changed, Fault, World};
use jiff::Timestamp;
use spacehook_domain::attempt::Attempt;
use spacehook_domain::backlog::Backlog;
use spacehook_domain::ids::{SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::stats::{Bucket, BucketStart};
use spacehook_domain::subscription::{EmailAddress, Subscription};
use spacehook_domain::wake::Wake;
use spacehook_mail::{Mail, Mailer};
use spacehook_queues::WakeQueue;
use spacehook_store::{ChangeError, PageRequest, Store, StoreError};
use std::collections::BTreeSet;
use std::time::Duration;

/// Attempts looked through for when an error last happened.
const ATTEMPTS: u32 = 200;

/// DynamoDB, SQS and SES.
#[derive(Debug)]
pub struct AwsWorld {
    /// The table.
    pub store: Store,
    /// The queue of timers.
    pub wakes: WakeQueue,
    /// Sends mail; none where the deployment has no sender.
    pub mailer: Option<Mailer>,
}

impl World for AwsWorld {
    async fn failing(&self) -> Result<Vec<(TenantId, SubscriptionId)>, Fault> {
        self.store.failing_subscriptions().await.map_err(StoreError::into)
    }

    async fn subscription(&self, tenant: &TenantId, id: &SubscriptionId) -> Result<Option<Subscription>, Fault> {
        self.store.subscription(tenant, id).await.map_err(StoreError::into)
    }

    async fn buckets(&self, tenant: &TenantId, id: &SubscriptionId, from: BucketStart) -> Result<Vec<Bucket>, Fault> {
        self.store.buckets(tenant, id, from).await.map_err(StoreError::into)
    }

    async fn newest_attempts(&self, tenant: &TenantId, id: &SubscriptionId) -> Result<Vec<Attempt>, Fault> {
        let page = self.store.list_attempts(tenant, id, PageRequest { limit: ATTEMPTS, cursor: None }).await?;
        Ok(page.items)
    }

    async fn change(&self, before: &Subscription, after: &Subscription) -> Result<Changed, Fault> {
        match self.store.update_subscription(before, after).await {
            Ok(()) => Ok(Changed::Yes),
            Err(ChangeError::Conflict) => Ok(Changed::Conflict),
            Err(error) => Err(error.into()),
        }
    }

    async fn forget(&self, tenant: &TenantId, id: &SubscriptionId) -> Result<(), Fault> {
        self.store.clear_failing(tenant, id).await.map_err(StoreError::into)
    }

    async fn backlog(&self, key: &SubscriptionKey) -> Result<Option<Backlog>, Fault> {
        self.store.backlog(key).await.map_err(StoreError::into)
    }

    async fn wake(&self, wake: &Wake) -> Result<(), Fault> {
        Ok(self.wakes.send(wake, Duration::ZERO).await?)
    }

    async fn notices(&self) -> Result<Vec<Subscription>, Fault> {
        self.store.list_notices().await.map_err(StoreError::into)
    }

    async fn delete_notice(&self, disabled: &Subscription) -> Result<(), Fault> {
        // False where another run was faster: it is gone either way.
        let _ = self.store.delete_notice(disabled).await?;
        Ok(())
    }

    async fn mail(&self, mail: &Mail, to: &BTreeSet<EmailAddress>) -> Result<(), Fault> {
        let mailer = self.mailer.as_ref().ok_or("no sender is configured (MAIL_FROM): no mail can be sent")?;
        Ok(mailer.send(mail, to.iter()).await?)
    }

    fn now(&self) -> Timestamp {
        spacehook_runtime::now()
    }
}
