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

/// How long a retry may take to be queued: what is not queued by then is given back with its message.
const QUEUE_LIMIT: Duration = Duration::from_secs(1);
/// How long attempts may take to be recorded. The deliveries are made: to outlive the invocation over their record
/// would have all of them made again.
const RECORD_LIMIT: Duration = Duration::from_secs(2);
/// Characters of a cause that go with a buried message.
const CAUSE_CHARACTERS: usize = 512;

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
        match tokio::time::timeout(QUEUE_LIMIT, self.retries.send(delivery, wait)).await {
            Ok(sent) => sent.map_err(QueueError::into),
            Err(_) => Err("the queue of retries did not answer in time".into()),
        }
    }

    async fn bury(&self, poison: &Poison) -> Result<(), Fault> {
        let cause =
            MessageAttributeValue::builder().data_type("String").string_value(attribute(&poison.cause)).build()?;
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
        match tokio::time::timeout(RECORD_LIMIT, self.store.record_attempts(attempts, Uuid::now_v7)).await {
            Ok(recorded) => recorded.map_err(StoreError::into),
            Err(_) => Err("the table did not take them in time".into()),
        }
    }

    fn now(&self) -> jiff::Timestamp {
        spacehook_runtime::now()
    }

    fn jitter(&self) -> f64 {
        fastrand::f64() * 2.0 - 1.0
    }
}

/// A text as SQS takes it in an attribute. It may repeat what a hostile message said.
fn attribute(text: &str) -> String {
    let taken = |character: &char| !character.is_control() && !matches!(character, '\u{fffe}' | '\u{ffff}');
    text.chars().filter(taken).take(CAUSE_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::{CAUSE_CHARACTERS, attribute};

    #[test]
    fn a_cause_fits_an_attribute_whatever_it_repeats() {
        assert_eq!(attribute("bad\u{1}\u{ffff} \"x\"\n"), "bad \"x\"");
        assert_eq!(attribute(&"é".repeat(9_000)).chars().count(), CAUSE_CHARACTERS);
    }
}
