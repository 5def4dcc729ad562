//! The state of a space under writers who do not know of each other.

use crate::table::with_table;
use crate::things::{acme, at, building, draft, sensor, sensor_id, space_id};
use futures::future::join_all;
use spacehook_domain::event::{About, Change, EVENT_VERSION, Event, EventSpace, EventType};
use spacehook_domain::ids::{SensorGroupId, Sequence, SpaceId};
use spacehook_domain::observed::ObservedId;
use spacehook_domain::place::{Building, Space};
use spacehook_domain::settings::Settings;
use spacehook_domain::space_state::SpaceState;
use spacehook_domain::stream::Stream;
use spacehook_store::{Put, Saved, SpaceDraft, StoredState};

fn space() -> Space {
    let draft = draft("HQ", None, "room 1");
    Space {
        space_id: SpaceId(7),
        building_ref_id: draft.building_ref_id,
        floor_ref_id: None,
        space_ref_id: draft.space_ref_id,
        name: None,
        sensor_ids: [sensor_id("s1")].into(),
        settings: draft.settings,
    }
}

fn event(sequence: u64) -> Event {
    Event {
        version: EVENT_VERSION,
        id: Event::derived_id(&acme(), Stream::of_space(SpaceId(7)), EventType::SpaceReport, Sequence(sequence), at(1)),
        tenant: acme(),
        event_type: EventType::SpaceReport,
        sequence: Sequence(sequence),
        about: About::Space(EventSpace::from(&space())),
        occurred_at: at(0),
        received_at: at(1),
        trace: None,
        change: Change { occupancy_changed: true, first_of_hour: false },
        test: false,
        data: serde_json::json!({ "person_count": 1.5, "text": "é\u{0}#" }),
    }
}

