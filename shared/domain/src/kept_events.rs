//! Kept events: what happened in the last days, so that it can be sent again and looked through.
//!
//! An event by itself is a few hundred bytes, and writing each by itself would cost as much as its delivery. So the events
//! of a batch are written together, in *packs*: one item each, written with the log of the attempts.
//!
//! A pack holds events of one tenant that were received within [`SPAN`], and stands at the time of the first of them. So
//! whoever looks for the events of a time reads the packs of that time and of [`SPAN`] before it. An event may be in
//! several packs, since a batch can come again: a reader puts packs together in the order of the events' times and, within a
//! millisecond, of their sequences ([`Place`]), and there doubles are found ([`Merge`]).

use crate::event::Event;
use crate::ids::{EventId, Sequence, TenantId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Events of one pack were received within this time.
pub const SPAN: SignedDuration = SignedDuration::from_secs(10);
/// Bytes of a pack, at most, as JSON, unless a single event has more.
pub const PACK_BYTES: usize = 200_000;
/// Days that events may be kept, at most.
pub const DAYS_MOST: u32 = 30;
/// Days that events are usually kept.
pub const DAYS: u32 = 7;

/// How many days events are kept; 0 where none are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeptDays(u32);

/// Why a text is no number of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of days from 0 to {DAYS_MOST}")]
pub struct InvalidKeptDays;

impl KeptDays {
    /// Reads a number of days.
    pub fn parse(text: &str) -> Result<Self, InvalidKeptDays> {
        text.parse().ok().filter(|days| *days <= DAYS_MOST).map(Self).ok_or(InvalidKeptDays)
    }

    /// The number.
    pub fn days(self) -> u32 {
        self.0
    }

    /// Whether no events are kept.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Since when events are still there.
    pub fn since(self, now: Timestamp) -> Timestamp {
        now.checked_sub(SignedDuration::from_hours(i64::from(self.0) * 24)).unwrap_or(Timestamp::MIN)
    }
}

impl Default for KeptDays {
    fn default() -> Self {
        Self(DAYS)
    }
}

/// Events that are kept together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Whose they are.
    pub tenant: TenantId,
    /// When the first of them was received.
    pub from: Timestamp,
    /// When they expire, in seconds since 1970.
    pub expires_at_s: i64,
    /// How many they are.
    pub count: usize,
    /// They as a JSON array, in the order in which they were received.
    pub json: String,
}

/// Packs events: each into one pack, in the order in which they were received. None where none are kept.
pub fn packs<'a>(events: impl IntoIterator<Item = &'a Event>, kept: KeptDays) -> Vec<Pack> {
    let mut by_tenant: BTreeMap<&TenantId, Vec<&Event>> = BTreeMap::new();
    for event in events.into_iter().filter(|_| !kept.is_none()) {
        by_tenant.entry(&event.tenant).or_default().push(event);
    }
    let mut packs: Vec<Pack> = Vec::new();
    for (tenant, mut events) in by_tenant {
        // To the millisecond, as ids and the packs' places have it. The order of the batch stays among those of one.
        events.sort_by_key(|event| event.received_at.as_millisecond());
        let mut open: Option<Pack> = None;
        for event in events {
            // An event was read from JSON, so it can be written as JSON.
            let Ok(json) = serde_json::to_string(event) else { continue };
            if let Some(full) = open.take_if(|pack| !fits(pack, event, &json)) {
                packs.push(closed(full));
            }
            let pack = open.get_or_insert_with(|| begun(tenant, event));
            pack.json.push(if pack.count == 0 { '[' } else { ',' });
            pack.json.push_str(&json);
            pack.count += 1;
            let days = i64::from(kept.days()) * 24 * 3_600;
            pack.expires_at_s = event.received_at.as_second().saturating_add(days);
        }
        packs.extend(open.map(closed));
    }
    packs
}

fn begun(tenant: &TenantId, event: &Event) -> Pack {
    // To the millisecond, as it is stored.
    let from = Timestamp::from_millisecond(event.received_at.as_millisecond()).unwrap_or(event.received_at);
    Pack { tenant: tenant.clone(), from, expires_at_s: 0, count: 0, json: String::new() }
}

fn fits(pack: &Pack, event: &Event, json: &str) -> bool {
    // A bracket and a comma.
    let bytes = pack.json.len() + json.len() + 2;
    bytes <= PACK_BYTES && event.received_at.duration_since(pack.from) <= SPAN
}

fn closed(mut pack: Pack) -> Pack {
    pack.json.push(']');
    pack
}

/// A time in which events were received: from `since` on, before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first moment of it.
    pub since: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

