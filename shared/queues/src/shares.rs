//! The shares of an event, as the batches that SQS takes.

use crate::QueueError;
use crate::body::body;
use crate::trace::{self, Attributes};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use spacehook_domain::event::Event;
use spacehook_domain::share::Share;
use std::collections::BTreeSet;

/// Messages of a batch, at most: SQS's limit.
const BATCH_LIMIT: usize = 10;
/// Bytes of the bodies of a batch: what every region and every message size limit of SQS takes. A message that is larger
/// goes alone.
const BATCH_BYTES: usize = 256 * 1_024;

/// One share, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    /// Which share: the entry's id in its batch.
    id: String,
    body: String,
    group: String,
    deduplication_id: String,
    attributes: Attributes,
}

/// The shares of an event. Each has its own message group, so that the shares of a space go on side by side, and each by
/// itself in order; and its own deduplication id, so that a share sent again within five minutes is dropped.
pub(crate) fn messages(event: &Event, group: &str) -> Result<Vec<Message>, QueueError> {
    let attributes = trace::attributes(event)?;
    let message = |share: Share| {
        let id = share.share.to_string();
        Ok(Message {
            body: body(&share)?,
            group: format!("{group}:{id}"),
            deduplication_id: format!("{}:{id}", event.id),
            attributes: attributes.clone(),
            id,
        })
    };
    Share::all(event).map(message).collect()
}

/// Messages in batches that SQS takes, in order.
pub(crate) fn batches(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut batches: Vec<Vec<Message>> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        bytes += message.body.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_LIMIT && bytes <= BATCH_BYTES => batch.push(message),
            _ => {
                bytes = message.body.len();
                batches.push(vec![message]);
            }
        }
    }
    batches
}

/// Sends a batch; what SQS does not take of it is sent once more.
pub(crate) async fn send(client: &Client, url: &str, batch: Vec<Message>) -> Result<(), QueueError> {
    let left = send_once(client, url, batch).await?;
    if left.messages.is_empty() {
        return Ok(());
    }
    let left = send_once(client, url, left.messages).await?;
    match left.cause {
        Some(cause) => Err(QueueError::NotTaken { messages: left.messages.len(), cause }),
        None => Ok(()),
    }
}

/// What SQS did not take, and why it did not take the first of it.
struct Left {
    messages: Vec<Message>,
    cause: Option<String>,
}

async fn send_once(client: &Client, url: &str, batch: Vec<Message>) -> Result<Left, QueueError> {
    let entries = batch.iter().map(entry).collect::<Result<Vec<_>, _>>().map_err(crate::unavailable)?;
    let request = client.send_message_batch().queue_url(url).set_entries(Some(entries));
    let answer = request.send().await.map_err(crate::unavailable)?;
    let failed: BTreeSet<&str> = answer.failed.iter().map(|failed| failed.id.as_str()).collect();
    let cause = answer.failed.first().map(|failed| match &failed.message {
        Some(message) => format!("{}: {message}", failed.code),
        None => failed.code.clone(),
    });
    let messages = batch.into_iter().filter(|message| failed.contains(message.id.as_str())).collect();
    Ok(Left { messages, cause })
}

fn entry(message: &Message) -> Result<SendMessageBatchRequestEntry, aws_sdk_sqs::error::BuildError> {
    SendMessageBatchRequestEntry::builder()
        .id(&message.id)
        .message_body(&message.body)
        .message_group_id(&message.group)
        .message_deduplication_id(&message.deduplication_id)
        .set_message_system_attributes(message.attributes.clone())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: usize, number: usize) -> Message {
        Message {
            id: number.to_string(),
            body: "x".repeat(bytes),
            group: "acme:7".to_owned(),
            deduplication_id: number.to_string(),
            attributes: None,
        }
    }

    #[test]
    fn batches_keep_to_sqs_limits_and_lose_nothing() {
        for (bytes, sizes) in [
            (600, vec![10, 10, 10, 2]),
            (60_000, vec![4; 8]),
            (200_000, vec![1; 32]),
            // Larger than a batch may be: SQS says what it thinks of it.
            (300_000, vec![1; 32]),
        ] {
            let messages: Vec<_> = (0..32).map(|number| of(bytes, number)).collect();
            let batches = batches(messages.clone());
            assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{bytes}");
            assert_eq!(batches.concat(), messages);
        }
    }
}
