//! A world in which no time passes: what is counted must not depend on how fast this machine is.

use crate::subscribers::EPOCH_S;
use jiff::Timestamp;
use spacehook_authentication::Outgoing;
use spacehook_delivery::AttemptResult;
use spacehook_dispatcher::AwsWorld;
use spacehook_dispatcher::ports::{
    Advanced, Changed, Drop, Fault, Overview, Poison, Receipt, SpacesFound, Standing, World,
};
use spacehook_domain::backlog::{Backlog, Change, Dead, Kept, KeptKey, Lane};
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::{EventId, SubscriptionKey, TenantId};
use spacehook_domain::job::{Job, JobKey, JobStep};
use spacehook_domain::kept_events::{Pack, Position, Scanned, Window};
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::{RateLimit, Subscription};
use spacehook_domain::wake::Wake;
use spacehook_store::RecordedAttempt;
use std::collections::BTreeSet;
use std::time::Duration;

/// AWS and the receivers as the function has them, and a clock that stands still.
pub(super) struct Still(pub(super) AwsWorld);

impl World for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(EPOCH_S).unwrap()
    }

    async fn overview(&self, tenant: &TenantId) -> Result<Overview, Fault> {
        self.0.overview(tenant).await
    }

    async fn subscriptions(&self, tenant: &TenantId, event_type: EventType) -> Result<Vec<Subscription>, Fault> {
        self.0.subscriptions(tenant, event_type).await
    }

    async fn subscription(&self, key: &SubscriptionKey) -> Result<Option<Subscription>, Fault> {
        self.0.subscription(key).await
    }

    async fn attempt(&self, outgoing: Outgoing<'_>) -> Result<AttemptResult, Fault> {
        self.0.attempt(outgoing).await
    }

    async fn standings(&self, wanted: &[(SubscriptionKey, BTreeSet<Stream>)]) -> Result<Vec<Standing>, Fault> {
        self.0.standings(wanted).await
    }

    async fn backlog(&self, key: &SubscriptionKey) -> Result<Option<Backlog>, Fault> {
        self.0.backlog(key).await
    }

    async fn purge(&self, key: &SubscriptionKey) -> Result<bool, Fault> {
        self.0.purge(key).await
    }

    async fn lanes(&self, key: &SubscriptionKey) -> Result<Vec<Lane>, Fault> {
        self.0.lanes(key).await
    }

    async fn waiting(&self, key: &SubscriptionKey, stream: Stream, most: usize) -> Result<Vec<Kept>, Fault> {
        self.0.waiting(key, stream, most).await
    }

    async fn change(&self, change: &Change) -> Result<Changed, Fault> {
        self.0.change(change).await
    }

    async fn wake(&self, wake: &Wake, after: Duration) -> Result<(), Fault> {
        self.0.wake(wake, after).await
    }

    async fn share(&self, event: &Event) -> Result<(), Fault> {
        self.0.share(event).await
    }

    async fn disable(&self, subscription: &Subscription, at: Timestamp) -> Result<Changed, Fault> {
        self.0.disable(subscription, at).await
    }

    async fn permits(&self, key: &SubscriptionKey, limit: RateLimit, second: i64, wanted: u32) -> Result<u32, Fault> {
        self.0.permits(key, limit, second, wanted).await
    }

    async fn bury(&self, poison: &Poison) -> Result<(), Fault> {
        self.0.bury(poison).await
    }

    async fn show_again(&self, receipt: &Receipt, after: Duration) -> Result<(), Fault> {
        self.0.show_again(receipt, after).await
    }

    async fn record(&self, attempts: &[RecordedAttempt], drops: &[Drop], packs: &[Pack]) -> Result<(), Fault> {
        self.0.record(attempts, drops, packs).await
    }

    async fn job(&self, key: &JobKey) -> Result<Option<Job>, Fault> {
        self.0.job(key).await
    }

    async fn save_job(&self, read: &Job, new: &Job) -> Result<Changed, Fault> {
        self.0.save_job(read, new).await
    }

    async fn advance_job(&self, read: &Job, new: &Job, change: &Change, dead: &[Dead]) -> Result<Advanced, Fault> {
        self.0.advance_job(read, new, change, dead).await
    }

    async fn next_step(&self, step: &JobStep, after: Duration) -> Result<(), Fault> {
        self.0.next_step(step, after).await
    }

    async fn kept_event(&self, tenant: &TenantId, id: &EventId) -> Result<Option<Event>, Fault> {
        self.0.kept_event(tenant, id).await
    }

    async fn kept_events(
        &self,
        tenant: &TenantId,
        window: Window,
        position: &Position,
        most: usize,
    ) -> Result<Scanned, Fault> {
        self.0.kept_events(tenant, window, position, most).await
    }

    async fn oldest_dead(
        &self,
        key: &SubscriptionKey,
        after: Option<(Timestamp, &EventId)>,
        before: Timestamp,
        most: usize,
    ) -> Result<Vec<Dead>, Fault> {
        self.0.oldest_dead(key, after, before, most).await
    }

    async fn waiting_among(
        &self,
        key: &SubscriptionKey,
        places: &BTreeSet<KeptKey>,
    ) -> Result<BTreeSet<KeptKey>, Fault> {
        self.0.waiting_among(key, places).await
    }

    async fn spaces(&self, tenant: &TenantId, after: Option<&str>, most: usize) -> Result<SpacesFound, Fault> {
        self.0.spaces(tenant, after, most).await
    }

    async fn sleep(&self, time: Duration) {
        self.0.sleep(time).await;
    }

    fn jitter(&self) -> f64 {
        self.0.jitter()
    }
}
