//! From what happened in a space to events.

use super::{Aggregate, Occasion, SpaceState};
use crate::event::{Change, EVENT_VERSION, Event, EventType};
use crate::payload::{Distances, MetresName, People, SpaceReport};
use crate::place::Space;
use crate::stream::Stream;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

impl SpaceState {
    /// The next event of the space or the group, which occurred and was heard of then; none where nobody wants it, which costs no more than
    /// this.
    ///
    /// What happened to the space itself takes its place in the sequence though nobody wants it, so that its history has one
    /// numbering; what is told of single sensors and of groups takes one only where it is told: it would make the numbers
    /// jump for everybody. Either way a number is given once, and a later event has a greater one.
    pub(super) fn event(
        &mut self,
        occasion: Occasion<'_>,
        (occurred_at, received_at): (Timestamp, Timestamp),
        change: Change,
        event_type: EventType,
        data: impl FnOnce() -> Value,
    ) -> Option<Event> {
        let Occasion { tenant, of, trace, .. } = occasion;
        let stream = Stream::from(of.id());
        let is_wanted = occasion.is_wanted(event_type);
        if is_wanted || is_of_space(event_type) {
            self.sequence = self.sequence.next();
        }
        is_wanted.then(|| Event {
            version: EVENT_VERSION,
            id: Event::derived_id(tenant, stream, event_type, self.sequence, received_at),
            tenant: tenant.clone(),
            event_type,
            sequence: self.sequence,
            about: of.about(),
            occurred_at,
            received_at,
            trace: trace.cloned(),
            change,
            test: false,
            data: data(),
        })
    }
}

/// Whether it has its place in the history of the space, wanted or not.
fn is_of_space(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::SpaceReport
            | EventType::SpaceAvailability
            | EventType::SpaceStale
            | EventType::SensorReadingStale
            | EventType::DeviceHealthStatusOnline
            | EventType::DeviceHealthStatusLostCommunication
            | EventType::DeviceHealthStatusOffline
    )
}

/// A body as JSON. None of the shapes has a map with other than text keys, so that writing them can't fail.
pub(super) fn json(body: impl Serialize) -> Value {
    serde_json::to_value(body).unwrap_or_default()
}

pub(super) fn report(space: &Space, timestamp: Timestamp, now: &Aggregate) -> SpaceReport {
    SpaceReport {
        building_ref_id: Some(space.building_ref_id.clone()),
        floor_ref_id: space.floor_ref_id.clone(),
        space_ref_id: Some(space.space_ref_id.clone()),
        space_id: space.space_id,
        event_type: EventType::SpaceReport,
        timestamp,
        person_count: now.person_count,
        signs_of_life: now.signs_of_life,
        motion_detected: now.motion_detected,
        people: People {
            count: now.person_count,
            coordinates: now.coordinates.clone(),
            distances: now.distances.clone().map(|values| Distances { units: MetresName::Documented, values }),
        },
        sensor_ids: space.sensor_ids.clone(),
        environment: now.environment.clone(),
    }
}
