//! What health needs of the world.

use jiff::Timestamp;
use spacehook_domain::attempt::Attempt;
use spacehook_domain::backlog::Backlog;
use spacehook_domain::ids::{SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::stats::{Bucket, BucketStart};
use spacehook_domain::subscription::{EmailAddress, Subscription};
use spacehook_domain::wake::Wake;
use spacehook_mail::Mail;
use std::collections::BTreeSet;
use std::error::Error;
use std::future::Future;

/// A fault of the world around.
pub type Fault = Box<dyn Error + Send + Sync>;

/// What came of a conditional change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It took place.
    Yes,
    /// Somebody else changed the subscription first.
    Conflict,
}

/// The world of the health function.
pub trait World: Sync {
    /// Subscriptions that failed lately.
    fn failing(&self) -> impl Future<Output = Result<Vec<(TenantId, SubscriptionId)>, Fault>> + Send;
    /// One of them.
    fn subscription(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
    ) -> impl Future<Output = Result<Option<Subscription>, Fault>> + Send;
    /// Its counts since then.
    fn buckets(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
        from: BucketStart,
    ) -> impl Future<Output = Result<Vec<Bucket>, Fault>> + Send;
    /// Its newest attempts, the newest first: as many as one page holds.
    fn newest_attempts(
        &self,
        tenant: &TenantId,
        id: &SubscriptionId,
    ) -> impl Future<Output = Result<Vec<Attempt>, Fault>> + Send;
    /// Changes it, if it still is as `before`.
    fn change(
        &self,
        before: &Subscription,
        after: &Subscription,
    ) -> impl Future<Output = Result<Changed, Fault>> + Send;
    /// Takes it off the list of those that failed lately.
    fn forget(&self, tenant: &TenantId, id: &SubscriptionId) -> impl Future<Output = Result<(), Fault>> + Send;
    /// What is recorded of its backlog.
    fn backlog(&self, key: &SubscriptionKey) -> impl Future<Output = Result<Option<Backlog>, Fault>> + Send;
    /// Has a run look at its backlog at once.
    fn wake(&self, wake: &Wake) -> impl Future<Output = Result<(), Fault>> + Send;
    /// The subscriptions whose receiver is gone and whose contacts have not been told, each as it was disabled.
    fn notices(&self) -> impl Future<Output = Result<Vec<Subscription>, Fault>> + Send;
    /// Forgets the notice of one.
    fn delete_notice(&self, disabled: &Subscription) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Sends a mail.
    fn mail(&self, mail: &Mail, to: &BTreeSet<EmailAddress>) -> impl Future<Output = Result<(), Fault>> + Send;
    /// The time.
    fn now(&self) -> Timestamp;
}

/// Logs a fault of one subscription: it is not the others'.
pub(crate) fn log_fault(tenant: &TenantId, id: &SubscriptionId, fault: &Fault, what: &'static str) {
    let cause = fault.source().map(ToString::to_string);
    tracing::error!(%tenant, subscription = %id, error = %fault, cause, "{what}");
}
