//! Sensors are where their space says they are, whoever moves them.

use crate::table::{Table, with_table};
use crate::things::{Dice, acme, at, building, building_id, draft, sensor, sensor_id, space_key};
use futures::future::join_all;
use spacehook_domain::ids::SensorId;
use spacehook_domain::place::Sensor;
use spacehook_store::{PageRequest, Put, PutSensorError, PutSpaceWithSensorsError, SENSORS_LIMIT, Store};
use std::collections::BTreeMap;

async fn rooms(store: &Store, names: &[&str]) {
    store.put_building(&acme(), &building("HQ")).await.unwrap();
    for name in names {
        store.put_space(&acme(), &draft("HQ", None, name)).await.unwrap();
    }
}

/// The sets of the spaces and the items of the sensors say the same.
async fn assert_in_step(table: &Table) -> BTreeMap<SensorId, String> {
    let spaces = table.store.list_spaces(&acme(), &building_id("HQ"), PageRequest::first(1_000)).await.unwrap().items;
    let sensors = table.store.list_sensors(&acme(), PageRequest::first(1_000)).await.unwrap().items;
    let mut by_space = BTreeMap::new();
    for space in &spaces {
        for id in &space.sensor_ids {
            let twice = by_space.insert(id.clone(), space.space_ref_id.to_string());
            assert_eq!(twice, None, "{id} is in two spaces");
        }
    }
    let by_sensor: BTreeMap<_, _> =
        sensors.into_iter().map(|one| (one.sensor_id, one.space.space_ref_id.to_string())).collect();
    assert_eq!(by_space, by_sensor);
    by_sensor
}

fn names(numbers: std::ops::Range<usize>) -> BTreeMap<SensorId, Option<String>> {
    numbers.map(|n| (sensor_id(&format!("s{n:03}")), Some(format!("Sensor {n}")))).collect()
}

#[tokio::test]
async fn a_sensor_is_assigned_named_and_moved() {
    with_table(async |table| {
        let store = &table.store;
        rooms(store, &["a", "b"]).await;
        store.record_unassigned(&acme(), &sensor_id("s1"), 3, at(0)).await.unwrap();
        store.record_unassigned(&acme(), &sensor_id("s1"), 2, at(60)).await.unwrap();
        let heard = store.list_unassigned(&acme(), PageRequest::first(5)).await.unwrap().items;
        assert_eq!(heard.len(), 1);
        assert_eq!((heard[0].readings, heard[0].first_seen, heard[0].last_seen), (5, at(0), at(60)));
        assert_eq!(
            table.raw_number("T#acme", "UNA#s1", "expires_at").await,
            Some(at(60).as_second() + 30 * 24 * 3_600)
        );

        assert!(matches!(
            store.put_sensor(&acme(), &sensor("s1", "HQ", "nowhere")).await,
            Err(PutSensorError::NoSpace)
        ));
        let (put, requests) = table.requests(store.put_sensor(&acme(), &sensor("s1", "HQ", "a"))).await;
        assert_eq!((put.unwrap().1, requests.as_str()), (Put::Created, "BatchGetItem 1, TransactWriteItems 1"));
        assert!(store.list_unassigned(&acme(), PageRequest::first(5)).await.unwrap().items.is_empty());
        let before = store.tenant_overview(&acme()).await.unwrap().registry_version;
        let (put, requests) = table.requests(store.put_sensor(&acme(), &sensor("s1", "HQ", "a"))).await;
        assert_eq!((put.unwrap().1, requests.as_str()), (Put::Updated, "BatchGetItem 1"), "nothing changes");

        let named = Sensor { name: Some("Door".to_owned()), ..sensor("s1", "HQ", "a") };
        assert_eq!(store.put_sensor(&acme(), &named).await.unwrap().1, Put::Updated);
        assert_eq!(store.sensor(&acme(), &sensor_id("s1")).await.unwrap(), Some(named));
        assert_in_step(table).await;
        assert_eq!(store.put_sensor(&acme(), &sensor("s1", "HQ", "b")).await.unwrap().1, Put::Updated);
        assert_eq!(assert_in_step(table).await, [(sensor_id("s1"), "b".to_owned())].into());
        assert_eq!(store.tenant_overview(&acme()).await.unwrap().registry_version, before + 2);
    })
    .await;
}

