//! Sensors that fall silent, and come back: what the state of their space makes of it.

use super::{Body, Occasion, SpaceState};
use crate::event::{Change, Event, EventSpace, EventType};
use crate::ids::SensorId;
use crate::payload::{DeviceNews, SpaceStale};
use crate::place::SpaceKey;
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
        turn.map(|turn| self.tell(occasion, &reading.sensor_id, turn, at)).into_iter().collect()
    }

    /// Takes in the broker's word of a sensor's connection, heard of at `received_at`. That of a sensor which never sent a
    /// reading says nothing: there is nothing that it could be late with.
    pub fn link(
        &mut self,
        occasion: Occasion<'_>,
        sensor: &SensorId,
        report: LinkReport,
        received_at: Timestamp,
    ) -> Option<Event> {
        if !self.presence.contains_key(sensor) {
            return None;
        }
        self.be_at(occasion.space);
        let turn = self.presence.get_mut(sensor)?.link(report)?;
        Some(self.tell(occasion, sensor, turn, received_at))
    }

    /// What has become so by now: that a hold is over ([`SpaceState::end_hold`]), and what the silence of its sensors means: an event for each change, in the order of their times; of at most 25
    /// sensors, so that one write carries them. Where there are more, [`SpaceState::next_look`] is past still. A space all of whose sensors
    /// are stale is so itself.
    pub fn look(&mut self, occasion: Occasion<'_>, now: Timestamp) -> Vec<Event> {
        let held = self.end_hold(occasion, now);
        self.be_at(occasion.space);
        let mut turns: Vec<(Timestamp, SensorId, Turn)> = Vec::new();
        let is_due = |presence: &Presence| presence.next_look().is_some_and(|at| at <= now);
        for (sensor, presence) in self.presence.iter_mut().filter(|(_, it)| is_due(it)).take(LOOKED_AT_ONCE) {
            turns.extend(presence.look(now).into_iter().map(|turn| (turn.at(), sensor.clone(), turn)));
        }
        turns.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        let last_stale = turns.iter().filter(|(_, _, turn)| matches!(turn, Turn::ReadingsStale(_))).map(|(at, ..)| *at);
        let stale_at = last_stale.max();
        let mut events = Vec::from_iter(held);
        events.extend(turns.into_iter().map(|(_, sensor, turn)| self.tell(occasion, &sensor, turn, now)));
        if !self.is_stale && self.are_all_stale() {
            self.is_stale = true;
            let at = stale_at.unwrap_or(now);
            let stale = SpaceStale::new(
                EventSpace::from(occasion.space),
                occasion.space.sensor_ids.clone(),
                at,
                self.presence.values().map(Presence::heard_at).max(),
            );
            events.push(self.event(occasion, (at, now), Change::default(), Body::Stale(stale)));
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

    /// The space, by the customer's own names, as of the last reading.
    pub fn place(&self) -> Option<&SpaceKey> {
        self.place.as_ref()
    }

    pub(super) fn are_all_stale(&self) -> bool {
        !self.presence.is_empty() && self.presence.values().all(Presence::is_stale)
    }

    fn tell(&mut self, occasion: Occasion<'_>, sensor: &SensorId, turn: Turn, received_at: Timestamp) -> Event {
        let event_type = match turn {
            Turn::ReadingsStale(_) => EventType::SensorReadingStale,
            Turn::Health(DeviceHealth::Online, _) => EventType::DeviceHealthStatusOnline,
            Turn::Health(DeviceHealth::LostCommunication, _) => EventType::DeviceHealthStatusLostCommunication,
            Turn::Health(DeviceHealth::Offline, _) => EventType::DeviceHealthStatusOffline,
        };
        let presence = self.presence.get(sensor);
        let news = DeviceNews::new(
            EventSpace::from(occasion.space),
            sensor.clone(),
            event_type,
            turn.at(),
            presence.map(Presence::heard_at),
            presence.map(Presence::seen_at),
        );
        self.event(occasion, (turn.at(), received_at), Change::default(), Body::Device(news))
    }
}
