//! Transactions: several conditional writes, all done or none, with each refusal told by name.

use crate::Store;
use crate::backoff::{TRIES, Waits};
use crate::error::StoreError;
use crate::keys::Key;
use crate::write::Write;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

/// Items of a transaction, at most: `DynamoDB`'s limit.
pub(crate) const TRANSACTION_LIMIT: usize = 100;
/// Bytes of the items of a transaction, at most. `DynamoDB`'s limit is 4 MB; the rest is room for how it reckons.
pub(crate) const TRANSACTION_BYTES_LIMIT: usize = 3_800_000;

/// What came of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Transacted<T> {
    /// All of it is done.
    Done,
    /// None of it is done: the conditions of these writes do not hold.
    Refused(Vec<T>),
}

/// Why a transaction was cancelled.
enum Cancelled {
    /// By the conditions at these places.
    Conditions(Vec<usize>),
    /// By another writer of one of its items, or for want of capacity.
    NotNow,
}

impl Store {
    /// Does all the writes, each named by a tag, or none.
    ///
    /// A transaction that meets another writer is repeated; `DynamoDB` has then done nothing of it. The SDK's own repeats
    /// of one request carry one token, so that a lost answer does not do it twice.
    pub(crate) async fn transact<T: Copy>(
        &self,
        operation: &'static str,
        seed: &Key,
        writes: Vec<(T, Write)>,
    ) -> Result<Transacted<T>, StoreError> {
        let (tags, writes): (Vec<T>, Vec<Write>) = writes.into_iter().unzip();
        debug_assert!(writes.len() <= TRANSACTION_LIMIT, "{operation}: {} items", writes.len());
        let items = writes
            .into_iter()
            .map(|write| write.into_transaction_item(&self.table))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| StoreError::unbuilt(operation, &error))?;
        let mut waits = Waits::of(seed);
        loop {
            let request = self.client.transact_write_items().set_transact_items(Some(items.clone()));
            let Err(error) = request.send().await else { return Ok(Transacted::Done) };
            match error.as_service_error().and_then(cancelled) {
                Some(Cancelled::Conditions(places)) => {
                    return Ok(Transacted::Refused(
                        places.into_iter().filter_map(|at| tags.get(at).copied()).collect(),
                    ));
                }
                Some(Cancelled::NotNow) => {
                    if !waits.wait().await {
                        return Err(StoreError::gave_up(
                            operation,
                            TRIES,
                            "throttled, or in conflict with other writers",
                        ));
                    }
                }
                None => {
                    let error = StoreError::service(operation, &error);
                    if !error.is_throttled() || !waits.wait().await {
                        return Err(error);
                    }
                }
            }
        }
    }
}

/// Why it was cancelled; none where the reason is of another kind, or there is none.
fn cancelled(error: &TransactWriteItemsError) -> Option<Cancelled> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { return None };
    let codes: Vec<&str> =
        cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect();
    let places: Vec<usize> = (0..codes.len()).filter(|&at| codes[at] == "ConditionalCheckFailed").collect();
    if !places.is_empty() {
        // A condition that fails is an answer, also where another item of the same transaction was busy.
        return Some(Cancelled::Conditions(places));
    }
    let not_now = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    codes.iter().any(|code| not_now.contains(code)).then_some(Cancelled::NotNow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;

    fn reasons(codes: &[&str]) -> TransactWriteItemsError {
        let reasons = codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect();
        TransactWriteItemsError::TransactionCanceledException(
            TransactionCanceledException::builder().set_cancellation_reasons(Some(reasons)).build(),
        )
    }

    #[test]
    fn conditions_are_answers_and_conflicts_are_not() {
        let both = reasons(&["None", "ConditionalCheckFailed", "TransactionConflict", "ConditionalCheckFailed"]);
        assert!(matches!(cancelled(&both), Some(Cancelled::Conditions(places)) if places == [1, 3]));
        for busy in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
            assert!(matches!(cancelled(&reasons(&["None", busy])), Some(Cancelled::NotNow)));
        }
        assert!(cancelled(&reasons(&["ItemCollectionSizeLimitExceeded"])).is_none());
    }
}
