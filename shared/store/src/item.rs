//! Between values and items of the table.

use crate::error::StoreError;
use crate::keys::Key;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// Bytes of an item, at most. `DynamoDB`'s own limit is 400 KB; the rest is room for what updates add.
pub const ITEM_BYTES_LIMIT: usize = 380 * 1_024;

/// The attribute by which `DynamoDB` deletes items: seconds since 1970.
pub(crate) const EXPIRES_AT: &str = "expires_at";

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The item that holds a value under a key.
pub(crate) fn to_item<T: Serialize>(key: &Key, value: &T) -> Result<Item, StoreError> {
    let item: Item =
        serde_dynamo::to_item(value).map_err(|error| StoreError::unwritable(key.clone(), error.to_string()))?;
    keyed(key, item)
}

/// Attributes under a key, where they fit.
pub(crate) fn keyed(key: &Key, mut item: Item) -> Result<Item, StoreError> {
    item.extend(key_item(key));
    let bytes = item_bytes(&item);
    if bytes > ITEM_BYTES_LIMIT {
        return Err(StoreError::too_large(key.clone(), bytes, ITEM_BYTES_LIMIT));
    }
    Ok(item)
}

/// The key alone, as requests name items.
pub(crate) fn key_item(key: &Key) -> Item {
    [("pk".to_owned(), text(&key.pk)), ("sk".to_owned(), text(&key.sk))].into()
}

/// The key of an item.
pub(crate) fn key_of(item: &Item) -> Key {
    Key { pk: attribute_text(item, "pk"), sk: attribute_text(item, "sk") }
}

/// The value that an item holds.
pub(crate) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    let key = key_of(&item);
    serde_dynamo::from_item(item).map_err(|error| StoreError::unreadable(key, error.to_string()))
}

/// A text attribute's value.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute's value.
pub(crate) fn number(value: impl ToString + Copy) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The value of a set of texts, which may not be empty.
pub(crate) fn set<'a>(texts: impl IntoIterator<Item = &'a str>) -> AttributeValue {
    AttributeValue::Ss(texts.into_iter().map(str::to_owned).collect())
}

/// The text of an attribute; empty where there is none.
pub(crate) fn attribute_text(item: &Item, name: &str) -> String {
    item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
}

/// The number of a counter; 0 where nothing was counted yet.
pub(crate) fn counter(item: &Item, name: &str) -> Result<u64, StoreError> {
    let Some(value) = item.get(name) else { return Ok(0) };
    value
        .as_n()
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| StoreError::unreadable(key_of(item), format!("{name} is not a whole number from 0 up")))
}

/// The number of a counter that may have gone below 0, since it did not count from the beginning: then it is 0.
pub(crate) fn counter_or_zero(item: &Item, name: &str) -> Result<u64, StoreError> {
    let is_negative = item.get(name).and_then(|value| value.as_n().ok()).is_some_and(|digits| digits.starts_with('-'));
    if is_negative { Ok(0) } else { counter(item, name) }
}

/// The size that `DynamoDB` reckons, give or take a few bytes for numbers.
pub(crate) fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(blob) => blob.as_ref().len(),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Bs(blobs) => blobs.iter().map(|blob| blob.as_ref().len()).sum(),
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        AttributeValue::M(values) => 3 + values.len() + item_bytes(values),
        _ => 1,
    }
}

/// What can be read of a list that is of all tenants: one item that can't be read, of one tenant, is logged and keeps nobody
/// else's from being read.
pub(crate) fn readable<T>(items: impl Iterator<Item = Item>, read: impl Fn(Item) -> Result<T, StoreError>) -> Vec<T> {
    let one = |item: Item| read(item).inspect_err(log_unreadable).ok();
    items.filter_map(one).collect()
}

fn log_unreadable(error: &StoreError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "an item can't be read and is passed over; delete it, or deploy a release that reads it");
}

#[cfg(test)]
mod tests;
