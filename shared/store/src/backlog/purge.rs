//! What is left of a subscription that was deleted.

use crate::batch::BATCH_WRITE_LIMIT;
use crate::error::StoreError;
use crate::item::{attribute_text, key_of, text};
use crate::{Store, keys};
use futures::future::try_join_all;
use spacehook_domain::ids::SubscriptionKey;

/// Items deleted by one call, at most.
const PURGED_AT_ONCE: usize = 4 * BATCH_WRITE_LIMIT;

impl Store {
    /// Deletes some of what is kept of a backlog: lanes, deliveries that wait, dead ones and permits. Says whether nothing
    /// is left. The backlog itself stays: with it goes the note at the tenant, so it is deleted by a change.
    ///
    /// For a subscription that was deleted: nothing is looked at, nothing is guarded. Costs 1 Query and up to 4
    /// `BatchWriteItem`: 1 read unit each 4 KB and 1 write unit each KB of up to 100 items.
    pub async fn purge_backlog(&self, of: &SubscriptionKey) -> Result<bool, StoreError> {
        const OPERATION: &str = "delete what is left of a subscription";
        let backlog = keys::backlog(of);
        let query = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            // The backlog's own sort key comes before all others.
            .key_condition_expression("pk = :pk AND sk > :backlog")
            .projection_expression("pk, sk")
            .expression_attribute_values(":pk", text(&backlog.pk))
            .expression_attribute_values(":backlog", text(&backlog.sk))
            .limit(i32::try_from(PURGED_AT_ONCE).unwrap_or(i32::MAX));
        let answer = query.send().await.map_err(|error| StoreError::service(OPERATION, &error))?;
        let items = answer.items.unwrap_or_default();
        debug_assert!(items.iter().all(|item| attribute_text(item, "sk") > backlog.sk));
        let keys: Vec<_> = items.iter().map(key_of).collect();
        try_join_all(keys.chunks(BATCH_WRITE_LIMIT).map(|chunk| self.delete_batch(OPERATION, chunk))).await?;
        Ok(answer.last_evaluated_key.is_none())
    }
}
