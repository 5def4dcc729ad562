//! Items that hold their value as one JSON text: opaque to `DynamoDB`, a third of the size of its maps, and read back
//! exactly as it was written, numbers in the body of an event too.

use crate::error::StoreError;
use crate::item::{Item, key_of, keyed, text};
use crate::keys::Key;
use crate::write::Write;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

const DOCUMENT: &str = "document";

/// The write that puts a value, and attributes beside it.
pub(crate) fn put<T: Serialize>(
    key: Key,
    value: &T,
    attributes: impl IntoIterator<Item = (&'static str, AttributeValue)>,
) -> Result<Write, StoreError> {
    let document =
        serde_json::to_string(value).map_err(|error| StoreError::unwritable(key.clone(), error.to_string()))?;
    let attributes = attributes.into_iter().chain([(DOCUMENT, text(document))]);
    let item = keyed(&key, attributes.map(|(name, value)| (name.to_owned(), value)).collect())?;
    Ok(Write::put(key, item))
}

/// The value that an item holds.
pub(crate) fn read<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    let document = item.get(DOCUMENT).and_then(|document| document.as_s().ok()).map_or("", String::as_str);
    serde_json::from_str(document).map_err(|error| StoreError::unreadable(key_of(item), error.to_string()))
}
