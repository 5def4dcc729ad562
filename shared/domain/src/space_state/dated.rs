//! A value and its time, and which of two values counts.

use crate::reading::Reading;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// For so long after a value was observed another one for the same time revises it, whichever arrives later. Butlr's platform
/// revises its counts within five minutes.
pub const REVISED_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// When a reading was made, and whether it arrived in time to revise one of the same time.
#[derive(Debug, Clone, Copy)]
pub(super) struct When {
    pub(super) at: Timestamp,
    /// Milliseconds from the observation to the arrival, where they are within [`REVISED_WITHIN`]. A sensor whose clock is
    /// ahead is heard before it observed.
    pub(super) lag_ms: Option<i32>,
}

impl When {
    pub(super) fn of(reading: &Reading) -> Self {
        let lag = reading.received_at.duration_since(reading.observed_at);
        let lag_ms = (lag <= REVISED_WITHIN).then(|| i32::try_from(lag.as_millis()).ok()).flatten();
        Self { at: reading.observed_at, lag_ms }
    }
}

/// A value and when it was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dated<T> {
    /// When it was observed.
    pub at: Timestamp,
    /// How many milliseconds later it arrived, at the latest that it did; absent where that was too late to revise another.
    #[serde(rename = "lag", default, skip_serializing_if = "Option::is_none")]
    lag_ms: Option<i32>,
    /// The value.
    pub value: T,
}

/// What a value is to the one that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It is of a later time.
    Newer,
    /// It is another one for the same time, and counts.
    Revised,
    /// It is of an earlier time, and changes what the newest is counted from.
    Corrected,
    /// It is of the same time, and is the same, or another one that does not count.
    Known,
    /// It is of an earlier time.
    Older,
}

/// What a reading is to what is known of its sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// Something in it changes what is known.
    pub(super) is_news: bool,
    /// Something in it takes the place of what was said of the same time.
    pub(super) is_revised: bool,
    /// Everything in it is older than what is known.
    pub(super) is_history: bool,
}

impl Taken {
    pub(super) fn of(heard: [Option<Heard>; 13]) -> Self {
        let heard = || heard.iter().flatten();
        Self {
            is_news: heard().any(|it| matches!(it, Heard::Newer | Heard::Revised | Heard::Corrected)),
            is_revised: heard().any(|it| *it == Heard::Revised),
            is_history: heard().all(|it| matches!(it, Heard::Older | Heard::Corrected)),
        }
    }
}

/// Replaces `held` where `value` is of a later time; or of the same, and arrived later within [`REVISED_WITHIN`]; or where
/// that does not tell them apart either, is greater in the order of their JSON texts. A maximum of these three.
pub(super) fn keep_newest<T: Serialize + PartialEq + Clone>(
    held: &mut Option<Dated<T>>,
    When { at, lag_ms }: When,
    value: Option<&T>,
) -> Option<Heard> {
    let value = value?;
    let heard = match held {
        Some(held) if at < held.at => Heard::Older,
        Some(held) if at == held.at && *value == held.value => {
            held.lag_ms = held.lag_ms.max(lag_ms);
            Heard::Known
        }
        Some(held) if at == held.at => {
            let order = lag_ms.cmp(&held.lag_ms).then_with(|| order_text(value).cmp(&order_text(&held.value)));
            if order.is_gt() { Heard::Revised } else { Heard::Known }
        }
        _ => Heard::Newer,
    };
    if matches!(heard, Heard::Newer | Heard::Revised) {
        *held = Some(Dated { at, lag_ms, value: value.clone() });
    }
    Some(heard)
}

/// A text that orders values of one type. Which order does not matter, only that it is the same everywhere.
fn order_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
