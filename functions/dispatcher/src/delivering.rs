//! The delivering of a batch.

use crate::batch::{Content, Message};
use crate::lanes::{Lane, Task, lanes};
use crate::ports::{Fault, World};
use crate::subscriptions::{Snapshot, Subscriptions};
use bytes::Bytes;
use futures::stream::{FuturesUnordered, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use spacehook_credentials::CredentialsError;
use spacehook_delivery::{AttemptRequest, AttemptResult};
use spacehook_domain::attempt::{Attempt, Outcome};
use spacehook_domain::credentials::Credentials;
use spacehook_domain::delivery::Delivery;
use spacehook_domain::event::EventType;
use spacehook_domain::failure::{CredentialProblem, FailureReason};
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::receiver::{ReceiverPolicy, ReceiverUrl};
use spacehook_domain::retry::{AfterFailure, after_failure};
use spacehook_domain::{matching, rendering, request};
use spacehook_store::RecordedAttempt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Attempts under way at the same time, at most. Each holds a connection; a Lambda has 1,024 file descriptors.
const CONCURRENT_ATTEMPTS: usize = 200;
/// Of these, to one subscription, at most.
const CONCURRENT_ATTEMPTS_OF_ONE: usize = 8;
/// An attempt is begun only while at least this much of the invocation's time is left: its own five seconds, one to queue
/// its retry and two to record it (the bounds are the world's, see [`crate::AwsWorld`]).
const TIME_FOR_AN_ATTEMPT: SignedDuration = SignedDuration::from_secs(8);
/// How soon a delivery comes again whose attempt a fault of ours prevented.
const AFTER_OUR_FAULT: Duration = Duration::from_secs(5);

/// The function, with what it needs of the world.
#[derive(Debug)]
pub struct Dispatcher<W> {
    world: W,
    policy: ReceiverPolicy,
    subscriptions: Subscriptions,
}

/// What became of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Places of the messages that go back to their queue.
    pub give_back: BTreeSet<usize>,
    /// Deliveries accepted.
    pub accepted: usize,
    /// Attempts that failed.
    pub failed: usize,
}

/// What came of a task.
enum Done {
    /// The attempt was made, and the delivery is settled unless `give_back`.
    Attempted { attempt: Box<RecordedAttempt>, give_back: bool },
    /// No attempt was made; the delivery was handed on, or its message must come again.
    NotAttempted { give_back: bool },
}

impl<W: World> Dispatcher<W> {
    /// A function that has nothing in memory yet.
    pub fn new(world: W, policy: ReceiverPolicy) -> Self {
        Self { world, policy, subscriptions: Subscriptions::default() }
    }

    /// Delivers a batch. No attempt is begun that would not be settled and recorded before `deadline`.
    pub async fn deliver(&self, messages: &[Message], deadline: Timestamp) -> Report {
        let mut report = Report::default();
        self.bury_poison(messages, &mut report).await;
        let snapshot = self.subscriptions.snapshot(&self.world, &wanted(messages)).await;
        let tasks = tasks(messages, &snapshot, &mut report);

        let overall = Semaphore::new(CONCURRENT_ATTEMPTS);
        let by_receiver: BTreeMap<SubscriptionId, Semaphore> = tasks
            .iter()
            .map(|task| (task.subscription.id.clone(), Semaphore::new(CONCURRENT_ATTEMPTS_OF_ONE)))
            .collect();
        let running: FuturesUnordered<_> =
            lanes(tasks).into_iter().map(|lane| self.run_lane(lane, &by_receiver, &overall, deadline)).collect();
        let done: Vec<(usize, Done)> = running.collect::<Vec<_>>().await.into_iter().flatten().collect();
        self.settle(done, &mut report).await;
        report
    }

    async fn bury_poison(&self, messages: &[Message], report: &mut Report) {
        for (place, message) in messages.iter().enumerate() {
            let Content::Poison(poison) = &message.content else { continue };
            tracing::error!(message_id = message.id, cause = poison.cause, "a queue message can't be read");
            if let Err(fault) = self.world.bury(poison).await {
                tracing::error!(message_id = message.id, error = %fault, "it could not be put among the dead letters");
                report.give_back.insert(place);
            }
        }
    }

    async fn run_lane(
        &self,
        lane: Lane,
        by_receiver: &BTreeMap<SubscriptionId, Semaphore>,
        overall: &Semaphore,
        deadline: Timestamp,
    ) -> Vec<(usize, Done)> {
        let mut done = Vec::with_capacity(lane.len());
        let mut blocked = false;
        for task in lane {
            // What comes again must not be overtaken by what follows it: that comes again too.
            let what = if blocked {
                Done::NotAttempted { give_back: true }
            } else {
                self.run_task(&task, by_receiver.get(&task.subscription.id), overall, deadline).await
            };
            blocked = matches!(what, Done::Attempted { give_back: true, .. } | Done::NotAttempted { give_back: true });
            done.push((task.message, what));
        }
        done
    }

