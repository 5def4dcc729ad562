//! What is needed of the network: one trait, so that a test can script it.

use spacehook_delivery::{AttemptError, AttemptRequest, AttemptResult, ReceiverClient, WholeAnswer};
use spacehook_domain::failure::FailureReason;
use std::future::Future;

/// Makes requests, guarded and bounded.
pub trait Transport: Send + Sync {
    /// Makes a request to a receiver.
    fn attempt(&self, request: AttemptRequest) -> impl Future<Output = Result<AttemptResult, AttemptError>> + Send;

    /// Makes a request to a token endpoint, whose whole answer is wanted.
    fn exchange(
        &self,
        request: AttemptRequest,
    ) -> impl Future<Output = Result<Result<WholeAnswer, FailureReason>, AttemptError>> + Send;
}

impl Transport for ReceiverClient {
    async fn attempt(&self, request: AttemptRequest) -> Result<AttemptResult, AttemptError> {
        Self::attempt(self, request).await
    }

    async fn exchange(&self, request: AttemptRequest) -> Result<Result<WholeAnswer, FailureReason>, AttemptError> {
        Self::exchange(self, request).await
    }
}
