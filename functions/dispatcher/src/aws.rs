//! The dispatcher's world as it is in AWS.

use crate::ports::{Fault, Poison, World};
use aws_sdk_sqs::types::MessageAttributeValue;
use spacehook_credentials::{CachedCredentials, CredentialsError, SecretName, SecretVersion};
use spacehook_delivery::{AttemptError, AttemptRequest, AttemptResult, ReceiverClient};
use spacehook_domain::credentials::Credentials;
use spacehook_domain::delivery::Delivery;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::TenantId;
use spacehook_domain::subscription::Subscription;
use spacehook_queues::{QueueError, RetryQueue};
use spacehook_store::{RecordedAttempt, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// DynamoDB, Secrets Manager, SQS and HTTPS.
#[derive(Debug)]
pub struct AwsWorld {
    /// The table.
    pub store: Store,
    /// The credentials, kept in memory by version.
    pub credentials: CachedCredentials,
    /// The HTTPS client.
    pub receivers: ReceiverClient,
    /// The queue of retries.
    pub retries: RetryQueue,
    /// For the dead letters.
    pub sqs: aws_sdk_sqs::Client,
    /// Where unreadable events go (FIFO).
    pub events_dead_url: String,
    /// Where unreadable retries go.
    pub retries_dead_url: String,
}

impl World for AwsWorld {
    async fn version(&self, tenant: &TenantId) -> Result<u64, Fault> {
        Ok(self.store.tenant_overview(tenant).await?.version)
    }

    async fn subscriptions(&self, tenant: &TenantId, event_type: EventType) -> Result<Vec<Subscription>, Fault> {
        self.store.matching_subscriptions(tenant, event_type).await.map_err(StoreError::into)
    }

    async fn credentials(&self, subscription: &Subscription) -> Result<Arc<Credentials>, CredentialsError> {
        let (name, version) = (SecretName::of(subscription), SecretVersion::of(subscription));
        self.credentials.get(&name, &version, self.now()).await
    }

    async fn attempt(&self, request: AttemptRequest) -> Result<AttemptResult, Fault> {
        self.receivers.attempt(request).await.map_err(AttemptError::into)
    }

    async fn retry(&self, delivery: &Delivery, wait: Duration) -> Result<(), Fault> {
        self.retries.send(delivery, wait).await.map_err(QueueError::into)
    }

    async fn bury(&self, poison: &Poison) -> Result<(), Fault> {
        let cause = MessageAttributeValue::builder().data_type("String").string_value(&poison.cause).build()?;
        let url = if poison.group.is_some() { &self.events_dead_url } else { &self.retries_dead_url };
        let request =
            self.sqs.send_message().queue_url(url).message_body(&poison.body).message_attributes("cause", cause);
        let request = match &poison.group {
            Some(group) => request.message_group_id(group).message_deduplication_id(&poison.message_id),
            None => request,
        };
        request.send().await?;
        Ok(())
    }

    async fn record(&self, attempts: &[RecordedAttempt]) -> Result<(), Fault> {
        self.store.record_attempts(attempts, Uuid::now_v7).await.map_err(StoreError::into)
    }

    fn now(&self) -> jiff::Timestamp {
        spacehook_runtime::now()
    }

    fn jitter(&self) -> f64 {
        fastrand::f64() * 2.0 - 1.0
    }
}
