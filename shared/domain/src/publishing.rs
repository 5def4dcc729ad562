//! Events that come from elsewhere: other platforms publish them, through the API.
//!
//! The body of their deliveries is what was published, with the type and the time before it. They are not about a space of
//! ours but about a subject, which the publisher names: events of one subject keep the order in which they were published.
//! One without a subject has a stream of its own, and waits for no other.

use crate::event::{About, Change, EVENT_VERSION, Event, EventType};
use crate::ids::{EventId, Sequence, TenantId};
use crate::stream::{Stream, Subject};
use crate::trace::TraceId;
use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// Bytes of what is published of one event, at most, as JSON.
pub const DATA_BYTES_LIMIT: usize = 64 * 1024;
/// Bytes of what is published with one request, at most, as JSON.
pub const BATCH_BYTES_LIMIT: usize = 900 * 1024;
/// Events of one request, at most.
pub const BATCH_LIMIT: usize = 100;
/// Fields of the body that are set here: what is published may not have them.
pub const SET_FIELDS: [&str; 2] = ["event_type", "timestamp"];

/// Bits of a sequence below its milliseconds: with them it fits into the 53 bits of a number of JavaScript until 2039.
const PLACE_BITS: u32 = 12;
/// The places within a millisecond, less those that a batch needs.
const FIRST_PLACES: u64 = (1 << PLACE_BITS) - BATCH_LIMIT as u64;

/// What is published.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What kind of thing happened.
    pub event_type: EventType,
    /// What there is to say of it.
    pub data: Map<String, Value>,
    /// What it is about.
    pub subject: Option<Subject>,
    /// When it happened; when it was published, where that is not said.
    pub occurred_at: Option<Timestamp>,
}

/// One request to publish. Made of the same, it makes the same events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publication {
    at: Timestamp,
    seed: [u8; 32],
}

impl Publication {
    /// A request that is like no other.
    pub fn new(at: Timestamp, random: [u8; 16]) -> Self {
        Self { at, seed: Sha256::digest(random).into() }
    }

    /// A request that may be repeated under this key of the tenant's, and came for the first time then.
    pub fn repeatable(tenant: &TenantId, key: &str, first_at: Timestamp) -> Self {
        Self { at: first_at, seed: Sha256::digest(format!("{tenant}\n{key}\n{first_at}")).into() }
    }

    /// When the events count as having arrived.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The event at a place of the request (below [`BATCH_LIMIT`]).
    pub fn event(&self, tenant: &TenantId, place: usize, draft: Draft, trace: Option<TraceId>) -> Event {
        let Draft { event_type, data, subject, occurred_at } = draft;
        let occurred_at = occurred_at.unwrap_or(self.at);
        let about = About::Subject(subject.unwrap_or_else(|| self.own_subject(place)));
        let (id, sequence) = self.identity(tenant, about.stream(), event_type, place);
        Event {
            version: EVENT_VERSION,
            id,
            tenant: tenant.clone(),
            event_type,
            sequence,
            about,
            occurred_at,
            received_at: self.at,
            trace,
            // Whoever publishes says what is new, and `send: on_change` holds back none of it.
            change: Change { occupancy_changed: true, first_of_hour: false },
            test: false,
            data: Value::Object(body(event_type, occurred_at, data)),
        }
    }

    /// The same event as a test of one subscription: it did not happen.
    pub fn test_event(&self, tenant: &TenantId, event_type: EventType, data: Value) -> Event {
        let draft = Draft { event_type, data: Map::new(), subject: None, occurred_at: None };
        Event { test: true, data, ..self.event(tenant, 0, draft, None) }
    }

    /// The id and the place in its stream of an event. Two requests of one millisecond have the same places once in some
    /// four thousand times; the id has the whole seed in it, and is never another's.
    fn identity(&self, tenant: &TenantId, stream: Stream, event_type: EventType, place: usize) -> (EventId, Sequence) {
        let milliseconds = u64::try_from(self.at.as_millisecond()).unwrap_or_default();
        let first_place =
            self.seed.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte)) % FIRST_PLACES;
        let within = first_place + u64::try_from(place).unwrap_or_default();
        let sequence = Sequence((milliseconds << PLACE_BITS) | within);
        let mut digest = Sha256::new();
        digest.update(format!("{tenant}\n{stream}\n{event_type}\n{sequence}\n"));
        digest.update(self.seed);
        (EventId::at(self.at, &digest.finalize().into()), sequence)
    }

    /// The subject of an event that has none.
    fn own_subject(&self, place: usize) -> Subject {
        let number = self.seed.iter().skip(8).take(12).fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
        Subject::numbered(number.wrapping_add(u128::try_from(place).unwrap_or_default()))
    }
}

