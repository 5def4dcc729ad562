//! What health is to look at, found by an index and not by reading everything: the cost grows with what is due.
//!
//! The index (`due`) has the items that have its two attributes, and their keys alone. An item gets them with a write that
//! it needs anyway, and the index costs only when they change: so the time of a space that is heard of again and again is
//! moved seldom (see [`spacehook_domain::presence::next_due`]).
//!
//! It is read a moment late, as every index is: what is missing from one answer is in the next.

use crate::error::StoreError;
use crate::item::{Item, attribute_text, number, text};
use crate::keys::{self, Key};
use crate::{Store, item};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use jiff::Timestamp;
use spacehook_domain::ids::{SubscriptionKey, TenantId};
use spacehook_domain::observed::ObservedId;

/// The index's name.
const INDEX: &str = "due";
/// Its partition key.
pub(crate) const DUE: &str = "due";
/// Its sort key: milliseconds since 1970.
pub(crate) const DUE_AT: &str = "due_at";

/// The attributes of an item that is due then; none of them where it is not.
pub(crate) fn attributes(
    partition: String,
    at: Option<Timestamp>,
) -> impl Iterator<Item = (&'static str, AttributeValue)> {
    at.into_iter().flat_map(move |at| [(DUE, text(partition.clone())), (DUE_AT, number(at.as_millisecond()))])
}

/// When an item is due.
pub(crate) fn due_at(item: &Item) -> Result<Option<Timestamp>, StoreError> {
    let Some(value) = item.get(DUE_AT) else { return Ok(None) };
    let read = value.as_n().ok().and_then(|digits| digits.parse().ok());
    let at = read.and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok());
    at.map(Some).ok_or_else(|| StoreError::unreadable(item::key_of(item), "due_at is no time".to_owned()))
}

impl Store {
    /// States that are to be looked at by now, of each of 8 shards at most so many, the longest due first. Costs a Query
    /// for each shard, concurrently: 0.5 read units each where nothing is due, else 1 each 8 KB (some 100 states).
    pub async fn due_states(&self, now: Timestamp, most: u16) -> Result<Vec<(TenantId, ObservedId)>, StoreError> {
        let found = self.due("find states that are due", keys::due_states, now, most).await?;
        Ok(found.iter().filter_map(|pk| keys::read_state(pk)).collect())
    }

    /// Backlogs whose timer should have come by now, and did not; as [`Store::due_states`].
    pub async fn overdue_backlogs(&self, now: Timestamp, most: u16) -> Result<Vec<SubscriptionKey>, StoreError> {
        let found = self.due("find backlogs that are overdue", keys::due_backlogs, now, most).await?;
        Ok(found.iter().filter_map(|pk| keys::read_backlog(pk)).collect())
    }

    /// The partition keys of what is due.
    async fn due(
        &self,
        operation: &'static str,
        partition: fn(u8) -> String,
        now: Timestamp,
        most: u16,
    ) -> Result<Vec<String>, StoreError> {
        let items = self.due_items(operation, partition, now, most).await?;
        Ok(items.iter().map(|item| attribute_text(item, "pk")).collect())
    }

    /// The keys of what is due.
    pub(crate) async fn due_items(
        &self,
        operation: &'static str,
        partition: fn(u8) -> String,
        now: Timestamp,
        most: u16,
    ) -> Result<Vec<Item>, StoreError> {
        let shards = (0..keys::SHARDS).map(|shard| {
            let query = self
                .client
                .query()
                .table_name(&*self.table)
                .index_name(INDEX)
                .key_condition_expression("#due = :partition AND #due_at <= :now")
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#due_at", DUE_AT)
                .expression_attribute_values(":partition", text(partition(shard)))
                .expression_attribute_values(":now", number(now.as_millisecond()))
                .limit(i32::from(most));
            async move { query.send().await.map_err(|error| StoreError::service(operation, &error)) }
        });
        let answers = try_join_all(shards).await?;
        Ok(answers.into_iter().flat_map(|answer| answer.items.unwrap_or_default()).collect())
    }
}

/// The partition of the index that a state is in.
pub(crate) fn of_state(key: &Key) -> String {
    keys::due_states(keys::due_shard(key))
}

/// The partition of the index that a backlog is in.
pub(crate) fn of_backlog(key: &Key) -> String {
    keys::due_backlogs(keys::due_shard(key))
}
