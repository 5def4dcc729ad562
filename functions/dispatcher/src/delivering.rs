//! The delivering of a batch.

use crate::attempting::trace_id;
use crate::batch::{Content, Message};
use crate::ports::{Fault, Queue, Standing, World};
use crate::report::{Report, Served};
use crate::routing::{Job, Routed, route, wanted};
use crate::serving::CONCURRENT_ATTEMPTS_OF_ONE;
use crate::settings::Settings;
use crate::subscriptions::{Snapshot, Subscriptions};
use futures::FutureExt as _;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::breaker::after;
use spacehook_domain::event::Event;
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::kept_events::packs;
use spacehook_domain::stream::Stream;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Attempts under way at the same time, at most. Each holds a connection; a Lambda has 1,024 file descriptors.
const CONCURRENT_ATTEMPTS: usize = 200;
/// An attempt is begun only while at least this much of the invocation's time is left: its own seven seconds
/// ([`spacehook_authentication::LONGEST`]), and five to settle and record it (the bounds are the world's, see
/// [`crate::AwsWorld`]).
pub(crate) const TIME_FOR_AN_ATTEMPT: SignedDuration = SignedDuration::from_secs(12);
/// How long SQS hides a message of the queue of events that is in somebody's hands (`VisibilityTimeout` in
/// `template.yaml`).
const VISIBILITY: Duration = Duration::from_secs(90);
/// How much of that time is left unused.
const VISIBILITY_MARGIN: SignedDuration = SignedDuration::from_secs(3);
/// A message that is given back comes again after 1 s, 2 s, 4 s, … up to this.
const LONGEST_GIVEN_BACK: Duration = Duration::from_mins(5);
/// After so many panics over one message it is put among the dead letters.
const PANICS_LIMIT: u32 = 5;

/// The function, with what it needs of the world.
#[derive(Debug)]
pub struct Dispatcher<W> {
    pub(crate) world: W,
    pub(crate) settings: Settings,
    pub(crate) places: Semaphore,
    subscriptions: Subscriptions,
}

impl<W: World> Dispatcher<W> {
    /// A function that has nothing in memory yet.
    pub fn new(world: W, settings: Settings) -> Self {
        let places = Semaphore::new(CONCURRENT_ATTEMPTS);
        Self { world, settings, places, subscriptions: Subscriptions::default() }
    }

    /// Works a batch off. No attempt is begun that would not be settled and recorded before `deadline`.
    pub async fn deliver(&self, messages: &[Message], deadline: Timestamp) -> Report {
        let mut report = Report::default();
        report.give_back.extend(self.bury_poison(messages).await);
        report.give_back.extend(self.hold(messages).await);
        let deadline = deadline.min(held_until(messages));
        let (of_events, of_wakes, of_steps) = futures::future::join3(
            self.deliver_events(messages, report.give_back.clone(), deadline),
            self.run_backlogs(messages, deadline),
            self.make_steps(messages, deadline),
        )
        .await;
        let mut attempts = Vec::new();
        let mut drops = Vec::new();
        let mut waits = BTreeMap::new();
        for served in of_events.into_iter().chain(of_wakes).chain(of_steps) {
            report.add(&served);
            attempts.extend(served.attempts);
            drops.extend(served.drops);
            waits.extend(served.waits);
        }
        let packs = packs(events_to_keep(messages, &report.give_back), self.settings.events_kept);
        // The deliveries are made: a log that can't be written is no reason to make them again.
        let record = async {
            if (!attempts.is_empty() || !drops.is_empty() || !packs.is_empty())
                && let Err(fault) = self.world.record(&attempts, &drops, &packs).await
            {
                let (cause, attempts, packs) = (cause(&fault), attempts.len(), packs.len());
                tracing::error!(attempts, packs, error = %fault, cause, "attempts and events could not be recorded");
            }
        };
        futures::future::join(record, self.show_again(messages, &report.give_back, &waits)).await;
        report
    }

    async fn bury_poison(&self, messages: &[Message]) -> BTreeSet<usize> {
        let each = messages.iter().enumerate().map(|(place, message)| async move {
            let Content::Poison(poison) = &message.content else { return None };
            tracing::error!(message_id = message.id, cause = poison.cause, "a queue message can't be read");
            let fault = self.world.bury(poison).await.err()?;
            tracing::error!(message_id = message.id, error = %fault, "it could not be put among the dead letters");
            Some(place)
        });
        join_all(each).await.into_iter().flatten().collect()
    }