    /// Makes a task's attempt as soon as both bounds allow it, if there still is time for one.
    async fn run_task(&self, task: &Task, own: Option<&Semaphore>, overall: &Semaphore, deadline: Timestamp) -> Done {
        // The receiver's own bound first: who waits there must not hold a place that others could use.
        let _own = match own {
            Some(own) => own.acquire().await.ok(),
            None => None,
        };
        let _overall = overall.acquire().await.ok();
        if self.world.now() + TIME_FOR_AN_ATTEMPT > deadline {
            return Done::NotAttempted { give_back: true };
        }
        self.attempt(task).await
    }

    async fn attempt(&self, task: &Task) -> Done {
        let started_at = self.world.now();
        match self.exchange(task, started_at).await {
            Ok(result) => self.after(task, started_at, result).await,
            Err(fault) => {
                let cause = fault.source().map(ToString::to_string);
                tracing::error!(
                    tenant = %task.event.tenant, subscription = %task.subscription.id, event = %task.event.id,
                    error = %fault, cause, "a fault of ours prevented an attempt; it is made again"
                );
                let delivery = delivery(task, task.attempt);
                Done::NotAttempted { give_back: !self.hand_on(&delivery, AFTER_OUR_FAULT).await }
            }
        }
    }

    /// Makes the HTTP request, or says why the receiver's own settings do not allow one.
    async fn exchange(&self, task: &Task, started_at: Timestamp) -> Result<AttemptResult, Fault> {
        let credentials = match self.world.credentials(&task.subscription).await {
            Ok(credentials) => credentials,
            Err(CredentialsError::Missing) => return Ok(unsendable(CredentialProblem::SecretMissing)),
            Err(CredentialsError::Unreadable { .. }) => return Ok(unsendable(CredentialProblem::SecretUnreadable)),
            Err(fault @ CredentialsError::Unavailable { .. }) => return Err(fault.into()),
        };
        let url = match ReceiverUrl::parse(&task.subscription.url, &self.policy) {
            Ok(url) => url,
            Err(refused) => return Ok(not_sent(FailureReason::RefusedByPolicy { rule: refused.rule() })),
        };
        let body = rendering::body(&task.event, &task.subscription.key_values);
        match request::headers(&task.event, &credentials, task.attempt, started_at, &body) {
            Ok(headers) => {
                let request = AttemptRequest::new(url, headers, Bytes::from(body));
                Ok(without_secrets(self.world.attempt(request).await?, &credentials))
            }
            Err(_) => Ok(unsendable(CredentialProblem::SecretUnreadable)),
        }
    }

    /// Settles a delivery after an attempt.
    async fn after(&self, task: &Task, started_at: Timestamp, result: AttemptResult) -> Done {
        let give_back = match &result.outcome {
            Outcome::Accepted { status } => {
                tracing::debug!(
                    tenant = %task.event.tenant, subscription = %task.subscription.id, event = %task.event.id,
                    attempt = task.attempt.0, status, "accepted"
                );
                false
            }
            Outcome::Failed { reason, .. } => !self.after_failure(task, reason).await,
        };
        let ended_at = started_at + SignedDuration::try_from(result.duration).unwrap_or(SignedDuration::ZERO);
        let attempt = Attempt {
            event_id: task.event.id.clone(),
            event_type: task.event.event_type,
            number: task.attempt,
            started_at,
            duration_ms: u64::try_from(result.duration.as_millis()).unwrap_or(u64::MAX),
            freshness_ms: u64::try_from(ended_at.duration_since(task.event.occurred_at).as_millis()).unwrap_or(0),
            outcome: result.outcome,
        };
        let attempt = Box::new(RecordedAttempt {
            tenant: task.event.tenant.clone(),
            subscription: task.subscription.id.clone(),
            enabled_since: task.subscription.activity.since(),
            attempt,
        });
        Done::Attempted { attempt, give_back }
    }

    /// Hands a failed delivery on, or lets it die; true where that settled it.
    async fn after_failure(&self, task: &Task, reason: &FailureReason) -> bool {
        let next = after_failure(task.attempt, reason, self.world.jitter());
        let retry_s = match next {
            AfterFailure::Retry(wait) => Some(wait.as_secs()),
            AfterFailure::Dead(_) => None,
        };
        tracing::warn!(
            tenant = %task.event.tenant, subscription = %task.subscription.id, event = %task.event.id,
            attempt = task.attempt.0, %reason, retry_s, "an attempt failed"
        );
        match next {
            AfterFailure::Retry(wait) => self.hand_on(&delivery(task, task.attempt.next()), wait).await,
            AfterFailure::Dead(because) => {
                tracing::error!(
                    tenant = %task.event.tenant, subscription = %task.subscription.id, event = %task.event.id,
                    ?because, "a delivery is dead"
                );
                true
            }
        }
    }

