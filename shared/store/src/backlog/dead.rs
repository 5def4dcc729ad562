//! Dead deliveries: listed for 7 days.

use crate::backlog::change::EVENT_ID;
use crate::error::{ListError, StoreError};
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::{Store, document, keys};
use jiff::Timestamp;
use spacehook_domain::backlog::Dead;
use spacehook_domain::ids::{EventId, SubscriptionKey};

impl Store {
    /// The dead deliveries of a subscription, the last to die first. Costs 1 Query a page, 1 read unit each 4 KB.
    pub async fn list_dead(&self, of: &SubscriptionKey, request: PageRequest) -> Result<Page<Dead>, ListError> {
        let pk = keys::backlog_partition(of);
        let read = |item| document::read(&item);
        self.page_of("list dead deliveries", (&pk, keys::DEAD_PREFIX), &request, Order::Backward, read).await
    }

    /// The dead deliveries of a subscription that died before a moment, the first to die first, at most so many, after
    /// one of them. Costs 1 Query, 1 read unit each 4 KB.
    pub async fn oldest_dead(
        &self,
        of: &SubscriptionKey,
        after: Option<(Timestamp, &EventId)>,
        before: Timestamp,
        most: usize,
    ) -> Result<Vec<Dead>, StoreError> {
        const OPERATION: &str = "read the oldest dead deliveries";
        // `~` follows every character of an event's id.
        let from = after.map_or(keys::DEAD_PREFIX.to_owned(), |(at, id)| format!("{}~", keys::dead(of, at, id).sk));
        let list = (keys::backlog_partition(of), from, keys::dead_from(before));
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let (items, _) = self.some_between(OPERATION, &list, None, most).await?;
        items.iter().map(document::read).collect()
    }

    /// The dead delivery of an event; where it died more than once, the last. Costs 1 Query each MB of the dead deliveries
    /// that died after it, or of all where there is none: 1 read unit each 4 KB.
    pub async fn dead(&self, of: &SubscriptionKey, event: &EventId) -> Result<Option<Dead>, StoreError> {
        let list = (keys::backlog_partition(of), keys::DEAD_PREFIX);
        let found = self.last_with("find a dead delivery", (&list.0, list.1), (EVENT_ID, event.as_str())).await?;
        found.as_ref().map(document::read).transpose()
    }
}
