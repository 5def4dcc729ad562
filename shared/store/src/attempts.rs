//! What deliveries leave behind: the attempt log, the counts, and the markers of those who fail.

use crate::batch::BATCH_WRITE_LIMIT;
use crate::error::{ListError, StoreError};
use crate::failing::Marked;
use crate::item::{EXPIRES_AT, Item, number, to_item};
use crate::keys::{self, Key};
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::write::Write;
use crate::{Store, counts, failing};
use futures::StreamExt as _;
use jiff::Timestamp;
use spacehook_domain::attempt::{Attempt, KEPT_S};
use spacehook_domain::ids::{SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::stats::{BucketStart, Counts, Dropped};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Requests at once, at most, of one recording.
const CONCURRENT_REQUESTS: usize = 16;

const OPERATION: &str = "record attempts";

/// An attempt, and whose it was.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedAttempt {
    /// The tenant.
    pub tenant: TenantId,
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Since when the subscription was enabled: a new enabling is counted anew.
    pub enabled_since: Timestamp,
    /// The attempt.
    pub attempt: Attempt,
}

impl RecordedAttempt {
    fn bucket(&self) -> BucketStart {
        BucketStart::holding(self.attempt.started_at)
    }
}

/// Deliveries that will not be made, or not as what they were, for the counts of their subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedDrop {
    /// Whose.
    pub subscription: SubscriptionKey,
    /// Since when the subscription has been enabled, or disabled.
    pub since: Timestamp,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: Dropped,
    /// How many.
    pub count: u64,
}

/// A mark to make: of what, since when that is enabled, and when it last failed.
type Mark<'a> = ((&'a TenantId, &'a SubscriptionId), (Timestamp, Timestamp));

fn marked((enabled_since, failed_at): (Timestamp, Timestamp)) -> Marked {
    Marked { enabled_since, quarter: BucketStart::holding(failed_at) }
}

/// One request of a recording.
enum Request<'a> {
    Log(Key, Vec<Item>),
    Count(Write),
    Mark(Mark<'a>),
}

impl Store {
    /// Records attempts and drops: the log of each attempt, the counts by subscription and quarter of an hour, and a marker
    /// for each subscription that failed, unless this process marked it for that quarter already since it was enabled.
    ///
    /// Costs 1 `BatchWriteItem` each 25 attempts (1 write unit an attempt, 2 where more than 1 KB is kept of it), and 1
    /// `UpdateItem` (1 to 2 units) each (subscription, quarter, enabling) of attempts and drops together, and each new
    /// marker; all concurrently, at most 16 at once. `log_ids` gives ids that sort by time (UUID version 7), one an attempt.
    ///
    /// Every request is made, also when one fails; the first error is returned. Recording again would count again: an
    /// error is to be logged, and what was recorded stays. So a lost answer that the SDK repeats may count twice.
    pub async fn record_attempts(
        &self,
        attempts: &[RecordedAttempt],
        drops: &[RecordedDrop],
        log_ids: impl FnMut() -> Uuid,
    ) -> Result<(), StoreError> {
        let mut requests = log_requests(attempts, log_ids)?;
        requests.extend(count_requests(attempts, drops));
        requests.extend(self.marks_to_make(attempts).into_iter().map(Request::Mark));
        // Made before they are streamed: a closure in the stream would keep the whole from being `Send`.
        let work: Vec<_> = requests.into_iter().map(|request| self.record(request)).collect();
        let answers: Vec<Result<(), StoreError>> =
            futures::stream::iter(work).buffer_unordered(CONCURRENT_REQUESTS).collect().await;
        answers.into_iter().collect()
    }

    async fn record(&self, request: Request<'_>) -> Result<(), StoreError> {
        match request {
            Request::Log(seed, items) => self.put_batch(OPERATION, &seed, items).await,
            Request::Count(write) => self.write(OPERATION, write).await.map(drop),
            Request::Mark(((tenant, subscription), times)) => {
                self.write(OPERATION, failing::marker(tenant, subscription, times.1)).await?;
                // Only what is written is remembered, so that a failed mark is made with the next failure.
                self.marks.remember(tenant, subscription, marked(times));
                Ok(())
            }
        }
    }

    fn marks_to_make<'a>(&self, attempts: &'a [RecordedAttempt]) -> Vec<Mark<'a>> {
        let mut newest: BTreeMap<(&TenantId, &SubscriptionId), (Timestamp, Timestamp)> = BTreeMap::new();
        for recorded in attempts.iter().filter(|recorded| !recorded.attempt.outcome.is_accepted()) {
            let times = (recorded.enabled_since, recorded.attempt.started_at);
            let known = newest.entry((&recorded.tenant, &recorded.subscription)).or_insert(times);
            *known = (*known).max(times);
        }
        let unmarked =
            |((tenant, subscription), times): &Mark<'_>| !self.marks.has(tenant, subscription, marked(*times));
        newest.into_iter().filter(unmarked).collect()
    }

    /// The attempts of a subscription that are kept, the newest first. Costs 1 Query a page, 1 read unit each 4 KB.
    pub async fn list_attempts(
        &self,
        tenant: &TenantId,
        subscription: &SubscriptionId,
        request: PageRequest,
    ) -> Result<Page<Attempt>, ListError> {
        let pk = keys::delivery_partition(tenant, subscription);
        self.page("list attempts", (&pk, keys::ATTEMPT_PREFIX), &request, Order::Backward).await
    }
}

fn log_requests<'a>(
    attempts: &[RecordedAttempt],
    mut log_ids: impl FnMut() -> Uuid,
) -> Result<Vec<Request<'a>>, StoreError> {
    let mut requests = Vec::new();
    for batch in attempts.chunks(BATCH_WRITE_LIMIT) {
        let mut items = Vec::with_capacity(batch.len());
        let mut seed = None;
        for recorded in batch {
            let attempt = &recorded.attempt;
            let key = keys::attempt(&recorded.tenant, &recorded.subscription, attempt.started_at, log_ids());
            let mut item = to_item(&key, attempt)?;
            item.insert(EXPIRES_AT.to_owned(), number(attempt.started_at.as_second().saturating_add(KEPT_S)));
            items.push(item);
            seed.get_or_insert(key);
        }
        requests.extend(seed.map(|seed| Request::Log(seed, items)));
    }
    Ok(requests)
}

fn count_requests<'a>(attempts: &[RecordedAttempt], drops: &[RecordedDrop]) -> Vec<Request<'a>> {
    let mut counted: BTreeMap<_, Counts> = BTreeMap::new();
    for recorded in attempts {
        let of = (&recorded.tenant, &recorded.subscription, recorded.bucket(), recorded.enabled_since);
        counted.entry(of).or_default().add(&recorded.attempt);
    }
    for dropped in drops {
        let SubscriptionKey { tenant, id } = &dropped.subscription;
        let counts = counted.entry((tenant, id, BucketStart::holding(dropped.at), dropped.since)).or_default();
        *counts.dropped.entry(dropped.why).or_default() += dropped.count;
    }
    let add = |((tenant, subscription, start, since), counts)| {
        Request::Count(counts::addition(tenant, subscription, (start, since), &counts))
    };
    counted.into_iter().map(add).collect()
}
