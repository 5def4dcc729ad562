//! A delivery that waits for its next attempt: one event to one subscription.

use crate::event::{EVENT_VERSION, Event, UnreadableEvent, read};
use crate::ids::SubscriptionId;
use crate::retry::AttemptNumber;
use serde::{Deserialize, Serialize};

/// One event to one subscription, as it waits on the queue of retries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Which form this document has; the same number as the event in it.
    #[serde(rename = "v")]
    pub version: u32,
    /// Whom it goes to.
    pub subscription_id: SubscriptionId,
    /// The number that its next attempt will have.
    pub attempt: AttemptNumber,
    /// What is delivered.
    pub event: Event,
}

impl Delivery {
    /// The delivery of an event whose next attempt has this number.
    pub fn new(subscription_id: SubscriptionId, attempt: AttemptNumber, event: Event) -> Self {
        Self { version: EVENT_VERSION, subscription_id, attempt, event }
    }

    /// Reads a delivery from a queue message.
    pub fn from_json(text: &str) -> Result<Self, UnreadableEvent> {
        let delivery: Self = read(text)?;
        match delivery.version {
            EVENT_VERSION => Ok(delivery),
            found => Err(UnreadableEvent::Version { found }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data;

    #[test]
    fn a_delivery_reads_back() {
        let event = test_data::event(serde_json::json!({"b": 1, "a": 2}));
        let delivery = Delivery::new(test_data::subscription().id, AttemptNumber(2), event);
        let text = serde_json::to_string(&delivery).unwrap();
        assert_eq!(Delivery::from_json(&text).unwrap(), delivery);
        let newer = text.replacen("\"v\":1", "\"v\":2", 1);
        assert_eq!(
            Delivery::from_json(&newer).unwrap_err().to_string(),
            "event version 2; this release reads version 1"
        );
    }
}
