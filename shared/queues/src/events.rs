//! `events.fifo`: what happened, in order within a space, doubles dropped.

use crate::body::body;
use crate::{QueueError, unavailable};
use aws_sdk_sqs::Client;
use spacehook_domain::event::Event;

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
    /// The message group is the space, so that its events are handled in order; the deduplication id is the event's
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
                .send()
                .await
                .map_err(unavailable)?;
        }
        Ok(())
    }
}

fn group(event: &Event) -> String {
    format!("{}:{}", event.tenant, event.space.space_id)
}
