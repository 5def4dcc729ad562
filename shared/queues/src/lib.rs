//! The SQS queues: events in the order of their space, timers of backlogs and holds, dead letters, telemetry that was refused.

mod body;
mod dead;
mod events;
mod holds;
mod letters;
mod shares;
mod trace;
mod visibility;
mod wakes;

pub use dead::{RefusedTelemetry, RefusedTelemetryQueue};
pub use events::EventQueue;
pub use holds::HoldQueue;
pub use letters::{DeadLetter, DeadLetterQueue};
pub use wakes::WakeQueue;

use std::error::Error;

/// A message that did not reach its queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// SQS did not take it, or did not answer.
    #[error("the queue did not take the message")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// SQS took the rest of a batch, but not these, also when they were sent once more.
    #[error("the queue did not take {messages} messages of a batch: {cause}")]
    NotTaken {
        /// How many.
        messages: usize,
        /// Why not the first of them, as SQS says.
        cause: String,
    },
    /// The message can't be written as JSON.
    #[error("the message can't be written")]
    Unwritable(#[from] serde_json::Error),
}

fn unavailable(error: impl Error + Send + Sync + 'static) -> QueueError {
    QueueError::Unavailable(Box::new(error))
}