    /// Makes sure that nobody else gets what we work on. A batch may have waited in Lambda's hands before it came to us, and
    /// then its messages would be seen again while we still send. How long it waited is known only of messages that were
    /// never received before; others are hidden anew. Returns those that can't be.
    async fn hold(&self, messages: &[Message]) -> BTreeSet<usize> {
        let repeated = messages.iter().enumerate().filter(|(_, message)| {
            message.receipt.queue == Queue::Events && message.receipt.times > 1 && message.event().is_some()
        });
        let each = repeated.map(|(place, message)| async move {
            let held = self.world.show_again(&message.receipt, VISIBILITY).await;
            let fault = held.err()?;
            tracing::warn!(message_id = message.id, error = %fault, "a message can't be held; it is left to whoever has it");
            Some(place)
        });
        join_all(each).await.into_iter().flatten().collect()
    }

    async fn deliver_events(
        &self,
        messages: &[Message],
        give_back: BTreeSet<usize>,
        deadline: Timestamp,
    ) -> Vec<Served> {
        let snapshot = self.subscriptions.snapshot(&self.world, &wanted(messages)).await;
        let Routed { jobs, to_split, give_back } = route(messages, &snapshot, give_back);
        let shared = self.share(messages, &to_split);
        let at_once = at_once(jobs.len());
        let (waits, flows): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| may_wait(job, &snapshot));
        let flowing =
            join_all(flows.into_iter().map(|job| self.guarded(messages, job, Standing::default(), at_once, deadline)));
        let waiting = self.serve_waiting(messages, waits, at_once, deadline);
        let (shared, mut served, waiting) = futures::future::join3(shared, flowing, waiting).await;
        served.extend(waiting);
        served.push(Served { give_back: shared.into_iter().chain(give_back).collect(), ..Served::default() });
        served
    }

    /// Serves subscriptions of which something may wait: what does is read first, in one request for all of them.
    async fn serve_waiting(
        &self,
        messages: &[Message],
        jobs: Vec<Job>,
        at_once: usize,
        deadline: Timestamp,
    ) -> Vec<Served> {
        if jobs.is_empty() {
            return Vec::new();
        }
        let asked = |job: &Job| (job.subscription.key(), job.lines.iter().map(|line| line.stream).collect());
        let wanted: Vec<(SubscriptionKey, BTreeSet<Stream>)> = jobs.iter().map(asked).collect();
        let standings = match self.world.standings(&wanted).await {
            Ok(standings) => standings,
            Err(fault) => {
                let cause = fault.source().map(ToString::to_string);
                tracing::error!(error = %fault, cause, "backlogs can't be read; their messages go back");
                let give_back = jobs.iter().flat_map(messages_of).collect();
                return vec![Served { give_back, ..Served::default() }];
            }
        };
        let each = jobs.into_iter().zip(standings);
        join_all(each.map(|(job, standing)| self.guarded(messages, job, standing, at_once, deadline))).await
    }

    /// Serves one subscription. A panic on the way is a mistake of ours: it costs that subscription's messages a repeat,
    /// and ends among the dead letters when it comes again and again; nobody else notices.
    async fn guarded(
        &self,
        messages: &[Message],
        job: Job,
        standing: Standing,
        at_once: usize,
        deadline: Timestamp,
    ) -> Served {
        let (subscription, places) = (job.subscription.clone(), messages_of(&job).collect::<BTreeSet<usize>>());
        let served = AssertUnwindSafe(self.serve(job, standing, at_once, deadline)).catch_unwind().await;
        let Err(panic) = served else { return served.unwrap_or_default() };
        let cause = format!("internal error: {}", told(panic.as_ref()));
        tracing::error!(
            tenant = %subscription.tenant, subscription = %subscription.id, cause, "deliveries ended in a panic"
        );
        let mut give_back = BTreeSet::new();
        for place in places {
            let Some(message) = messages.get(place) else { continue };
            let is_over = message.receipt.times >= PANICS_LIMIT;
            if !is_over || self.world.bury(&message.as_poison(&cause)).await.is_err() {
                give_back.insert(place);
            }
        }
        Served { give_back, ..Served::default() }
    }

    /// Queues the shares of events; returns the messages that go back. What follows one that failed, in its group, goes
    /// back with it.
    async fn share(&self, messages: &[Message], places: &[usize]) -> BTreeSet<usize> {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for &place in places {
            let group = messages.get(place).and_then(Message::group).unwrap_or_default();
            groups.entry(group).or_default().push(place);
        }
        let each = groups.into_values().map(|group| async move {
            for (done, &place) in group.iter().enumerate() {
                let Some(event) = messages.get(place).and_then(Message::event) else { continue };
                if let Err(fault) = self.world.share(event).await {
                    let cause = fault.source().map(ToString::to_string);
                    tracing::error!(
                        tenant = %event.tenant, event = %event.id, trace_id = trace_id(event), error = %fault, cause,
                        "an event could not be split"
                    );
                    return group.get(done..).unwrap_or_default().to_vec();
                }
            }
            Vec::new()
        });
        join_all(each).await.into_iter().flatten().collect()
    }

    /// Has what is given back come again soon, rather than after the queue's visibility timeout.
    async fn show_again(&self, messages: &[Message], give_back: &BTreeSet<usize>, waits: &BTreeMap<usize, Duration>) {
        let found = give_back.iter().filter_map(|&place| Some((messages.get(place)?, waits.get(&place))));
        let each = found.map(|(message, known)| async move {
            let doubled = 1_u64.checked_shl(message.receipt.times.saturating_sub(1)).unwrap_or(u64::MAX);
            let wait = known.copied().unwrap_or(Duration::from_secs(doubled).min(LONGEST_GIVEN_BACK));
            if let Err(fault) = self.world.show_again(&message.receipt, wait).await {
                tracing::warn!(message_id = message.id, error = %fault, "a message comes again later than it could");
            }
        });
        join_all(each).await;
    }
}

