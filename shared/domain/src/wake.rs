//! A timer on the queue of retries: look at a subscription's backlog.

use crate::ids::SubscriptionKey;
use crate::message::{Kind, UnreadableMessage, Versioned, read};
use serde::{Deserialize, Serialize};

/// The form of [`Wake`] that this code writes and reads.
pub const WAKE_VERSION: u32 = 1;

/// Look at a backlog. It says nothing of what is in there: it may come twice, late, or for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    /// Which form this document has; see [`WAKE_VERSION`].
    #[serde(rename = "v")]
    pub version: u32,
    /// Whose backlog.
    #[serde(flatten)]
    pub subscription: SubscriptionKey,
    /// The timer's number, where a run set it: it is old once a later run has set another. None where something happened
    /// that a run should look at.
    pub ticket: Option<u64>,
}

impl Wake {
    /// Something happened that a run should look at.
    pub fn now(subscription: SubscriptionKey) -> Self {
        Self { version: WAKE_VERSION, subscription, ticket: None }
    }

    /// The timer that a run sets for the one after it.
    pub fn timer(subscription: SubscriptionKey, ticket: u64) -> Self {
        Self { version: WAKE_VERSION, subscription, ticket: Some(ticket) }
    }

    /// Reads a timer from a queue message.
    pub fn from_json(text: &str) -> Result<Self, UnreadableMessage> {
        read(text)
    }
}

impl Versioned for Wake {
    const KIND: Kind = Kind { name: "timer", indefinite: "a timer", version: WAKE_VERSION };
    fn version(&self) -> u32 {
        self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data;

    #[test]
    fn a_timer_reads_back_and_a_newer_one_is_refused() {
        let wake = Wake::timer(test_data::subscription().key(), 7);
        let text = serde_json::to_string(&wake).unwrap();
        assert_eq!(Wake::from_json(&text).unwrap(), wake);
        let newer = text.replacen("\"v\":1", "\"v\":2", 1);
        assert_eq!(Wake::from_json(&newer).unwrap_err().to_string(), "timer version 2; this release reads version 1");
        let newer = Wake::from_json(r#"{"v":7}"#).unwrap_err().to_string();
        assert_eq!(newer, "timer version 7; this release reads version 1");
        let cut = Wake::from_json(r#"{"v":1,"tenant":"acme"}"#).unwrap_err().to_string();
        assert!(cut.starts_with("not a timer: "), "{cut}");
    }
}
