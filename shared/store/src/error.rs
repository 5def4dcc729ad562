//! What can go wrong between Spacehook and its table.

use crate::keys::Key;
use crate::transaction::{TRANSACTION_BYTES_LIMIT, TRANSACTION_LIMIT};
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use std::error::Error;

/// Codes by which `DynamoDB` says: not now. `TransactionConflictException` is one write meeting a transaction.
const NOT_NOW: [&str; 6] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "Throttling",
    "TransactionInProgressException",
    "TransactionConflictException",
];

/// The table could not do what was asked. Its text says what was asked and why it failed, with the whole chain of causes
/// (so there is no `source`), and never repeats what was to be stored.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StoreError(Box<Cause>);

#[derive(Debug, thiserror::Error)]
enum Cause {
    /// `DynamoDB`, or the way to it.
    #[error("{operation}: {message}")]
    Service { operation: &'static str, code: Option<String>, message: String },
    /// Still throttled, or in conflict with other writers, after every repeat.
    #[error("{operation}: gave up after {tries} tries: {message}")]
    GaveUp { operation: &'static str, tries: usize, message: &'static str },
    /// An item that this release can't read.
    #[error("item {key} is unreadable: {message}")]
    Unreadable { key: Key, message: String },
    /// Something that can't be an item.
    #[error("item {key} can't be written: {message}")]
    Unwritable { key: Key, message: String },
    /// More than an item may hold.
    #[error("item {key} has {bytes} bytes; at most {limit} are stored")]
    TooLarge { key: Key, bytes: usize, limit: usize },
    /// More than one transaction may hold.
    #[error(
        "{operation}: {items} items of {bytes} bytes; a transaction has at most {TRANSACTION_LIMIT} of {TRANSACTION_BYTES_LIMIT}"
    )]
    TooMuch { operation: &'static str, items: usize, bytes: usize },
}

impl StoreError {
    /// True where `DynamoDB` had no capacity, or other writers stood in the way: the same call may succeed later.
    pub fn is_throttled(&self) -> bool {
        match &*self.0 {
            Cause::Service { code, .. } => code.as_deref().is_some_and(|code| NOT_NOW.contains(&code)),
            Cause::GaveUp { .. } => true,
            Cause::Unreadable { .. } | Cause::Unwritable { .. } | Cause::TooLarge { .. } | Cause::TooMuch { .. } => {
                false
            }
        }
    }

    /// True where an item has more bytes than [`crate::ITEM_BYTES_LIMIT`].
    pub fn is_too_large(&self) -> bool {
        matches!(&*self.0, Cause::TooLarge { .. })
    }

    /// True where a change has more items or bytes than one transaction takes: nothing is done, and smaller changes may be.
    pub fn exceeds_transaction(&self) -> bool {
        matches!(&*self.0, Cause::TooMuch { .. })
    }

    /// The key (pk, sk) of the stored item that this release can't read, where that is the trouble.
    pub fn unreadable_item(&self) -> Option<(&str, &str)> {
        match &*self.0 {
            Cause::Unreadable { key, .. } => Some((&key.pk, &key.sk)),
            _ => None,
        }
    }

    /// One request failed.
    pub(crate) fn service<E>(operation: &'static str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let code = error.code().map(str::to_owned);
        let message = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            (None, _) => chain(error),
        };
        Self(Box::new(Cause::Service { operation, code, message }))
    }

    /// A request that can't be built: a mistake in this crate.
    pub(crate) fn unbuilt(operation: &'static str, error: &BuildError) -> Self {
        Self(Box::new(Cause::Service { operation, code: None, message: error.to_string() }))
    }

    pub(crate) fn gave_up(operation: &'static str, tries: usize, message: &'static str) -> Self {
        Self(Box::new(Cause::GaveUp { operation, tries, message }))
    }

    pub(crate) fn unreadable(key: Key, message: impl Into<String>) -> Self {
        Self(Box::new(Cause::Unreadable { key, message: message.into() }))
    }

    pub(crate) fn unwritable(key: Key, message: impl Into<String>) -> Self {
        Self(Box::new(Cause::Unwritable { key, message: message.into() }))
    }

    pub(crate) fn too_much(operation: &'static str, items: usize, bytes: usize) -> Self {
        Self(Box::new(Cause::TooMuch { operation, items, bytes }))
    }

    pub(crate) fn too_large(key: Key, bytes: usize, limit: usize) -> Self {
        Self(Box::new(Cause::TooLarge { key, bytes, limit }))
    }
}

/// An error and what caused it, each said once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

/// A list could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The cursor was not made by this list, or has been changed since.
    #[error("the cursor was not made by this list")]
    InvalidCursor,
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::operation::get_item::GetItemError;

    #[test]
    fn a_failure_on_the_way_says_each_cause_once() {
        let error: SdkError<GetItemError> = SdkError::construction_failure("no endpoint");
        let error = StoreError::service("read a tenant", &error);
        let text = error.to_string();
        assert!(text.starts_with("read a tenant: "), "{text}");
        assert_eq!(text.matches("no endpoint").count(), 1, "{text}");
        assert!(Error::source(&error).is_none());
        assert!(!error.is_throttled());
    }

    #[test]
    fn unreadable_and_large_items_are_told_apart() {
        let key = || Key { pk: "T#a".to_owned(), sk: "TENANT".to_owned() };
        let error = StoreError::unreadable(key(), "missing field `id`");
        assert_eq!(error.unreadable_item(), Some(("T#a", "TENANT")));
        assert_eq!(error.to_string(), "item T#a / TENANT is unreadable: missing field `id`");
        assert!(StoreError::too_large(key(), 9, 8).is_too_large());
        assert!(StoreError::gave_up("save", 3, "throttled").is_throttled());
    }
}
