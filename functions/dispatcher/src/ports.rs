//! What the dispatcher needs of the world: one trait, so that a test can hang, fail, crash or count any of it.

use spacehook_authentication::Outgoing;
use spacehook_delivery::AttemptResult;
use spacehook_domain::backlog::{Backlog, Change, Kept, Lane};
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::{SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::{RateLimit, Subscription};
use spacehook_domain::wake::Wake;
use spacehook_store::RecordedAttempt;
pub use spacehook_store::{RecordedDrop as Drop, Standing};
use std::collections::BTreeSet;
use std::error::Error;
use std::future::Future;
use std::time::Duration;

/// A fault of the world around, whatever it is: never a receiver's.
pub type Fault = Box<dyn Error + Send + Sync>;

/// What every batch reads of a tenant first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// The version of its subscriptions.
    pub version: u64,
    /// Which of them have a backlog.
    pub backlogs: BTreeSet<SubscriptionId>,
    /// The types that ever had so many subscriptions that events are split into shares: with one, all are.
    pub split: BTreeSet<EventType>,
}

/// What came of a conditional change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It took place.
    Yes,
    /// Something is not as it was read: nothing took place.
    Conflict,
}

/// Which queue a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// `events.fifo`.
    Events,
    /// `retries`.
    Retries,
}

/// A message that is in our hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its queue.
    pub queue: Queue,
    /// SQS's handle of this receipt.
    pub handle: String,
    /// How often it has been received, with this time.
    pub times: u32,
    /// When it was received the first time.
    pub first_at: Option<jiff::Timestamp>,
}

/// A queue message that can't be understood, or that we fail on again and again, and why.
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

/// The world of the dispatcher. Every read is strongly consistent.
pub trait World: Sync {
    /// What there is to know of a tenant before anything else.
    fn overview(&self, tenant: &TenantId) -> impl Future<Output = Result<Overview, Fault>> + Send;
    /// The subscriptions of a tenant to a type, enabled or not.
    fn subscriptions(
        &self,
        tenant: &TenantId,
        event_type: EventType,
    ) -> impl Future<Output = Result<Vec<Subscription>, Fault>> + Send;
    /// A subscription.
    fn subscription(&self, key: &SubscriptionKey) -> impl Future<Output = Result<Option<Subscription>, Fault>> + Send;
    /// Makes one attempt: credentials, token, request and answer.
    fn attempt(&self, outgoing: Outgoing<'_>) -> impl Future<Output = Result<AttemptResult, Fault>> + Send;

    /// The backlogs of these subscriptions, and these lanes of them; one answer each, in the same order.
    fn standings(
        &self,
        wanted: &[(SubscriptionKey, BTreeSet<Stream>)],
    ) -> impl Future<Output = Result<Vec<Standing>, Fault>> + Send;
    /// The backlog of a subscription.
    fn backlog(&self, key: &SubscriptionKey) -> impl Future<Output = Result<Option<Backlog>, Fault>> + Send;
    /// All lanes of a subscription.
    fn lanes(&self, key: &SubscriptionKey) -> impl Future<Output = Result<Vec<Lane>, Fault>> + Send;
    /// The first deliveries that wait in a lane, in order, at most so many.
    fn waiting(
        &self,
        key: &SubscriptionKey,
        stream: Stream,
        most: usize,
    ) -> impl Future<Output = Result<Vec<Kept>, Fault>> + Send;
    /// Changes a backlog: all that the change says, or nothing.
    fn change(&self, change: &Change) -> impl Future<Output = Result<Changed, Fault>> + Send;
    /// Sets a timer.
    fn wake(&self, wake: &Wake, after: Duration) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Queues every share of an event, each in its own message group. Queued again within five minutes, a share is the
    /// same.
    fn share(&self, event: &Event) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Disables a subscription whose receiver is gone, if it still is as it was read, and has its contacts told.
    fn disable(
        &self,
        subscription: &Subscription,
        at: jiff::Timestamp,
    ) -> impl Future<Output = Result<Changed, Fault>> + Send;
    /// Takes up to so many of the attempts that a subscription's rate limit allows in this second (since 1970).
    fn permits(
        &self,
        key: &SubscriptionKey,
        limit: RateLimit,
        second: i64,
        wanted: u32,
    ) -> impl Future<Output = Result<u32, Fault>> + Send;

    /// Puts a message among the dead letters, with its cause.
    fn bury(&self, poison: &Poison) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Has a message that is given back come again after this time.
    fn show_again(&self, receipt: &Receipt, after: Duration) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Records attempts and drops.
    fn record(&self, attempts: &[RecordedAttempt], drops: &[Drop]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The time.
    fn now(&self) -> jiff::Timestamp;
    /// Lets time pass.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
    /// A number drawn evenly from -1 to 1.
    fn jitter(&self) -> f64;
}
