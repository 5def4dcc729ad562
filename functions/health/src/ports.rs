//! What health needs of the world: one trait, so that a test can fail, lose or interleave any of it.

use jiff::Timestamp;
use spacehook_domain::attempt::Attempt;
use spacehook_domain::backlog::Backlog;
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
use spacehook_mail::Mail;
pub use spacehook_store::{Failing, StoredNotice, StoredState};
use std::collections::BTreeSet;
use std::error::Error;
use std::future::Future;

/// A fault of the world around.
pub type Fault = Box<dyn Error + Send + Sync>;

/// What came of a conditional change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Changed {
    /// It took place.
    Yes,
    /// Somebody else was faster: nothing took place.
    Conflict,
}

/// A mail that is not known to be sent.
#[derive(Debug)]
pub struct MailFault {
    /// Certainly it was not sent; else nobody knows.
    pub was_not_sent: bool,
    /// Why.
    pub fault: Fault,
}

/// How it stands with a backlog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its breaker is open.
    pub is_open: bool,
    /// Deliveries that wait.
    pub waiting: u64,
}

/// The world of the health function.
pub trait World: Sync {
    /// Subscriptions that failed lately.
    fn failing(&self) -> impl Future<Output = Result<Vec<Failing>, Fault>> + Send;
    /// A subscription.
    fn subscription(&self, key: &SubscriptionKey) -> impl Future<Output = Result<Option<Subscription>, Fault>> + Send;
    /// Its counts since then.
    fn buckets(
        &self,
        key: &SubscriptionKey,
        from: BucketStart,
    ) -> impl Future<Output = Result<Vec<Bucket>, Fault>> + Send;
    /// Its newest attempts, the newest first: enough to have one of each frequent error.
    fn newest_attempts(&self, key: &SubscriptionKey) -> impl Future<Output = Result<Vec<Attempt>, Fault>> + Send;
    /// Disables it, if it still is as `before`, and keeps the notice of it: both or neither.
    fn disable(&self, before: &Subscription, notice: &Notice) -> impl Future<Output = Result<Changed, Fault>> + Send;
    /// Remembers a warning, if what is remembered is as it was read, and keeps the notice of it: both or neither.
    fn warn(
        &self,
        read: &Failing,
        warning: &Warning,
        notice: &Notice,
    ) -> impl Future<Output = Result<Changed, Fault>> + Send;
    /// Takes one off the list of those that failed lately, if it has not failed since it was read.
    fn forget(&self, read: &Failing) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The notices that are not told in full.
    fn notices(&self) -> impl Future<Output = Result<Vec<StoredNotice>, Fault>> + Send;
    /// One of them; none where it is told.
    fn notice(&self, id: &NoticeId) -> impl Future<Output = Result<Option<StoredNotice>, Fault>> + Send;
    /// Puts a notice in the place of one that was read; one that is told in full goes.
    fn update_notice(
        &self,
        stored: &StoredNotice,
        told: &Notice,
    ) -> impl Future<Output = Result<Changed, Fault>> + Send;
    /// The types of event that anybody of a tenant subscribes to.
    fn subscribed(&self, tenant: &TenantId) -> impl Future<Output = Result<BTreeSet<EventType>, Fault>> + Send;
    /// Whether a tenant is suspended: then nothing is sent for it.
    fn is_suspended(&self, tenant: &TenantId) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Who is told of subscriptions without contacts.
    fn contacts(&self, tenant: &TenantId) -> impl Future<Output = Result<BTreeSet<EmailAddress>, Fault>> + Send;
    /// Queues events in their order. Queued again within five minutes, an event is the same.
    fn queue(&self, events: &[Event]) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Sends a mail about a notice.
    fn mail(
        &self,
        mail: &Mail,
        to: &BTreeSet<EmailAddress>,
        about: &NoticeId,
    ) -> impl Future<Output = Result<(), MailFault>> + Send;

    /// States that are to be looked at, the longest due first.
    fn due_states(&self, now: Timestamp) -> impl Future<Output = Result<Vec<(TenantId, ObservedId)>, Fault>> + Send;
    /// The state of one.
    fn stored_state(
        &self,
        tenant: &TenantId,
        of: ObservedId,
    ) -> impl Future<Output = Result<StoredState, Fault>> + Send;
    /// A space or a group of sensors, by the customer's own names.
    fn observed(
        &self,
        tenant: &TenantId,
        key: &ObservedKey,
    ) -> impl Future<Output = Result<Option<Observed>, Fault>> + Send;
    /// Writes a state with the events that it causes, if nobody wrote it since.
    fn save_state(
        &self,
        tenant: &TenantId,
        of: ObservedId,
        expected_version: u64,
        state: &SpaceState,
        pending: &[Event],
        due_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<Changed, Fault>> + Send;
    /// Forgets what was queued, if nobody wrote the state since.
    fn clear_pending(
        &self,
        tenant: &TenantId,
        of: ObservedId,
        version: u64,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Has it looked at then, or no more, if nobody wrote its state since.
    fn set_due(
        &self,
        tenant: &TenantId,
        of: ObservedId,
        version: u64,
        due_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Backlogs whose timer should have come, and did not.
    fn overdue_backlogs(&self, now: Timestamp) -> impl Future<Output = Result<Vec<SubscriptionKey>, Fault>> + Send;
    /// How it stands with the backlog of a subscription.
    fn standing(&self, key: &SubscriptionKey) -> impl Future<Output = Result<Standing, Fault>> + Send;
    /// What is recorded of a backlog.
    fn backlog(&self, key: &SubscriptionKey) -> impl Future<Output = Result<Option<Backlog>, Fault>> + Send;
    /// Puts a backlog in the place of the one that was read.
    fn replace_backlog(
        &self,
        key: &SubscriptionKey,
        read: &Backlog,
        new: Backlog,
    ) -> impl Future<Output = Result<Changed, Fault>> + Send;
    /// Has a run look at a backlog at once.
    fn wake(&self, wake: &Wake) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Jobs whose step should have come, and did not.
    fn overdue_jobs(&self, now: Timestamp) -> impl Future<Output = Result<Vec<JobKey>, Fault>> + Send;
    /// A job.
    fn job(&self, key: &JobKey) -> impl Future<Output = Result<Option<Job>, Fault>> + Send;
    /// Has a step of a job made at once.
    fn step(&self, step: &JobStep) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The time, to the millisecond.
    fn now(&self) -> Timestamp;
}
