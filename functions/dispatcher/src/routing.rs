//! From the messages of a batch to what each subscription is due.

use crate::batch::{Content, Message};
use crate::subscriptions::{Listed, Snapshot};
use bytes::Bytes;
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::matching;
use spacehook_domain::share::share_of;
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::Subscription;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// A delivery that a message calls for.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// The place of the message in the batch.
    pub(crate) message: usize,
    /// What is delivered.
    pub(crate) event: Arc<Event>,
    /// Its body without any subscription's own pairs, made when it is first wanted.
    pub(crate) body: Arc<OnceLock<Bytes>>,
}

/// Deliveries to one subscription of one space, in the order of their events.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) stream: Stream,
    pub(crate) tasks: Vec<Task>,
}

/// What a batch holds for one subscription.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) subscription: Arc<Subscription>,
    pub(crate) lines: Vec<Line>,
    /// Its tenant is suspended: all of it is kept, and nothing tried.
    pub(crate) is_held: bool,
}

/// What there is to do with a batch's events.
#[derive(Debug, Default)]
pub(crate) struct Routed {
    /// Deliveries, by subscription.
    pub(crate) jobs: Vec<Job>,
    /// Messages whose event is to be split into shares, in order.
    pub(crate) to_split: Vec<usize>,
    /// Messages that can't be worked on now: they go back, and what follows them in their group with them.
    pub(crate) give_back: BTreeSet<usize>,
}

/// Deliveries to one subscription, by space, as they are collected.
type Lines = BTreeMap<Stream, Vec<Task>>;

/// The tenants and types that a batch brings events of.
pub(crate) fn wanted(messages: &[Message]) -> BTreeMap<TenantId, BTreeSet<EventType>> {
    let mut wanted: BTreeMap<TenantId, BTreeSet<EventType>> = BTreeMap::new();
    for event in messages.iter().filter_map(Message::event) {
        wanted.entry(event.tenant.clone()).or_default().insert(event.event_type);
    }
    wanted
}

/// Finds what each subscription is due. What follows a message that is given back, in its group, is given back too: it
/// must not overtake it.
pub(crate) fn route(messages: &[Message], snapshot: &Snapshot, mut give_back: BTreeSet<usize>) -> Routed {
    let mut jobs: BTreeMap<(&TenantId, &SubscriptionId), (Arc<Subscription>, Lines)> = BTreeMap::new();
    let mut to_split = Vec::new();
    let mut blocked: BTreeSet<String> = BTreeSet::new();
    for (place, message) in messages.iter().enumerate() {
        let group = message.group();
        if give_back.contains(&place) || group.as_ref().is_some_and(|group| blocked.contains(group)) {
            give_back.insert(place);
            blocked.extend(group);
            continue;
        }
        let Some(event) = message.event() else { continue };
        let listed = match found(snapshot, event) {
            Ok(listed) => listed,
            Err(cause) => {
                tracing::error!(tenant = %event.tenant, message_id = message.id, cause, "a tenant can't be read");
                give_back.insert(place);
                blocked.extend(group);
                continue;
            }
        };
        if matches!(message.content, Content::Event(_)) && is_split(snapshot, event) {
            to_split.push(place);
            continue;
        }
        let task = Task { message: place, event: Arc::new(event.clone()), body: Arc::default() };
        for subscription in listed.iter().filter(|subscription| is_due(message, subscription)) {
            let job = jobs.entry((&subscription.tenant, &subscription.id));
            let (_, lines) = job.or_insert_with(|| (subscription.clone(), Lines::new()));
            lines.entry(event.stream()).or_default().push(task.clone());
        }
    }
    let jobs = jobs.into_values().map(|(subscription, lines)| job(subscription, lines, snapshot)).collect();
    Routed { jobs, to_split, give_back }
}

fn job(subscription: Arc<Subscription>, lines: Lines, snapshot: &Snapshot) -> Job {
    let in_order = |(stream, mut tasks): (Stream, Vec<Task>)| {
        tasks.sort_by_key(|task| task.event.sequence);
        Line { stream, tasks }
    };
    let of_tenant = snapshot.get(&subscription.tenant).and_then(|found| found.as_ref().ok());
    let is_held = of_tenant.is_some_and(|of_tenant| of_tenant.overview.is_suspended);
    Job { subscription, lines: lines.into_iter().map(in_order).collect(), is_held }
}

fn found<'a>(snapshot: &'a Snapshot, event: &Event) -> Result<&'a Listed, &'a str> {
    match snapshot.get(&event.tenant) {
        Some(Ok(of_tenant)) => match of_tenant.listed.get(&event.event_type) {
            Some(Ok(listed)) => Ok(listed),
            Some(Err(cause)) => Err(cause),
            None => Err("its type was not asked for"),
        },
        Some(Err(cause)) => Err(cause),
        None => Err("it was not asked for"),
    }
}

/// Whether an event is split. With one type of a tenant all are: order holds across types, and an event that is not
/// split could overtake one that is.
fn is_split(snapshot: &Snapshot, event: &Event) -> bool {
    let of_tenant = snapshot.get(&event.tenant).and_then(|found| found.as_ref().ok());
    of_tenant.is_some_and(|of_tenant| !of_tenant.overview.split.is_empty())
}

/// Whether a message calls for a delivery to this subscription, now or, while it is disabled, later.
fn is_due(message: &Message, subscription: &Subscription) -> bool {
    let (event, in_share) = match &message.content {
        Content::Event(event) => (event.as_ref(), true),
        Content::Share(share) => (&share.event, share_of(&subscription.id) == share.share),
        Content::Wake(_) | Content::Step(_) | Content::Poison(_) => return false,
    };
    in_share && matching::wants(subscription, event).is_ok()
}