/// The events that a batch is done with. One in shares came before as a whole, and was kept then.
fn events_to_keep<'a>(messages: &'a [Message], give_back: &BTreeSet<usize>) -> impl Iterator<Item = &'a Event> {
    let done = messages.iter().enumerate().filter(|(place, _)| !give_back.contains(place));
    done.filter_map(|(_, message)| match &message.content {
        Content::Event(event) => Some(event.as_ref()),
        Content::Share(_) | Content::Wake(_) | Content::Step(_) | Content::Poison(_) => None,
    })
}

/// Until when nobody else gets messages that were received for the first time.
fn held_until(messages: &[Message]) -> Timestamp {
    let events = messages.iter().map(|message| &message.receipt).filter(|receipt| receipt.queue == Queue::Events);
    let first = events.filter(|receipt| receipt.times == 1).filter_map(|receipt| receipt.first_at).min();
    first.map_or(Timestamp::MAX, |first| after(first, VISIBILITY) - VISIBILITY_MARGIN)
}

/// How many attempts to each of so many receivers run at the same time: few to many rather than many to few, so that no
/// more connections are opened than are used at once. A Lambda has 1,024 file descriptors.
fn at_once(receivers: usize) -> usize {
    (CONCURRENT_ATTEMPTS / receivers.max(1)).clamp(1, CONCURRENT_ATTEMPTS_OF_ONE)
}

/// Whether something may wait for a subscription, so that what does is to be looked at.
fn may_wait(job: &Job, snapshot: &Snapshot) -> bool {
    let of_tenant = snapshot.get(&job.subscription.tenant).and_then(|found| found.as_ref().ok());
    let has_backlog = of_tenant.is_some_and(|of_tenant| of_tenant.overview.backlogs.contains(&job.subscription.id));
    has_backlog || job.is_held || !job.subscription.activity.is_enabled()
}

fn messages_of(job: &Job) -> impl Iterator<Item = usize> {
    job.lines.iter().flat_map(|line| &line.tasks).map(|task| task.message)
}

/// What a panic said.
pub(crate) fn told(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it did not say what")
}

/// What a fault says, with its cause.
pub(crate) fn cause(fault: &Fault) -> Option<String> {
    fault.source().map(ToString::to_string)
}
