//! A lane: what waits of one space.

use crate::backlog::first_version;
use crate::event::{Event, EventType};
use crate::ids::Sequence;
use crate::retry::AttemptNumber;
use crate::stream::Stream;
use crate::subscription::BacklogMode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A delivery that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// What is delivered.
    pub event: Event,
    /// Since when it waits.
    pub kept_at: Timestamp,
    /// Somebody asked for it again: it is sent though something newer has been.
    #[serde(default)]
    pub replayed: bool,
}

/// The place of a kept delivery in its subscription's backlog: sorted, it is the order of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeptKey {
    /// The space.
    pub stream: Stream,
    /// The event's place in the space's history.
    pub sequence: Sequence,
    /// The event's type.
    pub event_type: EventType,
}

impl KeptKey {
    /// The place of an event's delivery.
    pub fn of(event: &Event) -> Self {
        Self { stream: event.stream(), sequence: event.sequence, event_type: event.event_type }
    }
}

/// The newest delivery of a type in a lane that keeps no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// Its place in the space's history.
    pub sequence: Sequence,
    /// How many older ones gave way to it since the last that was accepted.
    pub superseded: u64,
}

/// What waits of one space, and how its first delivery fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The space.
    pub stream: Stream,
    /// Different after each change.
    pub version: u64,
    /// Deliveries in it. After a crash it may be a few off: what is in it is what is found in it.
    pub count: u64,
    /// Since when the oldest of them waits, or earlier.
    pub kept_since: Timestamp,
    /// Failed attempts of the first that count for its schedule.
    pub failures: u32,
    /// Failed attempts of the first that do not: probes.
    pub probes: u32,
    /// When the first failed last.
    pub failed_at: Option<Timestamp>,
    /// The first is not tried before.
    pub not_before: Option<Timestamp>,
    /// Of subscriptions with `backlog: latest`, the one delivery of each type.
    pub newest: BTreeMap<EventType, Newest>,
}

/// What appending to a lane does to what is kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Appended {
    /// To be kept.
    pub put: Vec<Kept>,
    /// No longer kept: what is newer stands for it.
    pub delete: Vec<KeptKey>,
}

impl Lane {
    /// An empty lane.
    pub fn new(stream: Stream, now: Timestamp) -> Self {
        Self {
            stream,
            version: first_version(now),
            count: 0,
            kept_since: now,
            failures: 0,
            probes: 0,
            failed_at: None,
            not_before: None,
            newest: BTreeMap::new(),
        }
    }

    /// Appends events, in their order.
    pub fn append(&mut self, events: &[&Event], mode: BacklogMode, now: Timestamp) -> Appended {
        let mut appended = Appended::default();
        for event in events {
            if mode == BacklogMode::Latest && !self.supersede(event, &mut appended) {
                continue;
            }
            self.count = self.count.saturating_add(1);
            // A batch can hold an event twice.
            appended.put.retain(|kept| KeptKey::of(&kept.event) != KeptKey::of(event));
            appended.put.push(Kept { event: (*event).clone(), kept_at: now, replayed: false });
        }
        appended
    }

    /// Makes an event the newest of its type; false where a newer one waits already.
    fn supersede(&mut self, event: &Event, appended: &mut Appended) -> bool {
        let mut superseded = 0;
        if let Some(older) = self.newest.get(&event.event_type).copied() {
            if older.sequence > event.sequence {
                return false;
            }
            superseded = older.superseded;
            // The same event again, after a crash, takes its own place.
            if older.sequence < event.sequence {
                superseded += 1;
                if self.newest.values().all(|newest| newest.sequence >= older.sequence) {
                    // It was the first: its failures are not those of what stands for it. The wait stays.
                    (self.failures, self.probes) = (0, 0);
                }
                let key = KeptKey { sequence: older.sequence, ..KeptKey::of(event) };
                appended.put.retain(|kept| KeptKey::of(&kept.event) != key);
                appended.delete.push(key);
            }
            self.count = self.count.saturating_sub(1);
        }
        self.newest.insert(event.event_type, Newest { sequence: event.sequence, superseded });
        true
    }

