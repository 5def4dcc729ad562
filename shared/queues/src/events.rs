//! `events.fifo`: what happened, in order within a space, doubles dropped.

use crate::body::body;
use crate::{QueueError, shares, trace, unavailable, visibility};
use aws_sdk_sqs::Client;
use futures::future::try_join_all;
use spacehook_domain::event::Event;
use std::time::Duration;

/// The queue of events.
#[derive(Debug, Clone)]
pub struct EventQueue {
    client: Client,
    url: String,
}

impl EventQueue {
    /// The queue at this address.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Queues events in their order, and stops at the first that is not taken.
    ///
    /// The message group is the space (or what else the event is about), so that its events are handled in order; the deduplication id is the event's
    /// id, so that an event sent again within five minutes is dropped. One request an event: of a batch SQS may take
    /// the later and refuse the earlier, which would then come after them for good.
    pub async fn send(&self, events: &[Event]) -> Result<(), QueueError> {
        for event in events {
            self.client
                .send_message()
                .queue_url(&self.url)
                .message_body(body(event)?)
                .message_group_id(group(event))
                .message_deduplication_id(event.id.as_str())
                .set_message_system_attributes(trace::attributes(event)?)
                .send()
                .await
                .map_err(unavailable)?;
        }
        Ok(())
    }

    /// Queues every share of an event (see [`spacehook_domain::share`]), each in a message group of its own. Of an error
    /// some may be queued; sent again within five minutes, they are dropped.
    ///
    /// Costs a `SendMessageBatch` each 10 shares (fewer where they are larger than 25 KB), concurrently, and one more for
    /// each of these of which SQS did not take all at first.
    pub async fn send_shares(&self, event: &Event) -> Result<(), QueueError> {
        let batches = shares::batches(shares::messages(event, &group(event))?);
        try_join_all(batches.into_iter().map(|batch| shares::send(&self.client, &self.url, batch))).await?;
        Ok(())
    }

    /// Has a message that was received, with this receipt, and is given back, come again after this time; until then its
    /// message group waits. Costs 1 `ChangeMessageVisibility`.
    pub async fn show_again(&self, receipt: &str, after: Duration) -> Result<(), QueueError> {
        visibility::show_again(&self.client, &self.url, receipt, after).await
    }
}

fn group(event: &Event) -> String {
    format!("{}:{}", event.tenant, event.stream())
}
