//! `retries`: timers that have the backlog of a subscription looked at, and steps of jobs.

use crate::body::body;
use crate::visibility::{self, whole_seconds};
use crate::{QueueError, unavailable};
use aws_sdk_sqs::Client;
use serde::Serialize;
use spacehook_domain::job::JobStep;
use spacehook_domain::retry::LONGEST;
use spacehook_domain::wake::Wake;
use std::time::Duration;

/// The queue of retries.
#[derive(Debug, Clone)]
pub struct WakeQueue {
    client: Client,
    url: String,
}

impl WakeQueue {
    /// The queue at this address.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Sets a timer: it comes after this time, in whole seconds, rounded up, at most 15 minutes. Costs 1 `SendMessage`.
    /// One whose answer was lost may come twice.
    pub async fn send(&self, wake: &Wake, after: Duration) -> Result<(), QueueError> {
        self.put(wake, after).await
    }

    /// Has the next step of a job made after this time, as [`WakeQueue::send`] has it. Costs 1 `SendMessage`.
    pub async fn send_step(&self, step: &JobStep, after: Duration) -> Result<(), QueueError> {
        self.put(step, after).await
    }

    async fn put<T: Serialize>(&self, document: &T, after: Duration) -> Result<(), QueueError> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body(document)?)
            .delay_seconds(whole_seconds(after, LONGEST))
            .send()
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    /// Has a message that was received, with this receipt, and is given back, come again after this time. Costs 1
    /// `ChangeMessageVisibility`.
    pub async fn show_again(&self, receipt: &str, after: Duration) -> Result<(), QueueError> {
        visibility::show_again(&self.client, &self.url, receipt, after).await
    }
}
