//! Counters at doors: from totals of entries and exits to the number of people inside.
//!
//! A counter says how many came in and how many went out, since its midnight or since ever; its totals may wrap at 16 or 32
//! bits. What counts is the *net* of a day: a person missed at a door would be counted wrong for ever, so each local day
//! begins with nobody inside.
//!
//! - A counter that `resets` at `midnight`: the totals of its newest observation are of its day.
//! - One that `never` does: relative to the *base*, its newest observation before the day of the newest one. On the first day
//!   there is none; then the day's first observation takes its place: who was inside before is not known.
//!
//! A total that is smaller than its base has wrapped, where the way to it is less than half of what its bits hold;
//! otherwise the counter was reset, and counts from 0.
//!
//! The newest is a maximum, the base is the maximum of what is before a day, the first is a minimum. Of all that was ever
//! heard two observations say these, and none of them depends on order or repetition.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// How many bits a counter's totals have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Bits {
    /// 16: after 65,535 comes 0.
    Sixteen,
    /// 32.
    #[default]
    ThirtyTwo,
}

impl Bits {
    /// The greatest total.
    pub fn greatest(self) -> u32 {
        match self {
            Self::Sixteen => u32::from(u16::MAX),
            Self::ThirtyTwo => u32::MAX,
        }
    }

    /// How far it is from one total to another, counting up and around.
    fn distance(self, from: u32, to: u32) -> u32 {
        to.wrapping_sub(from) & self.greatest()
    }

    fn is_less_than_half(self, distance: u32) -> bool {
        distance <= self.greatest() / 2
    }
}

/// Neither 16 nor 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 or 32")]
pub struct InvalidBits;

impl TryFrom<u8> for Bits {
    type Error = InvalidBits;
    fn try_from(bits: u8) -> Result<Self, InvalidBits> {
        match bits {
            16 => Ok(Self::Sixteen),
            32 => Ok(Self::ThirtyTwo),
            _ => Err(InvalidBits),
        }
    }
}

impl From<Bits> for u8 {
    fn from(bits: Bits) -> Self {
        match bits {
            Bits::Sixteen => 16,
            Bits::ThirtyTwo => 32,
        }
    }
}

/// When a counter begins at 0 by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resets {
    /// Each local midnight.
    Midnight,
    /// Never.
    #[default]
    Never,
}

/// How a counter counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Counting {
    /// Of its totals.
    pub bits: Bits,
    /// When it begins at 0.
    pub resets: Resets,
    /// How many seconds its midnight is ahead of that of UTC: an offset, as clocks on its wall have it.
    pub utc_offset_s: i32,
}

impl Counting {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// What a counter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Totals {
    /// How many came in; at most what the bits hold.
    pub entries: u32,
    /// How many went out; at most what the bits hold.
    pub exits: u32,
    /// How it counts.
    #[serde(default, skip_serializing_if = "Counting::is_usual")]
    pub counting: Counting,
}

/// Totals, and when they were observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// When.
    pub at: Timestamp,
    /// How many milliseconds later it arrived, where that decides between values of the same time.
    #[serde(rename = "lag", default, skip_serializing_if = "Option::is_none")]
    pub lag_ms: Option<i32>,
    /// What it says.
    #[serde(flatten)]
    pub totals: Totals,
}

impl Observation {
    /// The local day, as a number.
    fn day(&self) -> i64 {
        (self.at.as_second() + i64::from(self.totals.counting.utc_offset_s)).div_euclid(SECONDS_OF_A_DAY)
    }

    /// What is newer is greater. The day goes first: a counter that is moved to another offset does not confuse days.
    fn rank(&self) -> (i64, Timestamp, Option<i32>, Totals) {
        (self.day(), self.at, self.lag_ms, self.totals)
    }

    /// The first has the least of these; of several of one time it is the one that counts.
    fn rank_as_first(&self) -> (i64, Timestamp, Reverse<(Option<i32>, Totals)>) {
        (self.day(), self.at, Reverse((self.lag_ms, self.totals)))
    }
}

/// What an observation is to what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It is the newest.
    Newer,
    /// It takes the place of the newest, being of the same time.
    Revised,
    /// It is older, and changes what the newest is counted from.
    Corrected,
    /// It is of the time of the newest, and says nothing new.
    Known,
    /// It is older.
    Older,
}

/// What is known of a counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    newest: Observation,
    /// What it is counted from: the base, or where there is none the first; none where the newest is the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Observation>,
}

impl Counter {
    /// A counter that is heard for the first time.
    pub fn new(first: Observation) -> Self {
        Self { newest: first, since: None }
    }

    /// Takes an observation in.
    pub fn take(&mut self, observed: Observation) -> Counted {
        let before = self.clone();
        let known = [self.newest, self.since.unwrap_or(self.newest), observed];
        let newest = known.into_iter().max_by_key(Observation::rank).unwrap_or(observed);
        let base = known.into_iter().filter(|known| known.day() < newest.day()).max_by_key(Observation::rank);
        let since = base.or_else(|| known.into_iter().min_by_key(Observation::rank_as_first));
        *self = Self { newest, since: since.filter(|since| *since != newest) };

        let (is, was) = (&self.newest, &before.newest);
        if is.at != was.at {
            Counted::Newer
        } else if is.totals != was.totals {
            Counted::Revised
        } else if self.net() != before.net() {
            Counted::Corrected
        } else if observed.at == is.at {
            Counted::Known
        } else {
            Counted::Older
        }
    }

    /// How many more came in than went out, this day.
    pub fn net(&self) -> i64 {
        let Totals { entries, exits, counting } = self.newest.totals;
        match (counting.resets, self.since) {
            (Resets::Midnight, _) => difference(counting.bits, entries, exits),
            (Resets::Never, None) => 0,
            (Resets::Never, Some(since)) => {
                counted(counting.bits, since.totals.entries, entries)
                    - counted(counting.bits, since.totals.exits, exits)
            }
        }
    }

    /// The newest observation.
    pub fn newest(&self) -> &Observation {
        &self.newest
    }
}

/// `entries - exits`, whichever of them has wrapped.
fn difference(bits: Bits, entries: u32, exits: u32) -> i64 {
    let more = bits.distance(exits, entries);
    if bits.is_less_than_half(more) { i64::from(more) } else { -i64::from(bits.distance(entries, exits)) }
}

/// How much was counted from `base` on.
fn counted(bits: Bits, base: u32, total: u32) -> i64 {
    let distance = bits.distance(base, total);
    if total >= base || bits.is_less_than_half(distance) { i64::from(distance) } else { i64::from(total) }
}

#[cfg(test)]
mod tests;
