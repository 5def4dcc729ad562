//! A batch of queue messages: what they say, what became of each.

use crate::ports::{Poison, Queue, Receipt};
use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use spacehook_domain::event::Event;
use spacehook_domain::job::JobStep;
use spacehook_domain::message::UnreadableMessage;
use spacehook_domain::share::Share;
use spacehook_domain::wake::Wake;

/// What a queue message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Something happened: deliver it to whoever wants it.
    Event(Box<Event>),
    /// Something happened: deliver it to those who want it and have this share.
    Share(Box<Share>),
    /// Look at a backlog.
    Wake(Wake),
    /// Make the next step of a job.
    Step(JobStep),
    /// It can't be understood.
    Poison(Poison),
}

/// One message of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// SQS's id of it.
    pub id: String,
    /// How we hold it.
    pub receipt: Receipt,
    /// What it says.
    pub content: Content,
}

impl Message {
    /// The event that it brings, of whatever share.
    pub fn event(&self) -> Option<&Event> {
        match &self.content {
            Content::Event(event) => Some(event),
            Content::Share(share) => Some(&share.event),
            Content::Wake(_) | Content::Step(_) | Content::Poison(_) => None,
        }
    }

    /// Its message group; messages of the queue of retries have none.
    pub fn group(&self) -> Option<String> {
        match &self.content {
            Content::Event(event) => Some(format!("{}:{}", event.tenant, event.stream())),
            Content::Share(share) => Some(format!("{}:{}:{}", share.event.tenant, share.event.stream(), share.share)),
            Content::Wake(_) | Content::Step(_) => None,
            Content::Poison(poison) => poison.group.clone(),
        }
    }

    /// The message as dead letters have it: with its cause.
    pub fn as_poison(&self, cause: &str) -> Poison {
        let body = match &self.content {
            Content::Event(event) => serde_json::to_string(event),
            Content::Share(share) => serde_json::to_string(share),
            Content::Wake(wake) => serde_json::to_string(wake),
            Content::Step(step) => serde_json::to_string(step),
            Content::Poison(poison) => Ok(poison.body.clone()),
        };
        // What was read from JSON always can be written as JSON.
        let body = body.unwrap_or_default();
        Poison { message_id: self.id.clone(), group: self.group(), body, cause: cause.to_owned() }
    }
}

/// Reads a batch, each message by itself, so that one that can't be read costs no other.
pub fn read(batch: SqsEvent) -> Vec<Message> {
    batch.records.into_iter().map(read_message).collect()
}

fn read_message(record: SqsMessage) -> Message {
    let id = record.message_id.unwrap_or_default();
    let body = record.body.unwrap_or_default();
    // The queue of events is the FIFO one; a FIFO queue's name, and so its ARN, must end so.
    let is_fifo = record.event_source_arn.is_some_and(|arn| arn.strip_suffix(".fifo").is_some());
    let queue = if is_fifo { Queue::Events } else { Queue::Retries };
    let times = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1);
    let content = understand(queue, &body).unwrap_or_else(|unreadable| {
        let group = record.attributes.get("MessageGroupId").cloned().filter(|_| is_fifo);
        Content::Poison(Poison { message_id: id.clone(), group, body, cause: unreadable.to_string() })
    });
    let first_at = record.attributes.get("ApproximateFirstReceiveTimestamp").and_then(|ms| ms.parse().ok());
    let first_at = first_at.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let handle = record.receipt_handle.unwrap_or_default();
    Message { id, receipt: Receipt { queue, handle, times, first_at }, content }
}

fn understand(queue: Queue, body: &str) -> Result<Content, UnreadableMessage> {
    Ok(match queue {
        Queue::Retries if JobStep::is_meant_by(body) => Content::Step(JobStep::from_json(body)?),
        Queue::Retries => Content::Wake(Wake::from_json(body)?),
        Queue::Events if Share::is_meant_by(body) => Content::Share(Box::new(Share::from_json(body)?)),
        Queue::Events => Content::Event(Box::new(Event::from_json(body)?)),
    })
}

/// The answer that gives these messages back to their queue, and lets all others be deleted.
pub fn give_back(ids: impl IntoIterator<Item = String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = ids
        .into_iter()
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(arn: &str, body: &str) -> SqsMessage {
        let mut message = SqsMessage::default();
        message.message_id = Some("m".to_owned());
        message.receipt_handle = Some("r".to_owned());
        message.body = Some(body.to_owned());
        message.event_source_arn = Some(arn.to_owned());
        message.attributes.insert("MessageGroupId".to_owned(), "acme:7".to_owned());
        message.attributes.insert("ApproximateReceiveCount".to_owned(), "3".to_owned());
        message.attributes.insert("ApproximateFirstReceiveTimestamp".to_owned(), "1770000000000".to_owned());
        message
    }

    #[test]
    fn what_can_not_be_read_says_why_and_keeps_its_group() {
        let read = read_message(record("arn:aws:sqs:eu-west-1:1:events.fifo", "{}"));
        let first_at = Timestamp::from_second(1_770_000_000).ok();
        assert_eq!(read.receipt, Receipt { queue: Queue::Events, handle: "r".to_owned(), times: 3, first_at });
        let Content::Poison(poison) = read.content else { panic!("{:?}", read.content) };
        assert!(poison.cause.starts_with("not an event"), "{}", poison.cause);
        assert_eq!(poison.group.as_deref(), Some("acme:7"));
        let read = read_message(record("arn:aws:sqs:eu-west-1:1:events.fifo", r#"{"v":1,"share":1}"#));
        assert!(matches!(read.content, Content::Poison(Poison { .. })));
        let read = read_message(record("arn:aws:sqs:eu-west-1:1:retries", r#"{"v":7}"#));
        assert!(matches!(read.content, Content::Poison(Poison { group: None, .. })));
    }

    #[test]
    fn the_answer_names_the_messages_to_give_back() {
        let answer = serde_json::to_value(give_back(["a".to_owned(), "b".to_owned()])).unwrap();
        assert_eq!(
            answer,
            serde_json::json!({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]})
        );
    }
}