    /// How many older ones this delivery stands for, where it is the newest of its type.
    pub fn stands_for(&self, key: &KeptKey) -> Option<u64> {
        self.newest.get(&key.event_type).filter(|newest| newest.sequence == key.sequence).map(|it| it.superseded)
    }

    /// Whether it keeps more than the newest of each type.
    pub fn is_loose(&self) -> bool {
        usize::try_from(self.count).is_ok_and(|count| count > self.newest.len())
    }

    /// Keeps only the newest of each type of these, the first that wait in it, in order. Returns what gives way; done
    /// again and again it leaves the newest of all. Replays are asked for one by one, and none gives way.
    pub fn compact(&mut self, waiting: &[Kept]) -> Vec<KeptKey> {
        let mut by_type: BTreeMap<EventType, Vec<KeptKey>> = BTreeMap::new();
        for kept in waiting.iter().filter(|kept| !kept.replayed) {
            by_type.entry(kept.event.event_type).or_default().push(KeptKey::of(&kept.event));
        }
        let mut give_way = Vec::new();
        for (event_type, mut keys) in by_type {
            let Some(newest) = keys.pop() else { continue };
            let known = self.newest.entry(event_type).or_insert(Newest { sequence: newest.sequence, superseded: 0 });
            known.sequence = known.sequence.max(newest.sequence);
            known.superseded += number_of(&keys);
            give_way.extend(keys);
        }
        self.count = self.count.saturating_sub(number_of(&give_way));
        give_way
    }

    /// The number of the attempt that its first delivery gets next.
    pub fn next_attempt(&self) -> AttemptNumber {
        AttemptNumber(self.failures.saturating_add(self.probes).saturating_add(1))
    }

    /// Whether the delivery under this key still waits, and no newer one stands for it since it was tried.
    pub fn still_keeps(&self, key: &KeptKey, stood_for: Option<u64>) -> bool {
        stood_for.is_none() || self.stands_for(key).is_some()
    }

    /// Its first delivery gave way while it failed: what stands for it waits as long.
    pub fn put_off(&mut self, now: Timestamp, not_before: Timestamp) {
        self.failed_at = Some(now);
        self.not_before = Some(not_before);
    }

    /// Its first delivery failed, and waits.
    pub fn failed(&mut self, now: Timestamp, not_before: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.failed_at = Some(now);
        self.not_before = Some(not_before);
    }

    /// Its first delivery was a probe that failed.
    pub fn probe_failed(&mut self, now: Timestamp) {
        self.probes = self.probes.saturating_add(1);
        self.failed_at = Some(now);
    }

    /// Its first delivery, waiting under this key, is settled: accepted or dead. `stood_for` is how many older ones it
    /// stood for when it was tried, where it was the newest of its type then.
    pub fn settled(&mut self, key: &KeptKey, stood_for: Option<u64>) {
        self.count = self.count.saturating_sub(1);
        (self.failures, self.probes, self.failed_at, self.not_before) = (0, 0, None, None);
        let Some(newest) = self.newest.get_mut(&key.event_type) else { return };
        if newest.sequence == key.sequence {
            self.newest.remove(&key.event_type);
        } else if let Some(stood_for) = stood_for.filter(|_| newest.sequence > key.sequence) {
            // It gave way while it was under way, and was counted as one that never arrived.
            newest.superseded = newest.superseded.saturating_sub(stood_for + 1);
            self.count = self.count.saturating_add(1);
        }
    }

    /// Whether its first delivery may be tried. What failed before the receiver recovered need not wait any longer.
    pub fn is_due(&self, by: Timestamp, recovered_at: Option<Timestamp>) -> bool {
        let recovered = recovered_at.is_some_and(|at| self.failed_at.is_some_and(|failed| failed < at));
        recovered || self.not_before.is_none_or(|not_before| not_before <= by)
    }

    /// The same with the version that follows.
    #[must_use]
    pub fn next(mut self) -> Self {
        self.version = self.version.saturating_add(1);
        self
    }
}

fn number_of(keys: &[KeptKey]) -> u64 {
    u64::try_from(keys.len()).unwrap_or(u64::MAX)
}
