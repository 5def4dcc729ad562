//! A timer on the queue of holds: look whether a space, or a group of sensors, has stayed empty.

use crate::ids::TenantId;
use crate::message::{Kind, UnreadableMessage, Versioned, read};
use crate::observed::ObservedId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The form of [`HoldTimer`] that this code writes and reads.
pub const HOLD_TIMER_VERSION: u32 = 1;

/// Look at a hold. It may come early, late, twice, or for a hold that is no more: what is so is in the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldTimer {
    /// Which form this document has; see [`HOLD_TIMER_VERSION`].
    #[serde(rename = "v")]
    pub version: u32,
    /// Whose.
    pub tenant: TenantId,
    /// What is held.
    #[serde(flatten)]
    pub of: ObservedId,
    /// When the hold ends that it was set for. One that ends at another time has a timer of its own.
    pub until: Timestamp,
}

impl HoldTimer {
    /// The timer of a hold.
    pub fn new(tenant: TenantId, of: ObservedId, until: Timestamp) -> Self {
        Self { version: HOLD_TIMER_VERSION, tenant, of, until }
    }

    /// How long it takes until the hold ends; nothing, where it should have ended. A queue that holds a message for less
    /// time brings it early: then it is set again.
    pub fn due_in(&self, now: Timestamp) -> Duration {
        self.until.duration_since(now).try_into().unwrap_or_default()
    }

    /// Reads a timer from a queue message.
    pub fn from_json(text: &str) -> Result<Self, UnreadableMessage> {
        read(text)
    }
}

impl Versioned for HoldTimer {
    const KIND: Kind = Kind { name: "hold timer", indefinite: "a hold timer", version: HOLD_TIMER_VERSION };
    fn version(&self) -> u32 {
        self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{SensorGroupId, SpaceId};
    use crate::test_data::tenant;
    use jiff::SignedDuration;

    #[test]
    fn a_timer_reads_back_and_says_how_long_it_takes() {
        let now = Timestamp::UNIX_EPOCH;
        let of_group = HoldTimer::new(tenant(), ObservedId::Group(SensorGroupId(3)), now);
        let timer = HoldTimer::new(tenant(), ObservedId::Space(SpaceId(7)), now + SignedDuration::from_millis(1_500));
        for (timer, number) in [(&timer, r#""space_id":7"#), (&of_group, r#""sensor_group_id":3"#)] {
            let text = serde_json::to_string(timer).unwrap();
            assert!(text.contains(number), "{text}");
            assert_eq!(HoldTimer::from_json(&text).unwrap(), *timer);
        }
        assert_eq!(timer.due_in(now), Duration::from_millis(1_500));
        assert_eq!(timer.due_in(now + SignedDuration::from_secs(2)), Duration::ZERO);
        let newer = HoldTimer::from_json(r#"{"v":7}"#).unwrap_err().to_string();
        assert_eq!(newer, "hold timer version 7; this release reads version 1");
        let cut = HoldTimer::from_json(r#"{"v":1,"tenant":"acme"}"#).unwrap_err().to_string();
        assert!(cut.starts_with("not a hold timer: "), "{cut}");
    }
}
