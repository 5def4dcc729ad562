//! Whether a sensor is still there: what its silence means, and when it is next worth a look.
//!
//! Two things are told apart. A sensor's *readings* are stale when none has come for a while. A *device* has lost
//! communication, and later is offline, when nothing at all has been heard of it: a reading, or, where devices connect to
//! the broker themselves, a connection. The limits are those of the source: a device is online if it was heard within an
//! hour, intermittent after that, offline after three (see [`Silence`]).
//!
//! The broker's word makes it quicker, and more exact:
//! - a device whose connection broke has lost communication after [`GRACE`], unless it came back;
//! - one that said goodbye (batteries do, after each message) is judged by its silence alone;
//! - one that is connected is there, though it may have nothing to say; but since the broker's word can be lost, no longer
//!   than [`TRUSTED`] after the last sign of it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How long a device whose connection broke may take to come back.
pub const GRACE: SignedDuration = SignedDuration::from_mins(5);
/// How long a connection counts as a sign of life without any other.
pub const TRUSTED: SignedDuration = SignedDuration::from_hours(24);
/// By how much the time of the next look may be too early: so it need not be moved with every reading.
const LAG: SignedDuration = SignedDuration::from_mins(10);

/// How long a silence may be: whole minutes, at most [`Silence::LONGEST_MIN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u32, u32)", into = "(u32, u32)")]
pub struct Silence {
    intermittent_after_min: u32,
    offline_after_min: u32,
}

/// Why two numbers are no limits of silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be minutes until intermittent and minutes until offline, each from 1 to {}, the first not the greater",
    Silence::LONGEST_MIN
)]
pub struct InvalidSilence;

impl Silence {
    /// The longest limit: 30 days.
    pub const LONGEST_MIN: u32 = 30 * 24 * 60;

    /// Takes limits, in minutes.
    pub fn new(intermittent_after_min: u32, offline_after_min: u32) -> Result<Self, InvalidSilence> {
        let fits = 1 <= intermittent_after_min
            && intermittent_after_min <= offline_after_min
            && offline_after_min <= Self::LONGEST_MIN;
        if fits { Ok(Self { intermittent_after_min, offline_after_min }) } else { Err(InvalidSilence) }
    }

    /// The limits that are nearest to these: what a person configured shall not keep a function from starting.
    fn nearest(intermittent_after_min: u32, offline_after_min: u32) -> Self {
        let intermittent_after_min = intermittent_after_min.clamp(1, Self::LONGEST_MIN);
        Self {
            intermittent_after_min,
            offline_after_min: offline_after_min.clamp(intermittent_after_min, Self::LONGEST_MIN),
        }
    }

    /// After so long without a sign a device is intermittent.
    pub fn intermittent_after(self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.intermittent_after_min))
    }

    /// After so long it is offline.
    pub fn offline_after(self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.offline_after_min))
    }
}

/// One hour and three, as the source has it.
impl Default for Silence {
    fn default() -> Self {
        Self { intermittent_after_min: 60, offline_after_min: 180 }
    }
}

impl TryFrom<(u32, u32)> for Silence {
    type Error = InvalidSilence;
    fn try_from((intermittent_after_min, offline_after_min): (u32, u32)) -> Result<Self, InvalidSilence> {
        Self::new(intermittent_after_min, offline_after_min)
    }
}

impl From<Silence> for (u32, u32) {
    fn from(silence: Silence) -> Self {
        (silence.intermittent_after_min, silence.offline_after_min)
    }
}

/// How long sensors of each profile may be silent: some report every minute, some twice a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Silences {
    usual: Silence,
    by_profile: BTreeMap<String, Silence>,
}

/// Why a text is no list of limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' must be minutes/minutes, or profile=minutes/minutes, such as 60/180,milesight=1440/4320")]
pub struct InvalidSilences(String);

impl Silences {
    /// Reads limits: those that hold where no other do, and those of profiles, such as `60/180,milesight=1440/4320`. What is
    /// out of bounds is brought into them, and offline is not before intermittent.
    pub fn parse(text: &str) -> Result<Self, InvalidSilences> {
        let mut silences = Self::default();
        for part in text.split(',').map(str::trim) {
            let (profile, limits) = part.split_once('=').map_or((None, part), |(name, rest)| (Some(name.trim()), rest));
            let silence = limits.trim().split_once('/').and_then(|(intermittent, offline)| {
                Some(Silence::nearest(intermittent.parse().ok()?, offline.parse().ok()?))
            });
            match (profile, silence) {
                (None, Some(silence)) => silences.usual = silence,
                (Some(name), Some(silence)) if !name.is_empty() => {
                    silences.by_profile.insert(name.to_owned(), silence);
                }
                _ => return Err(InvalidSilences(part.to_owned())),
            }
        }
        Ok(silences)
    }

    /// The limits of a profile.
    pub fn of(&self, profile: &str) -> Silence {
        self.by_profile.get(profile).copied().unwrap_or(self.usual)
    }
}

/// Whether a device is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceHealth {
    /// It was heard lately.
    Online,
    /// It was not, or its connection broke: it is intermittent, as some say.
    LostCommunication,
    /// It has not been heard of for long.
    Offline,
}

impl DeviceHealth {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::LostCommunication => "lost_communication",
            Self::Offline => "offline",
        }
    }
}

impl fmt::Display for DeviceHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the broker says of a device's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// It connected.
    Connected,
    /// It disconnected in order.
    Closed,
    /// Its connection broke.
    Broken,
}

/// The broker's newest word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkReport {
    /// When it happened, by the broker's clock; not later than it was heard of.
    pub at: Timestamp,
    /// The session's number: one more with each connection.
    pub session: u64,
    /// What it says.
    pub link: Link,
}

