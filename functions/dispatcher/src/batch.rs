//! A batch of queue messages: what they say, what became of each.

use crate::ports::Poison;
use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use spacehook_domain::delivery::Delivery;
use spacehook_domain::event::Event;

/// What a queue message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Something happened: deliver it to whoever wants it.
    Event(Box<Event>),
    /// A delivery's wait is over: attempt it again.
    Retry(Box<Delivery>),
    /// It can't be understood.
    Poison(Poison),
}

/// One message of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// SQS's id of it.
    pub id: String,
    /// What it says.
    pub content: Content,
}

/// Reads a batch, each message by itself, so that one that can't be read costs no other.
pub fn read(batch: SqsEvent) -> Vec<Message> {
    batch.records.into_iter().map(read_message).collect()
}

fn read_message(record: SqsMessage) -> Message {
    let id = record.message_id.unwrap_or_default();
    let body = record.body.unwrap_or_default();
    // The queue of events is the FIFO one; a FIFO queue's name, and so its ARN, must end so.
    let is_event = record.event_source_arn.is_some_and(|arn| arn.strip_suffix(".fifo").is_some());
    let read = if is_event {
        Event::from_json(&body).map(|event| Content::Event(Box::new(event)))
    } else {
        Delivery::from_json(&body).map(|delivery| Content::Retry(Box::new(delivery)))
    };
    let content = read.unwrap_or_else(|unreadable| {
        let group = record.attributes.get("MessageGroupId").cloned().filter(|_| is_event);
        Content::Poison(Poison { message_id: id.clone(), group, body, cause: unreadable.to_string() })
    });
    Message { id, content }
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
        message.body = Some(body.to_owned());
        message.event_source_arn = Some(arn.to_owned());
        message.attributes.insert("MessageGroupId".to_owned(), "acme:7".to_owned());
        message
    }

    #[test]
    fn what_can_not_be_read_says_why_and_keeps_its_group() {
        let read = read_message(record("arn:aws:sqs:eu-west-1:1:events.fifo", "{}"));
        let Content::Poison(poison) = read.content else { panic!("{:?}", read.content) };
        assert!(poison.cause.starts_with("not an event"), "{}", poison.cause);
        assert_eq!(poison.group.as_deref(), Some("acme:7"));
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
