//! Sensors that fall silent, and come back: what the state of their space makes of it.

use super::telling::json;
use super::{Occasion, SpaceState};
use crate::event::{Change, Event, EventSpace, EventType};
use crate::ids::SensorId;
use crate::observed::ObservedKey;
use crate::payload::{DeviceNews, PlaceNames, Said, SensorNews, SpaceStale, Watched};
use crate::presence::{DeviceHealth, LinkReport, Presence, Silence, Turn};
use crate::reading::Reading;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Sensors that one look tells of, at most: with three events each, of 1.5 KB, well below the 400 KB of an item.
const LOOKED_AT_ONCE: usize = 25;

impl SpaceState {
    /// Takes in that a sensor was heard.
    pub(super) fn hear(&mut self, occasion: Occasion<'_>, reading: &Reading, silence: Silence) -> Vec<Event> {
        let at = reading.received_at;
        // One that is new is heard twice so, which changes nothing.
        let presence = self.presence.entry(reading.sensor_id.clone()).or_insert_with(|| Presence::new(at, silence));
        let turn = presence.hear(at, silence);
        self.is_stale = self.are_all_stale();
        turn.map(|turn| self.tell(occasion, &reading.sensor_id, turn, at)).unwrap_or_default()
    }

    /// Takes in the broker's word of a sensor's connection, heard of at `received_at`. That of a sensor which never sent a
    /// reading says nothing: there is nothing that it could be late with.
    pub fn link(
        &mut self,
        occasion: Occasion<'_>,
        sensor: &SensorId,
        report: LinkReport,
        received_at: Timestamp,
    ) -> Vec<Event> {
        if !self.presence.contains_key(sensor) {
            return Vec::new();
        }
        self.be_at(occasion.of);
        let turn = self.presence.get_mut(sensor).and_then(|presence| presence.link(report));
        turn.map(|turn| self.tell(occasion, sensor, turn, received_at)).unwrap_or_default()
    }

    /// What has become so by now: that a hold is over ([`SpaceState::end_hold`]), and what the silence of its sensors means: an event for each change, in the order of their times; of at most 25
    /// sensors, so that one write carries them. Where there are more, [`SpaceState::next_look`] is past still. A space all of whose sensors
    /// are stale is so itself.
    pub fn look(&mut self, occasion: Occasion<'_>, now: Timestamp) -> Vec<Event> {
        let held = self.end_hold(occasion, now);
        self.be_at(occasion.of);
        let mut turns: Vec<(Timestamp, SensorId, Turn)> = Vec::new();
        let is_due = |presence: &Presence| presence.next_look().is_some_and(|at| at <= now);
        for (sensor, presence) in self.presence.iter_mut().filter(|(_, it)| is_due(it)).take(LOOKED_AT_ONCE) {
            turns.extend(presence.look(now).into_iter().map(|turn| (turn.at(), sensor.clone(), turn)));
        }
        turns.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        let last_stale = turns.iter().filter(|(_, _, turn)| matches!(turn, Turn::ReadingsStale(_))).map(|(at, ..)| *at);
        let stale_at = last_stale.max();
        let mut events = held;
        events.extend(turns.into_iter().flat_map(|(_, sensor, turn)| self.tell(occasion, &sensor, turn, now)));
        if !self.is_stale && self.are_all_stale() {
            self.is_stale = true;
            let at = stale_at.unwrap_or(now);
            events.extend(self.tell_stale(occasion, at, now));
        }
        events
    }

    /// When [`SpaceState::look`] has something to say next; none where it has said all.
    pub fn next_look(&self) -> Option<Timestamp> {
        self.presence.values().filter_map(Presence::next_look).chain(self.held_until()).min()
    }

    /// Which of its sensors are there, of those that were ever heard.
    pub fn presence(&self) -> &BTreeMap<SensorId, Presence> {
        &self.presence
    }

    /// Whether all sensors that were ever heard are stale, as of the last look.
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// What it is the state of, by the customer's own names, as of the last reading.
    pub fn place(&self) -> Option<&ObservedKey> {
        self.place.as_ref()
    }

    pub(super) fn are_all_stale(&self) -> bool {
        !self.presence.is_empty() && self.presence.values().all(Presence::is_stale)
    }

    /// All that it was ever heard of is stale: as a space, and as a group of sensors.
    fn tell_stale(&mut self, occasion: Occasion<'_>, at: Timestamp, now: Timestamp) -> Vec<Event> {
        let last_reading_at = self.presence.values().map(Presence::heard_at).max();
        let of_space = occasion.of.space().and_then(|space| {
            self.event(occasion, (at, now), Change::default(), EventType::SpaceStale, || {
                json(SpaceStale::new(EventSpace::from(space), space.sensor_ids.clone(), at, last_reading_at))
            })
        });
        let of_group =
            self.event(occasion, (at, now), Change::default(), EventType::SensorDeviceGroupReadingStale, || {
                let of = Watched::Group { sensor_group: occasion.of.as_group() };
                json(SensorNews::new(at, occasion.of.place_names(), of, Said::Stale { last_reading_at }))
            });
        of_space.into_iter().chain(of_group).collect()
    }

    /// Tells of one sensor; nothing in a named group, since its space tells it.
    fn tell(&mut self, occasion: Occasion<'_>, sensor: &SensorId, turn: Turn, received_at: Timestamp) -> Vec<Event> {
        let Some(space) = occasion.of.space() else { return Vec::new() };
        let event_type = match turn {
            Turn::ReadingsStale(_) => EventType::SensorReadingStale,
            Turn::Health(DeviceHealth::Online, _) => EventType::DeviceHealthStatusOnline,
            Turn::Health(DeviceHealth::LostCommunication, _) => EventType::DeviceHealthStatusLostCommunication,
            Turn::Health(DeviceHealth::Offline, _) => EventType::DeviceHealthStatusOffline,
        };
        let (times, presence) = ((turn.at(), received_at), self.presence.get(sensor));
        let (last_reading_at, last_seen_at) = (presence.map(Presence::heard_at), presence.map(Presence::seen_at));
        let news = self.event(occasion, times, Change::default(), event_type, || {
            let (space, sensor) = (EventSpace::from(space), sensor.clone());
            json(DeviceNews::new(space, sensor, event_type, turn.at(), last_reading_at, last_seen_at))
        });
        let mut events: Vec<Event> = news.into_iter().collect();
        if matches!(turn, Turn::ReadingsStale(_)) {
            // The same by the name that other systems have for it.
            let event_type = EventType::SensorDeviceReadingStale;
            events.extend(self.event(occasion, times, Change::default(), event_type, || {
                let of = Watched::Sensor { sensor_id: sensor.clone() };
                json(SensorNews::new(turn.at(), PlaceNames::from(space), of, Said::Stale { last_reading_at }))
            }));
        }
        events
    }
}
