//! The backlogs of subscriptions: see [`spacehook_domain::backlog`] for what they are.
//!
//! What a change replaces is guarded by its version; what it puts or deletes among the deliveries is guarded by their
//! lane. Everything here expires 21 days after it was last changed, so that what a deleted subscription leaves behind
//! vanishes by itself: no delivery is kept for longer than 14 days.

mod change;
mod dead;
mod permits;
mod purge;

pub use change::Replayed;
pub(crate) use change::{dead_deletions, replace_backlog, writes};

use crate::batch::BATCH_GET_LIMIT;
use crate::error::{ListError, StoreError};
use crate::item::{Item, key_of};
use crate::keys::{self, Key};
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::{Store, document};
use futures::{StreamExt as _, TryStreamExt as _};
use spacehook_domain::backlog::{Backlog, Kept, KeptKey, Lane};
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::stream::Stream;
use std::collections::{BTreeSet, HashMap};

/// Requests at once, at most, of one reading of standings.
const CONCURRENT_READS: usize = 8;

/// What there is of a backlog, as far as it was asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// The backlog.
    pub backlog: Option<Backlog>,
    /// Of the lanes that were asked for, those that are there, by space.
    pub lanes: Vec<Lane>,
}

impl Store {
    /// The backlogs of these subscriptions, and these lanes of them: one answer each, in the same order.
    ///
    /// Costs 1 `BatchGetItem` each 100 backlogs and lanes that are asked for, at most 8 at once: 1 read unit each, there
    /// or not. Each item is read strongly consistent, but not all of them at one moment.
    pub async fn standings(&self, wanted: &[(SubscriptionKey, BTreeSet<Stream>)]) -> Result<Vec<Standing>, StoreError> {
        const OPERATION: &str = "read backlogs";
        // A set: DynamoDB refuses a key that is asked for twice.
        let keys: BTreeSet<Key> = wanted.iter().flat_map(|(of, streams)| keys_of(of, streams)).collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        // Made before they are streamed: a closure in the stream would keep the whole from being `Send`.
        let reads: Vec<_> = keys.chunks(BATCH_GET_LIMIT).map(|chunk| self.get_batch(OPERATION, chunk)).collect();
        let read: Vec<Vec<Item>> =
            futures::stream::iter(reads).buffer_unordered(CONCURRENT_READS).try_collect().await?;
        let items: HashMap<Key, Item> = read.into_iter().flatten().map(|item| (key_of(&item), item)).collect();
        wanted.iter().map(|(of, streams)| standing(&items, of, streams)).collect()
    }

    /// The backlog of a subscription. Costs 1 `GetItem`.
    pub async fn backlog(&self, of: &SubscriptionKey) -> Result<Option<Backlog>, StoreError> {
        let item = self.get("read a backlog", &keys::backlog(of)).await?;
        item.as_ref().map(document::read).transpose()
    }

    /// All lanes of a subscription, by space. Costs 1 Query each MB: 1 read unit each 4 KB, some 8 lanes.
    pub async fn lanes(&self, of: &SubscriptionKey) -> Result<Vec<Lane>, StoreError> {
        // `~` follows every digit.
        let end = format!("{}~", keys::LANE_PREFIX);
        let between = Some((keys::LANE_PREFIX, end.as_str()));
        let items = self.query_all("read the lanes of a backlog", &keys::backlog_partition(of), between).await?;
        items.iter().map(document::read).collect()
    }

    /// The first lanes of a subscription, by space, at most so many. Costs 1 Query each MB, 1 read unit each 4 KB, some 8 lanes.
    pub async fn first_lanes(&self, of: &SubscriptionKey, most: usize) -> Result<Vec<Lane>, StoreError> {
        let list = (keys::backlog_partition(of), keys::LANE_PREFIX);
        let items = self.first_items("count a backlog", (&list.0, list.1), None, Order::Forward, most).await?;
        items.iter().map(document::read).collect()
    }

    /// The first deliveries that wait in a lane, at most so many, in order of sending. Costs 1 Query each MB, 1 read unit
    /// each 4 KB of them.
    pub async fn waiting(&self, of: &SubscriptionKey, stream: Stream, most: usize) -> Result<Vec<Kept>, StoreError> {
        let (pk, prefix) = (keys::backlog_partition(of), keys::kept_prefix(stream));
        let items = self.first_items("read a lane", (&pk, &prefix), None, Order::Forward, most).await?;
        items.iter().map(document::read).collect()
    }

    /// Which of these deliveries, at most 100, wait. Costs 1 `BatchGetItem`: 1 read unit each 4 KB of those that do.
    pub async fn waiting_among(
        &self,
        of: &SubscriptionKey,
        places: &BTreeSet<KeptKey>,
    ) -> Result<BTreeSet<KeptKey>, StoreError> {
        let keys: Vec<Key> = places.iter().map(|place| keys::kept(of, place)).collect();
        let found = self.get_batch("look for deliveries that wait", &keys).await?;
        let found: BTreeSet<Key> = found.iter().map(key_of).collect();
        Ok(places.iter().filter(|place| found.contains(&keys::kept(of, place))).copied().collect())
    }

    /// The deliveries that wait, of one space or of all, in order of sending: by space, then as they happened. Costs 1
    /// Query a page, 1 read unit each 4 KB.
    pub async fn list_kept(
        &self,
        of: &SubscriptionKey,
        stream: Option<Stream>,
        request: PageRequest,
    ) -> Result<Page<Kept>, ListError> {
        let pk = keys::backlog_partition(of);
        let prefix = stream.map_or_else(|| keys::KEPT_PREFIX.to_owned(), keys::kept_prefix);
        let read = |item| document::read(&item);
        self.page_of("list a backlog", (&pk, &prefix), &request, Order::Forward, read).await
    }
}

fn keys_of(of: &SubscriptionKey, streams: &BTreeSet<Stream>) -> impl Iterator<Item = Key> {
    std::iter::once(keys::backlog(of)).chain(streams.iter().map(|stream| keys::lane(of, *stream)))
}

fn standing(
    items: &HashMap<Key, Item>,
    of: &SubscriptionKey,
    streams: &BTreeSet<Stream>,
) -> Result<Standing, StoreError> {
    let lanes = streams.iter().filter_map(|stream| items.get(&keys::lane(of, *stream)));
    Ok(Standing {
        backlog: items.get(&keys::backlog(of)).map(document::read).transpose()?,
        lanes: lanes.map(document::read).collect::<Result<_, _>>()?,
    })
}
