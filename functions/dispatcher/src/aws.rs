//! The dispatcher's world as it is in AWS.

use crate::ports::{Advanced, Changed, Drop, Fault, Overview, Poison, Queue, Receipt, SpacesFound, Standing, World};
use futures::future::try_join_all;
use spacehook_authentication::{AuthenticatedClient, Outgoing, OutgoingFault};
use spacehook_delivery::AttemptResult;
use spacehook_domain::backlog::{Backlog, Change, Dead, Kept, KeptKey, Lane};
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::{EventId, SubscriptionKey, TenantId};
use spacehook_domain::job::{Job, JobKey, JobStep};
use spacehook_domain::kept_events::{Pack, Position, Scanned, Window};
use spacehook_domain::notice::{Happened, Notice};
use spacehook_domain::observed::ObservedId;
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::{DisabledReason, RateLimit, Subscription};
use spacehook_domain::wake::Wake;
use spacehook_queues::{DeadLetter, DeadLetterQueue, EventQueue, WakeQueue};
use spacehook_store::{Cursor, PageRequest, RecordedAttempt, Saved, Store, StoreError};
use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;
use uuid::Uuid;

/// How long a message may take to be queued, or to be put off: what is not queued by then is given back with the message
/// that it came of.
const QUEUE_LIMIT: Duration = Duration::from_secs(1);
/// How long the shares of an event may take to be queued: several requests.
const SHARES_LIMIT: Duration = Duration::from_secs(3);
/// How long one request about a backlog may take, with its repeats: what is not known by then is given back.
const TABLE_LIMIT: Duration = Duration::from_secs(3);
/// How long a part of a list may take to be read: several requests.
const LIST_LIMIT: Duration = Duration::from_secs(5);
/// How long attempts may take to be recorded. The deliveries are made: to outlive the invocation over their record
/// would have all of them made again.
const RECORD_LIMIT: Duration = Duration::from_secs(2);

/// DynamoDB, Secrets Manager, SQS and HTTPS.
#[derive(Debug)]
pub struct AwsWorld {
    /// The table.
    pub store: Store,
    /// Makes attempts, with what proves who sends them.
    pub receivers: AuthenticatedClient,
    /// The queue of events.
    pub events: EventQueue,
    /// The queue of retries.
    pub retries: WakeQueue,
    /// Where unreadable events go (FIFO).
    pub dead_events: DeadLetterQueue,
    /// Where unreadable timers go.
    pub dead_retries: DeadLetterQueue,
}

impl World for AwsWorld {
    async fn overview(&self, tenant: &TenantId) -> Result<Overview, Fault> {
        let overview = self.store.tenant_overview(tenant).await?;
        Ok(Overview {
            version: overview.version,
            backlogs: overview.backlogs,
            split: overview.split,
            is_suspended: overview.is_suspended,
        })
    }

    async fn subscriptions(&self, tenant: &TenantId, event_type: EventType) -> Result<Vec<Subscription>, Fault> {
        self.store.matching_subscriptions(tenant, event_type).await.map_err(StoreError::into)
    }

    async fn subscription(&self, key: &SubscriptionKey) -> Result<Option<Subscription>, Fault> {
        self.store.subscription(&key.tenant, &key.id).await.map_err(StoreError::into)
    }

    async fn attempt(&self, outgoing: Outgoing<'_>) -> Result<AttemptResult, Fault> {
        self.receivers.attempt(outgoing).await.map_err(OutgoingFault::into)
    }

    async fn standings(&self, wanted: &[(SubscriptionKey, BTreeSet<Stream>)]) -> Result<Vec<Standing>, Fault> {
        within(TABLE_LIMIT, self.store.standings(wanted)).await
    }

    async fn backlog(&self, key: &SubscriptionKey) -> Result<Option<Backlog>, Fault> {
        within(TABLE_LIMIT, self.store.backlog(key)).await
    }

    async fn lanes(&self, key: &SubscriptionKey) -> Result<Vec<Lane>, Fault> {
        within(TABLE_LIMIT, self.store.lanes(key)).await
    }

    async fn waiting(&self, key: &SubscriptionKey, stream: Stream, most: usize) -> Result<Vec<Kept>, Fault> {
        within(TABLE_LIMIT, self.store.waiting(key, stream, most)).await
    }

    async fn change(&self, change: &Change) -> Result<Changed, Fault> {
        Ok(changed(within(TABLE_LIMIT, self.store.change_backlog(change, self.now())).await?))
    }

    async fn purge(&self, key: &SubscriptionKey) -> Result<bool, Fault> {
        within(TABLE_LIMIT, self.store.purge_backlog(key)).await
    }

    async fn wake(&self, wake: &Wake, after: Duration) -> Result<(), Fault> {
        within(QUEUE_LIMIT, self.retries.send(wake, after)).await
    }

    async fn share(&self, event: &Event) -> Result<(), Fault> {
        within(SHARES_LIMIT, self.events.send_shares(event)).await
    }