impl Window {
    /// Whether an event was received in it.
    pub fn holds(&self, event: &Event) -> bool {
        (self.since..self.until).contains(&event.received_at)
    }
}

/// The place of an event among those that are kept: by its time, and of one millisecond, as the events of one message
/// have, by its sequence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// When it was received, in milliseconds since 1970.
    pub received_at_ms: i64,
    /// Its place in the history of what it is about.
    pub sequence: Sequence,
    /// Its id.
    pub id: EventId,
}

impl Place {
    /// The place of an event.
    pub fn of(event: &Event) -> Self {
        let received_at_ms = event.received_at.as_millisecond();
        Self { received_at_ms, sequence: event.sequence, id: event.id.clone() }
    }

    /// When its event was received.
    pub fn received_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.received_at_ms).unwrap_or(Timestamp::MAX)
    }
}

/// How far kept events have been looked through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Packs that stand before this have been looked through.
    pub from: Timestamp,
    /// The last event that was looked at; none where none was yet.
    pub after: Option<Place>,
}

impl Position {
    /// The beginning of a window.
    pub fn start(window: Window) -> Self {
        Self { from: window.since.checked_sub(SPAN).unwrap_or(Timestamp::MIN), after: None }
    }

    /// Up to when events have been looked at.
    pub fn reached(&self) -> Timestamp {
        self.after.as_ref().map_or(self.from, |after| self.from.max(after.received_at()))
    }
}

/// What was read of a pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Unpacked {
    /// Where it stands.
    pub from: Timestamp,
    /// What is in it.
    pub events: Vec<Event>,
}

/// A part of the kept events, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scanned {
    /// The events, each with where the pack that it was found in stands.
    found: Vec<(Event, Timestamp)>,
    /// Where those stand that were read, and are not in order yet.
    left: Option<Timestamp>,
    /// Where to go on; none at the end of the window.
    next: Option<Position>,
}

impl Scanned {
    /// Nothing was found; where to go on.
    pub fn nothing(next: Option<Position>) -> Self {
        Self { found: Vec::new(), left: None, next }
    }

    /// The events.
    pub fn events(&self) -> impl ExactSizeIterator<Item = &Event> {
        self.found.iter().map(|(event, _)| event)
    }

    /// Where to go on after all of them; none at the end of the window.
    pub fn next(&self) -> Option<Position> {
        self.next.clone()
    }

    /// Where to go on after so many of them.
    pub fn position_after(&self, count: usize) -> Option<Position> {
        if count >= self.found.len() {
            return self.next();
        }
        let after = count.checked_sub(1).and_then(|last| self.found.get(last)).map(|(event, _)| Place::of(event));
        let rest = self.found.get(count..).unwrap_or_default();
        // Those that follow are in packs from here on.
        let from = rest.iter().map(|(_, from)| *from).chain(self.left).min()?;
        Some(Position { from, after })
    }
}

/// Puts the events of packs in order, as the packs come: by where they stand.
#[derive(Debug)]
pub struct Merge {
    window: Window,
    after: Option<Place>,
    held: BTreeMap<Place, (Event, Timestamp)>,
}

impl Merge {
    /// Nothing has come yet.
    pub fn new(window: Window, position: &Position) -> Self {
        Self { window, after: position.after.clone(), held: BTreeMap::new() }
    }

    /// Takes a pack in.
    pub fn take(&mut self, pack: Unpacked) {
        for event in pack.events {
            let place = Place::of(&event);
            let is_past = self.after.as_ref().is_some_and(|after| place <= *after);
            if !is_past && self.window.holds(&event) {
                self.held.entry(place).or_insert((event, pack.from));
            }
        }
    }

    /// How many events are held that stand before every event of packs from `next` on.
    pub fn ready(&self, next: Timestamp) -> usize {
        self.held.keys().take_while(|place| place.received_at_ms < next.as_millisecond()).count()
    }

    /// The events in order, at most so many. `next` is where the first pack stands that was not taken in; none where all
    /// were.
    pub fn finish(mut self, next: Option<Timestamp>, most: usize) -> Scanned {
        let ready = next.map_or(self.held.len(), |next| self.ready(next)).min(most);
        let mut found = Vec::with_capacity(ready);
        while found.len() < ready
            && let Some((_, one)) = self.held.pop_first()
        {
            found.push(one);
        }
        let held = self.held.values().map(|(_, from)| *from).min();
        let left = held.into_iter().chain(next).min();
        let after = found.last().map(|(event, _)| Place::of(event)).or(self.after);
        let next = left.map(|from| Position { from, after });
        Scanned { found, left, next }
    }
}

#[cfg(test)]
mod tests;
