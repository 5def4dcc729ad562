//! `holds`: timers that have a space looked at which may have stayed empty.

use crate::body::body;
use crate::visibility::whole_seconds;
use crate::{QueueError, unavailable};
use aws_sdk_sqs::Client;
use spacehook_domain::hold_timer::HoldTimer;
use spacehook_domain::retry::LONGEST;
use std::time::Duration;

/// The queue of holds.
#[derive(Debug, Clone)]
pub struct HoldQueue {
    client: Client,
    url: String,
}

impl HoldQueue {
    /// The queue at this address.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Sets a timer: it comes after this time, in whole seconds, rounded up, at most 15 minutes. Costs 1 `SendMessage`.
    /// One whose answer was lost may come twice.
    pub async fn send(&self, timer: &HoldTimer, after: Duration) -> Result<(), QueueError> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body(timer)?)
            .delay_seconds(whole_seconds(after, LONGEST))
            .send()
            .await
            .map_err(unavailable)?;
        Ok(())
    }
}
