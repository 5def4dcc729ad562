//! What the dispatcher needs of the world: one trait, so that a test can hang, fail, crash or count any of it.

use spacehook_authentication::Outgoing;
use spacehook_delivery::AttemptResult;
use spacehook_domain::backlog::{Backlog, Change, Dead, Kept, KeptKey, Lane};
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::{EventId, SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::job::{Job, JobKey, JobStep};
use spacehook_domain::kept_events::{Pack, Position, Scanned, Window};
use spacehook_domain::place::Space;
use spacehook_domain::space_state::SpaceState;
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::{RateLimit, Subscription};
use spacehook_domain::wake::Wake;
use spacehook_store::RecordedAttempt;
pub use spacehook_store::{Advanced, RecordedDrop as Drop, Standing};
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
    /// Nothing is tried for it: what happens is kept.
    pub is_suspended: bool,
}

/// Spaces with their state, and where their list goes on; none at its end.
pub type SpacesFound = (Vec<(Space, SpaceState)>, Option<String>);

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
    /// Deletes some of what a subscription that is gone left behind, all but the backlog itself; true once nothing is left.
    fn purge(&self, key: &SubscriptionKey) -> impl Future<Output = Result<bool, Fault>> + Send;
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
    /// Records attempts and drops, and keeps packs of events.
    fn record(
        &self,
        attempts: &[RecordedAttempt],
        drops: &[Drop],
        packs: &[Pack],
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// A job.
    fn job(&self, key: &JobKey) -> impl Future<Output = Result<Option<Job>, Fault>> + Send;
    /// Puts a job in the place of the one that was read.
    fn save_job(&self, read: &Job, new: &Job) -> impl Future<Output = Result<Changed, Fault>> + Send;
    /// Does a part of a job, and notes it: the change, these dead deliveries dead no more, and the job as it is then; or
    /// nothing.
    fn advance_job(
        &self,
        read: &Job,
        new: &Job,
        change: &Change,
        dead: &[Dead],
    ) -> impl Future<Output = Result<Advanced, Fault>> + Send;
    /// Has the next step of a job made after this time.
    fn next_step(&self, step: &JobStep, after: Duration) -> impl Future<Output = Result<(), Fault>> + Send;
    /// The kept event of this id, where it is kept.
    fn kept_event(&self, tenant: &TenantId, id: &EventId) -> impl Future<Output = Result<Option<Event>, Fault>> + Send;
    /// A part of the kept events of a tenant that were received in a window: at most so many, from a position on.
    fn kept_events(
        &self,
        tenant: &TenantId,
        window: Window,
        position: &Position,
        most: usize,
    ) -> impl Future<Output = Result<Scanned, Fault>> + Send;
    /// The dead deliveries of a subscription that died before a moment, the first to die first, at most so many, after one
    /// of them.
    fn oldest_dead(
        &self,
        key: &SubscriptionKey,
        after: Option<(jiff::Timestamp, &EventId)>,
        before: jiff::Timestamp,
        most: usize,
    ) -> impl Future<Output = Result<Vec<Dead>, Fault>> + Send;
    /// Which of these deliveries wait.
    fn waiting_among(
        &self,
        key: &SubscriptionKey,
        places: &BTreeSet<KeptKey>,
    ) -> impl Future<Output = Result<BTreeSet<KeptKey>, Fault>> + Send;
    /// Spaces of a tenant with their state, at most so many, from where their list goes on; and where it goes on then.
    fn spaces(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        most: usize,
    ) -> impl Future<Output = Result<SpacesFound, Fault>> + Send;

    /// The time.
    fn now(&self) -> jiff::Timestamp;
    /// Lets time pass.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
    /// A number drawn evenly from -1 to 1.
    fn jitter(&self) -> f64;
}