#[tokio::test]
async fn twenty_concurrent_writers_lose_no_update() {
    with_table(async |table| {
        let write_one = async || {
            for tries in 1.. {
                let StoredState { version, mut state, mut pending, .. } =
                    table.store.stored_state(&acme(), space_id(7)).await.unwrap();
                state.sequence = state.sequence.next();
                pending.push(event(state.sequence.0));
                match table.store.save_state(&acme(), space_id(7), version, &state, &pending, None).await.unwrap() {
                    Saved::Yes => return tries,
                    Saved::Conflict => {}
                }
            }
            0
        };
        let tries: Vec<i32> = join_all((0..20).map(|_| write_one())).await;
        assert!(tries.iter().sum::<i32>() > 20, "no writer ever met another: {tries:?}");
        let stored = table.store.stored_state(&acme(), space_id(7)).await.unwrap();
        assert_eq!((stored.version, stored.state.sequence), (20, Sequence(20)));
        assert_eq!(stored.pending, (1..=20).map(event).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn pending_events_are_cleared_only_for_their_version() {
    with_table(async |table| {
        let (store, state) = (&table.store, SpaceState::default());
        assert_eq!(store.stored_state(&acme(), space_id(7)).await.unwrap(), StoredState::default());
        assert_eq!(store.save_state(&acme(), space_id(7), 0, &state, &[event(1)], None).await.unwrap(), Saved::Yes);
        assert_eq!(store.save_state(&acme(), space_id(7), 0, &state, &[], None).await.unwrap(), Saved::Conflict);
        assert_eq!(store.save_state(&acme(), space_id(7), 5, &state, &[], None).await.unwrap(), Saved::Conflict);
        let two = [event(1), event(2)];
        assert_eq!(store.save_state(&acme(), space_id(7), 1, &state, &two, None).await.unwrap(), Saved::Yes);

        // The writer of version 1 comes late: what version 2 still has to send stays.
        store.clear_pending(&acme(), space_id(7), 1).await.unwrap();
        assert_eq!(store.stored_state(&acme(), space_id(7)).await.unwrap().pending, two);
        store.clear_pending(&acme(), space_id(7), 2).await.unwrap();
        store.clear_pending(&acme(), space_id(7), 2).await.unwrap();
        let stored = store.stored_state(&acme(), space_id(7)).await.unwrap();
        assert_eq!((stored.version, stored.pending), (2, Vec::new()));
        // A space that is gone is no error, and does not come back by it.
        store.clear_pending(&acme(), space_id(8), 0).await.unwrap();
        assert!(table.raw("S#acme#8", "STATE").await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_state_that_does_not_fit_is_a_typed_error() {
    with_table(async |table| {
        let many: Vec<Event> = (0..1_500).map(event).collect();
        let saved = table.store.save_state(&acme(), space_id(7), 0, &SpaceState::default(), &many, None).await;
        assert!(saved.unwrap_err().is_too_large());
        assert_eq!(table.store.stored_state(&acme(), space_id(7)).await.unwrap().version, 0);
    })
    .await;
}

#[tokio::test]
async fn the_requests_of_a_reading_are_as_documented() {
    with_table(async |table| {
        let store = &table.store;
        store.put_building(&acme(), &building("HQ")).await.unwrap();
        let (space, _) = store.put_space(&acme(), &draft("HQ", None, "room 1")).await.unwrap();
        store.put_sensor(&acme(), &sensor("s1", "HQ", "room 1")).await.unwrap();

        let (overview, requests) = table.requests(store.tenant_overview(&acme())).await;
        assert_eq!((overview.unwrap().registry_version, requests.as_str()), (3, "GetItem 1"));
        let (placement, requests) = table.requests(store.placement(&acme(), &sensor_id("s1"))).await;
        assert_eq!(requests, "GetItem 3");
        let placed = placement.unwrap().unwrap();
        assert_eq!((placed.sensor, placed.groups), (sensor("s1", "HQ", "room 1"), vec![]));
        assert_eq!((placed.space.space_id, placed.space.sensor_ids), (space.space_id, [sensor_id("s1")].into()));
        let id = ObservedId::Space(space.space_id);
        let (nowhere, requests) = table.requests(store.placement(&acme(), &sensor_id("s2"))).await;
        assert_eq!((nowhere.unwrap(), requests.as_str()), (None, "GetItem 1"));
        let (_, requests) = table.requests(store.stored_state(&acme(), ObservedId::Space(space.space_id))).await;
        assert_eq!(requests, "GetItem 1");
        let state = SpaceState::default();
        let (_, requests) = table.requests(store.save_state(&acme(), id, 0, &state, &[event(1)], None)).await;
        assert_eq!(requests, "PutItem 1");
        let (_, requests) = table.requests(store.clear_pending(&acme(), id, 1)).await;
        assert_eq!(requests, "UpdateItem 1");
    })
    .await;
}

#[tokio::test]
async fn a_tenant_and_states_are_read_in_one_request() {
    with_table(async |table| {
        let store = &table.store;
        let (nothing, requests) = table.requests(store.overview_and_states(&acme(), &[space_id(7)])).await;
        let none = (store.tenant_overview(&acme()).await.unwrap(), [(space_id(7), StoredState::default())].into());
        assert_eq!((nothing.unwrap(), requests.as_str()), (none, "BatchGetItem 1"));
        store.put_building(&acme(), &building("HQ")).await.unwrap();
        let group = ObservedId::Group(SensorGroupId(7));
        let mut state = SpaceState::default();
        state.sequence = Sequence(3);
        assert_eq!(store.save_state(&acme(), group, 0, &state, &[], Some(at(9))).await.unwrap(), Saved::Yes);
        let saved = store.save_state(&acme(), space_id(7), 0, &SpaceState::default(), &[event(1)], None).await.unwrap();
        assert_eq!(saved, Saved::Yes);
        let (overview, states) = store.overview_and_states(&acme(), &[space_id(7), group, space_id(8)]).await.unwrap();
        assert_eq!(overview, store.tenant_overview(&acme()).await.unwrap());
        for of in [space_id(7), group, space_id(8)] {
            assert_eq!(states[&of], store.stored_state(&acme(), of).await.unwrap(), "{of}");
        }
        assert_eq!((states[&group].due_at, states[&space_id(7)].pending.len()), (Some(at(9)), 1));
    })
    .await;
}

#[tokio::test]
async fn a_sensor_that_its_space_does_not_know_is_read_again_and_not_taken_for_unassigned() {
    with_table(async |table| {
        let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
        let sensor = [("sensor_id", "s1"), ("building_ref_id", "HQ"), ("space_ref_id", "room 1")];
        let key = [("pk", "T#acme"), ("sk", "SEN#s1")];
        table.put_raw(key.into_iter().chain(sensor).map(|(name, value)| (name, text(value)))).await;
        let (placement, requests) = table.requests(table.store.placement(&acme(), &sensor_id("s1"))).await;
        assert!(placement.unwrap_err().is_throttled());
        assert_eq!(requests, "GetItem 12");
    })
    .await;
}

/// A reading is taken in by the settings of its space and, where that is silent, of its building: as of the version of the
/// registry that a change of either raises.
#[tokio::test]
async fn where_a_sensor_is_says_what_is_settled_there() {
    with_table(async |table| {
        let store = &table.store;
        let settings = |json: &str| serde_json::from_str::<Settings>(json).unwrap();
        let hq = Building {
            settings: settings(r#"{"minimum_change":{"co2":300.0},"vacant_after_s":60}"#),
            ..building("HQ")
        };
        store.put_building(&acme(), &hq).await.unwrap();
        let own = SpaceDraft { settings: settings(r#"{"vacant_after_s":0}"#), ..draft("HQ", None, "room 1") };
        let (space, _) = store.put_space(&acme(), &own).await.unwrap();
        store.put_sensor(&acme(), &sensor("s1", "HQ", "room 1")).await.unwrap();
        let version = async || store.tenant_overview(&acme()).await.unwrap().registry_version;
        assert_eq!((space.settings, version().await), (own.settings.clone(), 3));
        assert_eq!(store.building(&acme(), &hq.building_ref_id).await.unwrap(), Some(hq.clone()));
        assert_eq!(store.space(&acme(), &own.key()).await.unwrap().unwrap().settings, own.settings, "its own alone");

        let (placed, requests) = table.requests(store.placement(&acme(), &sensor_id("s1"))).await;
        let merged = settings(r#"{"minimum_change":{"co2":300},"vacant_after_s":0}"#);
        assert_eq!((placed.unwrap().unwrap().space.settings, requests.as_str()), (merged, "GetItem 3"));

        store.put_building(&acme(), &building("HQ")).await.unwrap();
        let unsettled = SpaceDraft { settings: Settings::default(), ..own };
        assert_eq!(store.put_space(&acme(), &unsettled).await.unwrap().0.settings, Settings::default());
        assert_eq!(version().await, 5, "one a change");
        let (put, requests) = table.requests(store.put_space(&acme(), &unsettled)).await;
        assert_eq!((put.unwrap().1, requests.as_str()), (Put::Updated, "GetItem 1"), "nothing changes");
        let placed = store.placement(&acme(), &sensor_id("s1")).await.unwrap().unwrap().space;
        assert!(placed.settings.is_empty() && store.space(&acme(), &unsettled.key()).await.unwrap() == Some(placed));
    })
    .await;
}