/// For how long the numbers of a device's sessions count up, after it was last connected.
const SESSIONS: SignedDuration = SignedDuration::from_hours(1);

impl LinkReport {
    /// Whether it is newer than another. The broker's times are approximate, and its sessions numbered: the end of one that
    /// a later one took the place of is old, whatever its time says. Only a while later the numbers may begin anew.
    fn is_newer_than(&self, known: &Self) -> bool {
        if self.at.duration_since(known.at).abs() < SESSIONS {
            // A session begins before it ends.
            (self.session, self.link) > (known.session, known.link)
        } else {
            self.at > known.at
        }
    }
}

/// A change that silence, or its end, brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Its readings are stale since then.
    ReadingsStale(Timestamp),
    /// The device is so since then.
    Health(DeviceHealth, Timestamp),
}

impl Turn {
    /// Since when it is so.
    pub fn at(self) -> Timestamp {
        match self {
            Self::ReadingsStale(at) | Self::Health(_, at) => at,
        }
    }
}

/// What is known of a sensor's being there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// When its newest reading arrived.
    heard_at: Timestamp,
    /// The limits of its silence, as they were with its newest reading.
    silence: Silence,
    /// The broker's newest word of its connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<LinkReport>,
    /// Whether it was told to be there.
    health: DeviceHealth,
    /// Whether its readings were told to be stale.
    is_stale: bool,
}

impl Presence {
    /// A sensor that is heard for the first time.
    pub fn new(heard_at: Timestamp, silence: Silence) -> Self {
        Self { heard_at, silence, link: None, health: DeviceHealth::Online, is_stale: false }
    }

    /// Takes in that a reading arrived. What it says does not matter: an old one is a sign of life too.
    pub fn hear(&mut self, received_at: Timestamp, silence: Silence) -> Option<Turn> {
        if received_at < self.heard_at {
            return None;
        }
        self.heard_at = received_at;
        self.silence = silence;
        self.is_stale = false;
        self.come_back(received_at)
    }

    /// Takes in the broker's word.
    pub fn link(&mut self, report: LinkReport) -> Option<Turn> {
        if self.link.is_some_and(|known| !report.is_newer_than(&known)) {
            return None;
        }
        self.link = Some(report);
        // A connection that was made before the last reading says nothing new.
        if report.link == Link::Connected && report.at >= self.heard_at { self.come_back(report.at) } else { None }
    }

    fn come_back(&mut self, at: Timestamp) -> Option<Turn> {
        if self.health == DeviceHealth::Online {
            return None;
        }
        self.health = DeviceHealth::Online;
        Some(Turn::Health(DeviceHealth::Online, at))
    }

    /// What its silence means now: each change once, in order.
    pub fn look(&mut self, now: Timestamp) -> Vec<Turn> {
        let mut turns = Vec::new();
        if !self.is_stale && self.stale_at() <= now {
            self.is_stale = true;
            turns.push(Turn::ReadingsStale(self.stale_at()));
        }
        let limits = [(DeviceHealth::LostCommunication, self.lost_at()), (DeviceHealth::Offline, self.offline_at())];
        for (health, at) in limits {
            if self.health < health && at <= now {
                self.health = health;
                turns.push(Turn::Health(health, at));
            }
        }
        turns
    }

    /// When [`Presence::look`] has something to say next; none where it has said all.
    pub fn next_look(&self) -> Option<Timestamp> {
        let stale = (!self.is_stale).then(|| self.stale_at());
        let health = match self.health {
            DeviceHealth::Online => Some(self.lost_at()),
            DeviceHealth::LostCommunication => Some(self.offline_at()),
            DeviceHealth::Offline => None,
        };
        stale.into_iter().chain(health).min()
    }

    /// When its newest reading arrived.
    pub fn heard_at(&self) -> Timestamp {
        self.heard_at
    }

    /// When there was the last sign of it: a reading, or the broker's word.
    pub fn seen_at(&self) -> Timestamp {
        self.link.map_or(self.heard_at, |link| link.at.max(self.heard_at))
    }

    /// Whether the device is there, as of the last look.
    pub fn health(&self) -> DeviceHealth {
        self.health
    }

    /// Whether its readings are stale, as of the last look.
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }

    fn stale_at(&self) -> Timestamp {
        later(self.heard_at, self.silence.intermittent_after())
    }

    fn lost_at(&self) -> Timestamp {
        let silent = self.silence.intermittent_after();
        match self.link {
            Some(LinkReport { at, link: Link::Broken, .. }) if at >= self.heard_at => later(at, GRACE.min(silent)),
            Some(LinkReport { link: Link::Connected, .. }) => later(self.seen_at(), silent.max(TRUSTED)),
            _ => later(self.seen_at(), silent),
        }
    }

    fn offline_at(&self) -> Timestamp {
        let silent = self.silence.offline_after();
        match self.link {
            Some(LinkReport { link: Link::Connected, .. }) => later(self.seen_at(), silent.max(TRUSTED)),
            _ => later(self.seen_at(), silent),
        }
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// When to look next: `wanted`, or the time that is `stored` already where that is hardly earlier. So the index that finds
/// what is due is not written with every reading; a look that comes early finds nothing and is set anew.
pub fn next_due(stored: Option<Timestamp>, wanted: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let (Some(stored), Some(wanted)) = (stored, wanted) else { return wanted };
    let is_near = stored <= wanted && wanted.duration_since(stored) < LAG && stored > now;
    Some(if is_near { stored } else { wanted })
}

#[cfg(test)]
mod tests;
