//! What the IoT rule hands over: `SELECT encode(*, 'base64') AS payload_base64, topic() AS topic, timestamp() AS
//! received_at_ms`. Base64, so that text, arrays and bytes that are no JSON all arrive as they were published.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One published message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What was published, base64.
    pub payload_base64: String,
    /// Where it was published.
    pub topic: String,
    /// When it arrived, milliseconds since 1970.
    pub received_at_ms: i64,
}

impl Message {
    /// When it arrived; `now` where the number is no time.
    pub fn received_at(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_millisecond(self.received_at_ms).unwrap_or(now)
    }
}