#[tokio::test]
async fn random_moves_by_many_at_once_keep_spaces_and_sensors_in_step() {
    with_table(async |table| {
        let store = &table.store;
        let rooms_there = ["a", "b", "c"];
        rooms(store, &rooms_there).await;
        let mut dice = Dice(7);
        for _ in 0..6 {
            let moves: Vec<_> =
                (0..12).map(|_| (format!("s{}", dice.roll(5)), rooms_there[dice.roll(3)], dice.roll(5) == 0)).collect();
            let done = join_all(moves.iter().map(async |(id, room, delete)| {
                if *delete {
                    store.delete_sensor(&acme(), &sensor_id(id)).await.map(drop)
                } else {
                    store.put_sensor(&acme(), &sensor(id, "HQ", room)).await.map(drop).map_err(|error| match error {
                        PutSensorError::Store(error) => error,
                        other => panic!("{other}"),
                    })
                }
            }))
            .await;
            // Many writers of one sensor at once may lose patience; what they leave is in step all the same.
            assert!(done.iter().all(|one| one.as_ref().err().is_none_or(spacehook_store::StoreError::is_throttled)));
            assert_in_step(table).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_space_with_sensors_is_imported_in_few_requests() {
    with_table(async |table| {
        let store = &table.store;
        rooms(store, &["old"]).await;
        for n in 0..3 {
            store.put_sensor(&acme(), &sensor(&format!("s{n:03}"), "HQ", "old")).await.unwrap();
        }
        store.record_unassigned(&acme(), &sensor_id("s050"), 1, at(0)).await.unwrap();
        let new = draft("HQ", None, "new");
        let sensors = names(0..SENSORS_LIMIT);
        let (put, requests) = table.requests(store.put_space_with_sensors(&acme(), &new, &sensors)).await;
        let put = put.unwrap();
        assert_eq!(requests, "BatchGetItem 4, GetItem 1, TransactWriteItems 5, UpdateItem 1");
        assert_eq!((put.put, put.sensors_created, put.sensors_updated), (Put::Created, SENSORS_LIMIT - 3, 3));
        assert_eq!(store.space(&acme(), &new.key()).await.unwrap(), Some(put.space));
        assert_eq!(assert_in_step(table).await.len(), SENSORS_LIMIT);
        assert!(store.list_unassigned(&acme(), PageRequest::first(5)).await.unwrap().items.is_empty());
        assert!(store.space(&acme(), &space_key("HQ", "old")).await.unwrap().unwrap().sensor_ids.is_empty());

        let (again, requests) = table.requests(store.put_space_with_sensors(&acme(), &new, &sensors)).await;
        assert_eq!(again.unwrap().sensors_updated, SENSORS_LIMIT);
        assert_eq!(requests, "BatchGetItem 4, GetItem 1", "a repeat writes nothing");
    })
    .await;
}

#[tokio::test]
async fn a_space_has_a_hundred_sensors_at_most() {
    with_table(async |table| {
        let store = &table.store;
        rooms(store, &["a", "b"]).await;
        let full = draft("HQ", None, "a");
        let too_many = store.put_space_with_sensors(&acme(), &full, &names(0..SENSORS_LIMIT + 1)).await;
        assert!(matches!(too_many, Err(PutSpaceWithSensorsError::Sensors(PutSensorError::TooManySensors))));
        assert!(assert_in_step(table).await.is_empty());
        store.put_space_with_sensors(&acme(), &full, &names(0..SENSORS_LIMIT)).await.unwrap();
        let refused = store.put_sensor(&acme(), &sensor("one more", "HQ", "a")).await;
        assert!(matches!(refused, Err(PutSensorError::TooManySensors)));
        // Those who are in may be named anew, and make room.
        store.put_sensor(&acme(), &sensor("s000", "HQ", "a")).await.unwrap();
        store.put_sensor(&acme(), &sensor("s000", "HQ", "b")).await.unwrap();
        store.put_sensor(&acme(), &sensor("one more", "HQ", "a")).await.unwrap();
        assert_eq!(assert_in_step(table).await.len(), SENSORS_LIMIT + 1);
    })
    .await;
}

#[tokio::test]
async fn a_thirty_sensor_move_from_thirty_spaces_fits_a_transaction() {
    with_table(async |table| {
        let store = &table.store;
        rooms(store, &["target"]).await;
        for n in 0..30 {
            let room = format!("room {n}");
            let one = names(n..n + 1);
            store.put_space_with_sensors(&acme(), &draft("HQ", None, &room), &one).await.unwrap();
            store.record_unassigned(&acme(), one.keys().next().unwrap(), 1, at(0)).await.unwrap();
        }
        let target = draft("HQ", None, "target");
        let (put, requests) = table.requests(store.put_space_with_sensors(&acme(), &target, &names(0..30))).await;
        assert_eq!(put.unwrap().sensors_updated, 30);
        assert_eq!(requests, "BatchGetItem 1, GetItem 1, TransactWriteItems 1");
        assert!(assert_in_step(table).await.values().all(|room| room == "target"));
    })
    .await;
}