    /// Hands a delivery to the queue of retries; true where that has it now.
    async fn hand_on(&self, delivery: &Delivery, wait: Duration) -> bool {
        match self.world.retry(delivery, wait).await {
            Ok(()) => true,
            Err(fault) => {
                let cause = fault.source().map(ToString::to_string);
                tracing::error!(
                    tenant = %delivery.event.tenant, subscription = %delivery.subscription_id,
                    event = %delivery.event.id, error = %fault, cause, "a retry could not be queued"
                );
                false
            }
        }
    }

    async fn settle(&self, done: Vec<(usize, Done)>, report: &mut Report) {
        let mut attempts = Vec::with_capacity(done.len());
        for (message, done) in done {
            let give_back = match done {
                Done::NotAttempted { give_back } => give_back,
                Done::Attempted { attempt, give_back } => {
                    if attempt.attempt.outcome.is_accepted() {
                        report.accepted += 1;
                    } else {
                        report.failed += 1;
                    }
                    attempts.push(*attempt);
                    give_back
                }
            };
            if give_back {
                report.give_back.insert(message);
            }
        }
        if attempts.is_empty() {
            return;
        }
        // The deliveries are made: a log that can't be written is no reason to make them again.
        if let Err(fault) = self.world.record(&attempts).await {
            let cause = fault.source().map(ToString::to_string);
            tracing::error!(attempts = attempts.len(), error = %fault, cause, "attempts could not be recorded");
        }
    }
}

/// Every attempt that the messages call for. What follows an event that is given back, in its space, is given back too:
/// it must not overtake it.
fn tasks(messages: &[Message], snapshot: &Snapshot, report: &mut Report) -> Vec<Task> {
    let mut tasks = Vec::new();
    let mut blocked: BTreeSet<String> = BTreeSet::new();
    for (place, message) in messages.iter().enumerate() {
        let group = group(&message.content);
        if report.give_back.contains(&place) || group.as_ref().is_some_and(|group| blocked.contains(group)) {
            report.give_back.insert(place);
            blocked.extend(group);
            continue;
        }
        let Some(key) = tenant_and_type(&message.content) else { continue };
        match snapshot.get(&key) {
            Some(Ok(listed)) => tasks.extend(tasks_of(place, &message.content, listed)),
            unread => {
                let cause = unread.and_then(|unread| unread.as_ref().err()).map(AsRef::as_ref);
                tracing::error!(tenant = %key.0, message_id = message.id, cause, "the subscriptions can't be read");
                report.give_back.insert(place);
                blocked.extend(group);
            }
        }
    }
    tasks
}

/// The message group of what comes from the queue of events; retries have none.
fn group(content: &Content) -> Option<String> {
    match content {
        Content::Event(event) => Some(format!("{}:{}", event.tenant, event.space.space_id)),
        Content::Poison(poison) => poison.group.clone(),
        Content::Retry(_) => None,
    }
}

fn wanted(messages: &[Message]) -> BTreeSet<(TenantId, EventType)> {
    messages.iter().filter_map(|message| tenant_and_type(&message.content)).collect()
}

fn tenant_and_type(content: &Content) -> Option<(TenantId, EventType)> {
    let event = match content {
        Content::Event(event) => event,
        Content::Retry(delivery) => &delivery.event,
        Content::Poison(_) => return None,
    };
    Some((event.tenant.clone(), event.event_type))
}

fn tasks_of(
    place: usize,
    content: &Content,
    listed: &[Arc<spacehook_domain::subscription::Subscription>],
) -> Vec<Task> {
    let (event, only, attempt) = match content {
        Content::Event(event) => (event.as_ref(), None, spacehook_domain::retry::AttemptNumber::FIRST),
        Content::Retry(delivery) => (&delivery.event, Some(&delivery.subscription_id), delivery.attempt),
        Content::Poison(_) => return Vec::new(),
    };
    let event = Arc::new(event.clone());
    listed
        .iter()
        .filter(|subscription| match only {
            None => matching::check(subscription, &event).is_ok(),
            // Matched when it happened. Deleted since, it is not listed; disabled since, it gets nothing.
            Some(id) => subscription.id == *id && subscription.activity.is_enabled(),
        })
        .map(|subscription| Task { message: place, subscription: subscription.clone(), event: event.clone(), attempt })
        .collect()
}

fn delivery(task: &Task, attempt: spacehook_domain::retry::AttemptNumber) -> Delivery {
    Delivery::new(task.subscription.id.clone(), attempt, task.event.as_ref().clone())
}

/// The result, with the secrets blanked that the receiver's answer repeats: the answer is stored and shown.
fn without_secrets(mut result: AttemptResult, credentials: &Credentials) -> AttemptResult {
    if let Outcome::Failed { answer: Some(answer), .. } = &mut result.outcome {
        *answer = credentials.redact(answer);
    }
    result
}

/// The outcome of an attempt that needed no request to fail.
fn not_sent(reason: FailureReason) -> AttemptResult {
    let outcome = Outcome::Failed { reason, status: None, answer: None };
    AttemptResult { outcome, duration: Duration::ZERO, retry_after: None, resent: false }
}

fn unsendable(problem: CredentialProblem) -> AttemptResult {
    not_sent(FailureReason::Credentials { problem })
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod virtual_time;
