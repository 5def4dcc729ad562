//! Many items in one request, with bounded repeats of those that `DynamoDB` left out.

use crate::Store;
use crate::backoff::{TRIES, Waits};
use crate::error::StoreError;
use crate::item::{Item, key_item, key_of};
use crate::keys::Key;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use std::borrow::Cow;
use std::collections::HashMap;

/// Items of a `BatchWriteItem`, at most: `DynamoDB`'s limit.
pub(crate) const BATCH_WRITE_LIMIT: usize = 25;
/// Keys of a `BatchGetItem`, at most: `DynamoDB`'s limit.
pub(crate) const BATCH_GET_LIMIT: usize = 100;

const LEFT_OUT: &str = "items are left out for want of capacity";

impl Store {
    /// Stores items, at most [`BATCH_WRITE_LIMIT`], in one request and its repeats. Not all or none.
    pub(crate) async fn put_batch(
        &self,
        operation: &'static str,
        seed: &Key,
        items: Vec<Item>,
    ) -> Result<(), StoreError> {
        let put =
            |item| Ok(WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build()?).build());
        self.write_batch(operation, seed, items.into_iter().map(put).collect()).await
    }

    /// Deletes the items under these keys, at most [`BATCH_WRITE_LIMIT`], in one request and its repeats. Not all or none.
    pub(crate) async fn delete_batch(&self, operation: &'static str, keys: &[Key]) -> Result<(), StoreError> {
        let Some(seed) = keys.first() else { return Ok(()) };
        let delete = |key| {
            let delete = DeleteRequest::builder().set_key(Some(key_item(key))).build()?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        };
        self.write_batch(operation, seed, keys.iter().map(delete).collect()).await
    }

    async fn write_batch(
        &self,
        operation: &'static str,
        seed: &Key,
        writes: Result<Vec<WriteRequest>, BuildError>,
    ) -> Result<(), StoreError> {
        let mut left = writes.map_err(|error| StoreError::unbuilt(operation, &error))?;
        debug_assert!(left.len() <= BATCH_WRITE_LIMIT);
        let mut waits = Waits::of(seed);
        while !left.is_empty() {
            let request = self.client.batch_write_item().request_items(&*self.table, left.clone());
            match request.send().await.map_err(|error| StoreError::service(operation, &error)) {
                Ok(answer) => {
                    left = of_table(answer.unprocessed_items, &self.table);
                }
                Err(error) if error.is_throttled() => {}
                Err(error) => return Err(error),
            }
            if !left.is_empty() && !waits.wait().await {
                return Err(StoreError::gave_up(operation, TRIES, LEFT_OUT));
            }
        }
        Ok(())
    }

    /// The items that are there under these keys, at most [`BATCH_GET_LIMIT`], strongly consistent, in no order, as far as one
    /// request has them; and the keys that it left out.
    pub(crate) async fn get_once(
        &self,
        operation: &'static str,
        keys: &[Key],
    ) -> Result<(Vec<Item>, Vec<Key>), StoreError> {
        debug_assert!(keys.len() <= BATCH_GET_LIMIT);
        let keys = Some(keys.iter().map(key_item).collect());
        let wanted = KeysAndAttributes::builder().consistent_read(true).set_keys(keys).build();
        let wanted = wanted.map_err(|error| StoreError::unbuilt(operation, &error))?;
        let request = self.client.batch_get_item().request_items(&*self.table, wanted);
        let answer = request.send().await.map_err(|error| StoreError::service(operation, &error))?;
        let unprocessed = answer.unprocessed_keys.unwrap_or_default();
        let left_out = unprocessed.get(&*self.table).into_iter().flat_map(KeysAndAttributes::keys).map(key_of);
        Ok((of_table(answer.responses, &self.table), left_out.collect()))
    }

    /// The items that are there under these keys, at most [`BATCH_GET_LIMIT`], strongly consistent, in no order.
    pub(crate) async fn get_batch(&self, operation: &'static str, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        debug_assert!(keys.len() <= BATCH_GET_LIMIT);
        let Some(seed) = keys.first() else { return Ok(Vec::new()) };
        let mut waits = Waits::of(seed);
        let mut left = Cow::Borrowed(keys);
        let mut found = Vec::with_capacity(keys.len());
        while !left.is_empty() {
            match self.get_once(operation, &left).await {
                Ok((some, left_out)) => {
                    found.extend(some);
                    left = Cow::Owned(left_out);
                }
                Err(error) if error.is_throttled() => {}
                Err(error) => return Err(error),
            }
            if !left.is_empty() && !waits.wait().await {
                return Err(StoreError::gave_up(operation, TRIES, LEFT_OUT));
            }
        }
        Ok(found)
    }
}

/// What an answer says of the only table asked for.
fn of_table<T: Default>(by_table: Option<HashMap<String, T>>, table: &str) -> T {
    by_table.and_then(|mut by_table| by_table.remove(table)).unwrap_or_default()
}
