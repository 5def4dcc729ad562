//! `retries`: deliveries that wait for their next attempt.

use crate::body::body;
use crate::{QueueError, unavailable};
use aws_sdk_sqs::Client;
use spacehook_domain::delivery::Delivery;
use std::time::Duration;

/// The longest delay that SQS knows.
const DELAY_LIMIT_S: u64 = 900;

/// The queue of retries.
#[derive(Debug, Clone)]
pub struct RetryQueue {
    client: Client,
    url: String,
}

impl RetryQueue {
    /// The queue at this address.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Queues a delivery, to be handled after `wait` (in whole seconds, rounded up, at most 15 minutes).
    pub async fn send(&self, delivery: &Delivery, wait: Duration) -> Result<(), QueueError> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body(delivery)?)
            .delay_seconds(delay_s(wait))
            .send()
            .await
            .map_err(unavailable)?;
        Ok(())
    }
}

fn delay_s(wait: Duration) -> i32 {
    let whole_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    i32::try_from(whole_s.min(DELAY_LIMIT_S)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_whole_seconds_that_sqs_takes() {
        assert_eq!(delay_s(Duration::from_millis(4_100)), 5);
        assert_eq!(delay_s(Duration::ZERO), 0);
        assert_eq!(delay_s(Duration::from_secs(100_000)), 900);
    }
}
