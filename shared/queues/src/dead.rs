//! `ingest-dead`: telemetry that could not be taken, with its cause, so that nothing is lost silently.

use crate::body::body;
use crate::{QueueError, unavailable};
use aws_sdk_sqs::Client;
use serde::Serialize;

/// A message that was refused, whole or in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedTelemetry {
    /// Why, one text a reason: what is wrong and where.
    pub causes: Vec<String>,
    /// The topic it was published on.
    pub topic: String,
    /// When it arrived, milliseconds since 1970.
    pub received_at_ms: i64,
    /// The message as it was published, base64.
    pub payload_base64: String,
}

/// The queue of refused telemetry.
#[derive(Debug, Clone)]
pub struct RefusedTelemetryQueue {
    client: Client,
    url: String,
}

impl RefusedTelemetryQueue {
    /// The queue at this address.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Keeps a refused message.
    pub async fn send(&self, refused: &RefusedTelemetry) -> Result<(), QueueError> {
        let body = body(refused)?;
        self.client.send_message().queue_url(&self.url).message_body(body).send().await.map_err(unavailable)?;
        Ok(())
    }
}
