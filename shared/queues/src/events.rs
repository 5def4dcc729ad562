//! `events.fifo`: what happened, in order within a space, doubles dropped.

use crate::{QueueError, unavailable};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use spacehook_domain::event::Event;

/// Messages in one request, at most: SQS's limit.
const BATCH_LIMIT: usize = 10;
/// Bytes of the bodies of one request, at most: SQS's limit of 1 MiB, less some for the rest of the request.
const BATCH_BYTES_LIMIT: usize = 1_000_000;

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

    /// Queues events in their order.
    ///
    /// The message group is the space, so that its events are handled in order; the deduplication id is the event's
    /// id, so that an event sent again within five minutes is dropped. Where a message is refused, none of the later
    /// requests is made: what follows an event must not overtake it.
    pub async fn send(&self, events: &[Event]) -> Result<(), QueueError> {
        let mut rest = Vec::with_capacity(events.len());
        for event in events {
            rest.push((event, serde_json::to_string(event)?));
        }
        let mut rest = rest.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(batch_length(rest));
            self.send_batch(batch).await?;
            rest = later;
        }
        Ok(())
    }

    async fn send_batch(&self, batch: &[(&Event, String)]) -> Result<(), QueueError> {
        let mut request = self.client.send_message_batch().queue_url(&self.url);
        for (place, (event, body)) in batch.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(place.to_string())
                .message_body(body)
                .message_group_id(group(event))
                .message_deduplication_id(event.id.as_str())
                .build()
                .map_err(unavailable)?;
            request = request.entries(entry);
        }
        let answer = request.send().await.map_err(unavailable)?;
        match answer.failed().first() {
            None => Ok(()),
            Some(failure) => {
                let place: Option<usize> = failure.id().parse().ok();
                let event_id = place.and_then(|place| batch.get(place)).map(|(event, _)| event.id.to_string());
                Err(QueueError::Refused { event_id: event_id.unwrap_or_default(), code: failure.code().to_owned() })
            }
        }
    }
}

fn group(event: &Event) -> String {
    format!("{}:{}", event.tenant, event.space.space_id)
}

/// How many of the first messages fit one request.
fn batch_length(messages: &[(&Event, String)]) -> usize {
    let mut bytes = 0;
    let fits = |(_, body): &&(&Event, String)| {
        bytes += body.len();
        bytes <= BATCH_BYTES_LIMIT
    };
    messages.iter().take(BATCH_LIMIT).take_while(fits).count().max(1)
}
