//! From what happened in a space to events.

use super::{Aggregate, Occasion, SpaceState};
use crate::event::{About, Change, EVENT_VERSION, Event, EventSpace, EventType};
use crate::payload::{DeviceNews, Distances, MetresName, People, SpaceAvailability, SpaceReport, SpaceStale};
use crate::place::Space;
use crate::stream::Stream;
use jiff::Timestamp;

impl SpaceState {
    /// The next event of the space, which occurred and was heard of then.
    pub(super) fn event(
        &mut self,
        occasion: Occasion<'_>,
        (occurred_at, received_at): (Timestamp, Timestamp),
        change: Change,
        body: Body,
    ) -> Event {
        let Occasion { tenant, space, trace } = occasion;
        self.sequence = self.sequence.next();
        let (event_type, data) = body.into_json();
        Event {
            version: EVENT_VERSION,
            id: Event::derived_id(tenant, Stream::of_space(space.space_id), event_type, self.sequence, received_at),
            tenant: tenant.clone(),
            event_type,
            sequence: self.sequence,
            about: About::Space(EventSpace::from(space)),
            occurred_at,
            received_at,
            trace: trace.cloned(),
            change,
            test: false,
            data,
        }
    }
}

pub(super) enum Body {
    Report(Box<SpaceReport>),
    Availability(SpaceAvailability),
    Device(DeviceNews),
    Stale(SpaceStale),
}

impl Body {
    pub(super) fn into_json(self) -> (EventType, serde_json::Value) {
        // None of the shapes has a map with other than text keys, so writing them as JSON can't fail.
        match self {
            Self::Report(report) => (EventType::SpaceReport, serde_json::to_value(report).unwrap_or_default()),
            Self::Availability(record) => {
                (EventType::SpaceAvailability, serde_json::to_value([record]).unwrap_or_default())
            }
            Self::Device(news) => (news.event_type, serde_json::to_value(news).unwrap_or_default()),
            Self::Stale(stale) => (EventType::SpaceStale, serde_json::to_value(stale).unwrap_or_default()),
        }
    }
}

pub(super) fn report(space: &Space, timestamp: Timestamp, now: &Aggregate) -> Body {
    Body::Report(Box::new(SpaceReport {
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
    }))
}
