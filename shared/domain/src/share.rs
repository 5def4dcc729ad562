//! Shares: the deliveries of one event, split over several queue messages when there are many.
//!
//! A tenant that has had [`SPLIT_FROM`] subscriptions to a type at once has all its events split from then on,
//! for good. Each subscription always has the same share, and each (space, share) is a message group, so order
//! holds as it does without. It is for good because there is no way back that keeps order: a share that still waits could
//! be overtaken by an event that is not split.

use crate::event::Event;
use crate::ids::SubscriptionId;
use crate::message::{Kind, UnreadableMessage, Versioned, read};
use serde::{Deserialize, Serialize};

/// Shares of an event: with 1,000 subscriptions, the most there can be, each has some 31.
pub const SHARES: u32 = 32;
/// Subscriptions of a tenant to one type from which its events are split.
pub const SPLIT_FROM: u64 = 100;
/// The form of [`Share`] that this code writes and reads.
const SHARE_VERSION: u32 = 1;

/// The deliveries of an event to those subscriptions that have this share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Which form this document has.
    #[serde(rename = "v")]
    version: u32,
    /// Which share: 0 to [`SHARES`] less 1.
    pub share: u32,
    /// What is delivered.
    pub event: Event,
}

impl Share {
    /// Every share of an event.
    pub fn all(event: &Event) -> impl Iterator<Item = Self> {
        (0..SHARES).map(|share| Self { version: SHARE_VERSION, share, event: event.clone() })
    }

    /// Whether this text is meant to be a share rather than an event.
    pub fn is_meant_by(text: &str) -> bool {
        #[derive(Deserialize)]
        struct Any {
            share: Option<serde::de::IgnoredAny>,
        }
        // Nearly no event has the word in it, and those that have are looked at closely.
        text.contains("\"share\"") && serde_json::from_str::<Any>(text).is_ok_and(|any| any.share.is_some())
    }

    /// Reads a share from a queue message.
    pub fn from_json(text: &str) -> Result<Self, UnreadableMessage> {
        read(text)
    }
}

impl Versioned for Share {
    const KIND: Kind = Kind { name: "share", indefinite: "a share of an event", version: SHARE_VERSION };
    fn version(&self) -> u32 {
        self.version
    }
}

/// The share that a subscription always has.
pub fn share_of(subscription: &SubscriptionId) -> u32 {
    // The last characters of an id are drawn at random, so the shares are about even.
    let sum = subscription
        .as_str()
        .bytes()
        .rev()
        .take(8)
        .fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    sum % SHARES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data;
    use uuid::Uuid;

    #[test]
    fn a_share_reads_back_and_is_told_from_an_event() {
        let event = test_data::event(serde_json::json!({"share": 1}));
        assert!(!Share::is_meant_by(&serde_json::to_string(&event).unwrap()));
        let shares: Vec<Share> = Share::all(&event).collect();
        assert_eq!(shares.len(), 32);
        let text = serde_json::to_string(&shares[7]).unwrap();
        assert!(Share::is_meant_by(&text));
        assert_eq!(Share::from_json(&text).unwrap(), shares[7]);
    }

    #[test]
    fn subscriptions_spread_over_the_shares() {
        let mut counts = [0; 32];
        for number in 0..1_000_u128 {
            // As version 7 has it: the time first, then random bits.
            let id = SubscriptionId::from_uuid(Uuid::from_u128(
                number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835),
            ));
            counts[share_of(&id) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (10..=70).contains(count)), "{counts:?}");
    }
}
