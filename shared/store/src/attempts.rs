//! What deliveries leave behind: the attempt log, the counts, and the markers of those who fail.

use crate::batch::BATCH_WRITE_LIMIT;
use crate::error::{ListError, StoreError};
use crate::failing::Marked;
use crate::item::{EXPIRES_AT, Item, from_item, key_of, number, to_item};
use crate::kept_events::pack_item;
use crate::keys::{self, Key};
use crate::page::{Page, PageRequest};
use crate::request::Filtered;
use crate::write::Write;
use crate::{Store, counts, failing};
use futures::StreamExt as _;
use jiff::Timestamp;
use spacehook_domain::attempt::{Attempt, KEPT_S, Logged};
use spacehook_domain::ids::{AttemptId, SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::kept_events::Pack;
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
    /// marker; all concurrently, at most 16 at once. Packs of events are items beside the attempts, in the same requests: 1
    /// write unit each KB that is left of them. `log_ids` gives ids that sort in the order in which they are drawn (UUID
    /// version 7), one an attempt and a pack.
    ///
    /// Every request is made, also when one fails; the first error is returned. Recording again would count again: an
    /// error is to be logged, and what was recorded stays. So a lost answer that the SDK repeats may count twice.
    pub async fn record_attempts(
        &self,
        attempts: &[RecordedAttempt],
        drops: &[RecordedDrop],
        packs: &[Pack],
        log_ids: impl FnMut() -> Uuid,
    ) -> Result<(), StoreError> {
        let mut requests = log_requests(attempts, packs, log_ids)?;
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
    ) -> Result<Page<Logged>, ListError> {
        self.find_attempts(tenant, subscription, &AttemptFilter::default(), &|_| true, request).await
    }

    /// Those of the attempts of a subscription that are wanted, the newest first. A request looks through at most 1,000 of
    /// the time that is asked for; then the page may have fewer than are wanted, and goes on with its cursor, which is good
    /// for the same filter alone.
    ///
    /// Costs 1 Query each 250 attempts that are looked through, 1 read unit each 4 KB, some 10 attempts.
    pub async fn find_attempts(
        &self,
        tenant: &TenantId,
        subscription: &SubscriptionId,
        filter: &AttemptFilter,
        wanted: &(dyn Fn(&Attempt) -> bool + Sync),
        request: PageRequest,
    ) -> Result<Page<Logged>, ListError> {
        let pk = keys::delivery_partition(tenant, subscription);
        let list = Filtered {
            pk: &pk,
            from: keys::attempts_from(filter.since.unwrap_or(Timestamp::UNIX_EPOCH)),
            // What starts at the last moment has a longer key, which follows.
            to: filter.until.map_or(keys::ATTEMPTS_END.to_owned(), keys::attempts_from),
            filter: &filter.name,
        };
        let read = |item: Item| {
            let id = attempt_id(&item)?;
            let attempt: Attempt = from_item(item)?;
            Ok(wanted(&attempt).then_some(Logged { id, attempt }))
        };
        self.page_between("list attempts", &list, &request, read).await
    }

    /// An attempt. Costs 1 `GetItem`.
    pub async fn attempt(
        &self,
        tenant: &TenantId,
        subscription: &SubscriptionId,
        id: &AttemptId,
    ) -> Result<Option<Attempt>, StoreError> {
        self.get_as("read an attempt", &keys::attempt(tenant, subscription, id)).await
    }
}

/// Which attempts are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttemptFilter {
    /// Those that started then or later.
    pub since: Option<Timestamp>,
    /// Those that started before.
    pub until: Option<Timestamp>,
    /// All that is asked of them, as a text: a cursor is good for the same alone. Empty where nothing is.
    pub name: String,
}

fn attempt_id(item: &Item) -> Result<AttemptId, StoreError> {
    let key = key_of(item);
    let digits = key.sk.strip_prefix(keys::ATTEMPT_PREFIX).unwrap_or_default();
    AttemptId::from_digits(digits).map_err(|error| StoreError::unreadable(key.clone(), error.to_string()))
}

fn log_requests<'a>(
    attempts: &[RecordedAttempt],
    packs: &[Pack],
    mut log_ids: impl FnMut() -> Uuid,
) -> Result<Vec<Request<'a>>, StoreError> {
    let mut logged = Vec::with_capacity(attempts.len() + packs.len());
    for recorded in attempts {
        let attempt = &recorded.attempt;
        // The random part of what was drawn, under the time of the attempt.
        let mut random = [0; 10];
        random.copy_from_slice(&log_ids().as_bytes()[6..]);
        let id = AttemptId::at(attempt.started_at, random);
        let key = keys::attempt(&recorded.tenant, &recorded.subscription, &id);
        let mut item = to_item(&key, attempt)?;
        item.insert(EXPIRES_AT.to_owned(), number(attempt.started_at.as_second().saturating_add(KEPT_S)));
        logged.push((key, item));
    }
    for pack in packs {
        logged.push(pack_item(pack, log_ids())?);
    }
    let mut requests = Vec::new();
    while !logged.is_empty() {
        let batch: Vec<(Key, Item)> = logged.drain(..logged.len().min(BATCH_WRITE_LIMIT)).collect();
        let seed = batch.first().map(|(key, _)| key.clone());
        let items = batch.into_iter().map(|(_, item)| item).collect();
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
