//! The dead-letter queues of the dispatcher: messages that it can't handle, each with its cause.

use crate::{QueueError, unavailable};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;

/// Characters of a cause that go with a message.
const CAUSE_CHARACTERS: usize = 512;

/// A message that can't be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetter<'a> {
    /// SQS's id of the message: buried again within five minutes, it is the same letter.
    pub message_id: &'a str,
    /// Its message group; none where its queue has no groups.
    pub group: Option<&'a str>,
    /// The message as it came.
    pub body: &'a str,
    /// What is wrong with it. It is cut at 512 characters, and loses those that SQS does not take.
    pub cause: &'a str,
}

/// A queue of dead letters.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue {
    client: Client,
    url: String,
}

impl DeadLetterQueue {
    /// The queue at this address.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Puts a message among the dead letters, its cause as the attribute `cause`. Costs 1 `SendMessage`.
    pub async fn bury(&self, letter: &DeadLetter<'_>) -> Result<(), QueueError> {
        let cause = MessageAttributeValue::builder().data_type("String").string_value(attribute(letter.cause));
        let cause = cause.build().map_err(unavailable)?;
        let request = self.client.send_message().queue_url(&self.url).message_body(letter.body);
        let request = request.message_attributes("cause", cause);
        let request = match letter.group {
            Some(group) => request.message_group_id(group).message_deduplication_id(letter.message_id),
            None => request,
        };
        request.send().await.map_err(unavailable)?;
        Ok(())
    }
}

/// A text as SQS takes it in an attribute. It may repeat what a hostile message said.
fn attribute(text: &str) -> String {
    let taken = |character: &char| !character.is_control() && !matches!(character, '\u{fffe}' | '\u{ffff}');
    text.chars().filter(taken).take(CAUSE_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::{CAUSE_CHARACTERS, attribute};

    #[test]
    fn a_cause_fits_an_attribute_whatever_it_repeats() {
        assert_eq!(attribute("bad\u{1}\u{ffff} \"x\"\n"), "bad \"x\"");
        assert_eq!(attribute(&"é".repeat(9_000)).chars().count(), CAUSE_CHARACTERS);
    }
}
