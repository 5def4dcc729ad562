//! What the dispatcher needs of the world: one trait, so that a test can hang, fail or count any of it.

use spacehook_credentials::CredentialsError;
use spacehook_delivery::{AttemptRequest, AttemptResult};
use spacehook_domain::credentials::Credentials;
use spacehook_domain::delivery::Delivery;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::TenantId;
use spacehook_domain::subscription::Subscription;
use spacehook_store::RecordedAttempt;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A fault of the world around, whatever it is: never a receiver's.
pub type Fault = Box<dyn Error + Send + Sync>;

/// A queue message that can't be understood, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poison {
    /// SQS's id of the message.
    pub message_id: String,
    /// The message group; none on the queue of retries.
    pub group: Option<String>,
    /// The message as it came.
    pub body: String,
    /// What is wrong with it.
    pub cause: String,
}

/// The world of the dispatcher.
pub trait World: Sync {
    /// The version of a tenant's subscriptions.
    fn version(&self, tenant: &TenantId) -> impl Future<Output = Result<u64, Fault>> + Send;
    /// The subscriptions of a tenant to a type, enabled or not.
    fn subscriptions(
        &self,
        tenant: &TenantId,
        event_type: EventType,
    ) -> impl Future<Output = Result<Vec<Subscription>, Fault>> + Send;
    /// The credentials that go with this revision of a subscription.
    fn credentials(
        &self,
        subscription: &Subscription,
    ) -> impl Future<Output = Result<Arc<Credentials>, CredentialsError>> + Send;
    /// Makes one HTTP request.
    fn attempt(&self, request: AttemptRequest) -> impl Future<Output = Result<AttemptResult, Fault>> + Send;
    /// Hands a delivery to the queue of retries.
    fn retry(&self, delivery: &Delivery, wait: Duration) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Puts a message that can't be understood among the dead letters.
    fn bury(&self, poison: &Poison) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Records attempts.
    fn record(&self, attempts: &[RecordedAttempt]) -> impl Future<Output = Result<(), Fault>> + Send;
    /// The time.
    fn now(&self) -> jiff::Timestamp;
    /// A number drawn evenly from -1 to 1.
    fn jitter(&self) -> f64;
}