    async fn disable(&self, subscription: &Subscription, at: jiff::Timestamp) -> Result<Changed, Fault> {
        let gone = subscription.disabled(at, DisabledReason::Gone);
        let notice = Notice::new(Happened::Disabled, at, gone, None, true);
        Ok(changed(self.store.disable(subscription, &notice).await?))
    }

    async fn permits(&self, key: &SubscriptionKey, limit: RateLimit, second: i64, wanted: u32) -> Result<u32, Fault> {
        within(TABLE_LIMIT, self.store.permits(key, limit, second, wanted)).await
    }

    async fn bury(&self, poison: &Poison) -> Result<(), Fault> {
        let letter = DeadLetter {
            message_id: &poison.message_id,
            group: poison.group.as_deref(),
            body: &poison.body,
            cause: &poison.cause,
        };
        // Only events have a group.
        let queue = if poison.group.is_some() { &self.dead_events } else { &self.dead_retries };
        within(QUEUE_LIMIT, queue.bury(&letter)).await
    }

    async fn show_again(&self, receipt: &Receipt, after: Duration) -> Result<(), Fault> {
        match receipt.queue {
            Queue::Events => within(QUEUE_LIMIT, self.events.show_again(&receipt.handle, after)).await,
            Queue::Retries => within(QUEUE_LIMIT, self.retries.show_again(&receipt.handle, after)).await,
        }
    }

    async fn record(&self, attempts: &[RecordedAttempt], drops: &[Drop], packs: &[Pack]) -> Result<(), Fault> {
        within(RECORD_LIMIT, self.store.record_attempts(attempts, drops, packs, Uuid::now_v7)).await
    }

    async fn job(&self, key: &JobKey) -> Result<Option<Job>, Fault> {
        within(TABLE_LIMIT, self.store.job(key)).await
    }

    async fn save_job(&self, read: &Job, new: &Job) -> Result<Changed, Fault> {
        Ok(changed(within(TABLE_LIMIT, self.store.save_job(read, new)).await?))
    }

    async fn advance_job(&self, read: &Job, new: &Job, change: &Change, dead: &[Dead]) -> Result<Advanced, Fault> {
        within(TABLE_LIMIT, self.store.advance_job(read, new, change, dead, self.now())).await
    }

    async fn next_step(&self, step: &JobStep, after: Duration) -> Result<(), Fault> {
        within(QUEUE_LIMIT, self.retries.send_step(step, after)).await
    }

    async fn kept_event(&self, tenant: &TenantId, id: &EventId) -> Result<Option<Event>, Fault> {
        within(TABLE_LIMIT, self.store.kept_event(tenant, id)).await
    }

    async fn kept_events(
        &self,
        tenant: &TenantId,
        window: Window,
        position: &Position,
        most: usize,
    ) -> Result<Scanned, Fault> {
        within(LIST_LIMIT, self.store.kept_events(tenant, window, position, most)).await
    }

    async fn oldest_dead(
        &self,
        key: &SubscriptionKey,
        after: Option<(jiff::Timestamp, &EventId)>,
        before: jiff::Timestamp,
        most: usize,
    ) -> Result<Vec<Dead>, Fault> {
        within(TABLE_LIMIT, self.store.oldest_dead(key, after, before, most)).await
    }

    async fn waiting_among(
        &self,
        key: &SubscriptionKey,
        places: &BTreeSet<KeptKey>,
    ) -> Result<BTreeSet<KeptKey>, Fault> {
        within(TABLE_LIMIT, self.store.waiting_among(key, places)).await
    }

    async fn spaces(&self, tenant: &TenantId, after: Option<&str>, most: usize) -> Result<SpacesFound, Fault> {
        let request =
            PageRequest { limit: u32::try_from(most).unwrap_or(u32::MAX), cursor: after.map(Cursor::from_text) };
        let page = within(LIST_LIMIT, self.store.list_all_spaces(tenant, request)).await?;
        let states = page.items.into_iter().map(async |space| {
            let stored = self.store.stored_state(tenant, ObservedId::Space(space.space_id)).await?;
            Ok::<_, StoreError>((space, stored.state))
        });
        let spaces = within(LIST_LIMIT, try_join_all(states)).await?;
        Ok((spaces, page.next.map(|next| next.as_str().to_owned())))
    }

    fn now(&self) -> jiff::Timestamp {
        spacehook_runtime::now()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn jitter(&self) -> f64 {
        fastrand::f64() * 2.0 - 1.0
    }
}

fn changed(saved: Saved) -> Changed {
    match saved {
        Saved::Yes => Changed::Yes,
        Saved::Conflict => Changed::Conflict,
    }
}

/// What a piece of work comes to, if it ends in time.
async fn within<T, E>(limit: Duration, work: impl Future<Output = Result<T, E>>) -> Result<T, Fault>
where
    E: Error + Send + Sync + 'static,
{
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done.map_err(E::into),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs()).into()),
    }
}
