//! The SQS queues: events in the order of their space, deliveries that wait for a retry, telemetry that was refused.

mod body;
mod dead;
mod events;
mod retries;

pub use dead::{RefusedTelemetry, RefusedTelemetryQueue};
pub use events::EventQueue;
pub use retries::RetryQueue;

use std::error::Error;

/// A message that did not reach its queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// SQS did not take it, or did not answer.
    #[error("the queue did not take the message")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The message can't be written as JSON.
    #[error("the message can't be written")]
    Unwritable(#[from] serde_json::Error),
}

fn unavailable(error: impl Error + Send + Sync + 'static) -> QueueError {
    QueueError::Unavailable(Box::new(error))
}