/// The body of the deliveries of what is published.
pub fn body(event_type: EventType, occurred_at: Timestamp, data: Map<String, Value>) -> Map<String, Value> {
    let set = [
        ("event_type".to_owned(), Value::from(event_type.as_str())),
        ("timestamp".to_owned(), Value::from(occurred_at.to_string())),
    ];
    set.into_iter().chain(data).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data::tenant;
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn at() -> Timestamp {
        "2026-02-02T14:20:00.123Z".parse().unwrap()
    }

    fn draft(subject: Option<&str>) -> Draft {
        let Value::Object(data) = json!({"door": "north"}) else { panic!("an object") };
        Draft {
            event_type: EventType::parse("acme.door_opened").unwrap(),
            data,
            subject: subject.map(|subject| Subject::parse(subject).unwrap()),
            occurred_at: None,
        }
    }

    #[test]
    fn the_body_is_what_was_published_with_type_and_time_before_it() {
        let event = Publication::new(at(), [1; 16]).event(&tenant(), 0, draft(Some("north")), None);
        assert_eq!(
            event.data.to_string(),
            r#"{"event_type":"acme.door_opened","timestamp":"2026-02-02T14:20:00.123Z","door":"north"}"#
        );
        assert_eq!((event.occurred_at, event.received_at, event.test), (at(), at(), false));
        let text = serde_json::to_string(&event).unwrap();
        assert!(!text.contains("\"test\""));
        assert_eq!(Event::from_json(&text).unwrap(), event);
    }

    #[test]
    fn a_repeated_request_makes_the_same_events() {
        let made = |key: &str, first_at| {
            let publication = Publication::repeatable(&tenant(), key, first_at);
            [draft(None), draft(Some("north"))].map(|draft| publication.event(&tenant(), 3, draft, None))
        };
        assert_eq!(made("k", at()), made("k", at()));
        let later = Timestamp::from_millisecond(at().as_millisecond() + 1).unwrap();
        for other in [made("l", at()), made("k", later)] {
            for (one, other) in made("k", at()).iter().zip(&other) {
                assert_ne!(one.id, other.id);
            }
        }
    }

    #[test]
    fn a_test_event_is_marked_and_is_in_a_stream_of_its_own() {
        let event = Publication::new(at(), [1; 16]).test_event(&tenant(), EventType::SpaceReport, json!({"a": 1}));
        assert!(event.test && event.data == json!({"a": 1}));
        let other = Publication::new(at(), [2; 16]).test_event(&tenant(), EventType::SpaceReport, json!({"a": 1}));
        assert_ne!(event.stream(), other.stream());
        let text = serde_json::to_string(&event).unwrap();
        assert!(text.contains("\"test\":true"));
        assert_eq!(Event::from_json(&text).unwrap(), event);
    }

    proptest! {
        #[test]
        fn sequences_follow_the_order_of_requests_and_of_places(
            random in any::<[u8; 16]>(), other in any::<[u8; 16]>(), ms in 0_i64..2_000_000_000_000, later in 1_i64..1_000,
        ) {
            let at = |ms| Timestamp::from_millisecond(ms).unwrap();
            let events = |publication: Publication| -> Vec<Event> {
                (0..BATCH_LIMIT).map(|place| publication.event(&tenant(), place, draft(Some("s")), None)).collect()
            };
            let mut all = events(Publication::new(at(ms), random));
            all.extend(events(Publication::new(at(ms + later), other)));
            prop_assert!(all.is_sorted_by(|one, next| one.sequence < next.sequence));
            prop_assert!(all.iter().all(|event| event.sequence.0 < 1 << 53));
            prop_assert_eq!(all.iter().map(|event| &event.id).collect::<BTreeSet<_>>().len(), all.len());
        }

        #[test]
        fn events_without_a_subject_wait_for_no_other(random in any::<[u8; 16]>(), other in any::<[u8; 16]>()) {
            prop_assume!(random != other);
            let streams: BTreeSet<_> = [random, other].into_iter().flat_map(|random| {
                let publication = Publication::new(at(), random);
                (0..BATCH_LIMIT).map(move |place| publication.event(&tenant(), place, draft(None), None).stream())
            }).collect();
            prop_assert_eq!(streams.len(), 2 * BATCH_LIMIT);
        }
    }
}
