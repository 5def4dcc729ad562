//! Counts of attempts as counters of an item, so that many writers add to them without reading.

use crate::Store;
use crate::error::StoreError;
use crate::item::{EXPIRES_AT, Item, attribute_text, counter, key_of, number, text};
use crate::keys;
use crate::write::Write;
use jiff::Timestamp;
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::stats::{Bucket, BucketStart, Counts, Dropped, Histogram, KEPT_S};

const START: &str = "start";
const ENABLED_SINCE: &str = "enabled_since";
const ATTEMPTS: &str = "attempts";
const SUCCESSES: &str = "successes";
const FAILURES: &str = "failures";
/// Before a reason, a step of latency, a step of freshness, a cause of drops: flat names, since ADD makes no parent map.
const REASON: &str = "r#";
const LATENCY: &str = "l#";
const FRESHNESS: &str = "f#";
const DROPPED: &str = "d#";

/// The write that adds counts to a bucket.
pub(crate) fn addition(
    tenant: &TenantId,
    subscription: &SubscriptionId,
    (start, enabled_since): (BucketStart, Timestamp),
    counts: &Counts,
) -> Write {
    let mut write = Write::update(keys::bucket(tenant, subscription, start, enabled_since))
        .set(START, text(start.start().to_string()))
        .set(ENABLED_SINCE, text(enabled_since.to_string()))
        .set(EXPIRES_AT, number(start.start().as_second().saturating_add(KEPT_S)));
    let reasons = counts.reasons.iter().map(|(reason, count)| (format!("{REASON}{reason}"), *count));
    let dropped = counts.dropped.iter().map(|(why, count)| (format!("{DROPPED}{}", why.as_str()), *count));
    let named = [(ATTEMPTS, counts.attempts), (SUCCESSES, counts.successes), (FAILURES, counts.failures)];
    let counters = named
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .chain(reasons)
        .chain(dropped)
        .chain(steps(LATENCY, &counts.latency))
        .chain(steps(FRESHNESS, &counts.freshness));
    for (name, count) in counters.filter(|(_, count)| *count > 0) {
        write = write.add(name, number(count));
    }
    write
}

fn steps<'a>(prefix: &'a str, histogram: &'a Histogram) -> impl Iterator<Item = (String, u64)> + 'a {
    histogram.counts.iter().map(move |(step, count)| (format!("{prefix}{step}"), *count))
}

/// The bucket that an item holds.
fn bucket(item: &Item) -> Result<Bucket, StoreError> {
    let unreadable = |what: &str| StoreError::unreadable(key_of(item), format!("{what} is not as expected"));
    let time = |name| attribute_text(item, name).parse::<Timestamp>().map_err(|_| unreadable(name));
    let mut counts = Counts {
        attempts: counter(item, ATTEMPTS)?,
        successes: counter(item, SUCCESSES)?,
        failures: counter(item, FAILURES)?,
        ..Counts::default()
    };
    for name in item.keys() {
        let step = |digits: &str| digits.parse::<usize>().map_err(|_| unreadable(name));
        if let Some(reason) = name.strip_prefix(REASON) {
            counts.reasons.insert(reason.to_owned(), counter(item, name)?);
        } else if let Some(digits) = name.strip_prefix(LATENCY) {
            counts.latency.counts.insert(step(digits)?, counter(item, name)?);
        } else if let Some(digits) = name.strip_prefix(FRESHNESS) {
            counts.freshness.counts.insert(step(digits)?, counter(item, name)?);
        } else if let Some(cause) = name.strip_prefix(DROPPED) {
            let why = Dropped::ALL.into_iter().find(|why| why.as_str() == cause).ok_or_else(|| unreadable(name))?;
            counts.dropped.insert(why, counter(item, name)?);
        }
    }
    Ok(Bucket { start: BucketStart::holding(time(START)?), enabled_since: time(ENABLED_SINCE)?, counts })
}

impl Store {
    /// The counts of a subscription from a quarter of an hour on, in order of time. Costs 1 Query, 1 read unit each 4 KB:
    /// a day of 96 quarters is some 10 units.
    pub async fn buckets(
        &self,
        tenant: &TenantId,
        subscription: &SubscriptionId,
        from: BucketStart,
    ) -> Result<Vec<Bucket>, StoreError> {
        let pk = keys::delivery_partition(tenant, subscription);
        let between = (keys::buckets_from(from), keys::BUCKETS_END);
        let items = self.query_all("read the counts of a subscription", &pk, Some((&between.0, between.1))).await?;
        items.iter().map(bucket).collect()
    }
}
