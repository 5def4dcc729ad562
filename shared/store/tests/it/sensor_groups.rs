//! A group and its sensors say the same of each other, whoever changes them.

use crate::table::{Table, with_table};
use crate::things::{acme, building, building_id, draft, sensor, sensor_id};
use futures::future::join_all;
use spacehook_domain::ids::{SensorGroupId, SensorGroupRefId, SensorId};
use spacehook_domain::observed::ObservedId;
use spacehook_domain::place::SensorGroup;
use spacehook_domain::settings::{MinimumChange, Settings, VacantAfter};
use spacehook_domain::space_state::SpaceState;
use spacehook_store::{
    DeleteError, GROUPS_OF_SENSOR_LIMIT, PageRequest, Put, PutSensorGroupError, Saved, SensorGroupDraft, Store,
};
use std::collections::{BTreeMap, BTreeSet};

fn group_id(name: &str) -> SensorGroupRefId {
    SensorGroupRefId::parse(name).unwrap()
}

fn group(name: &str, sensors: &[&str]) -> SensorGroupDraft {
    SensorGroupDraft {
        sensor_group_ref_id: group_id(name),
        building_ref_id: None,
        name: None,
        sensor_ids: sensors.iter().map(|id| sensor_id(id)).collect(),
        settings: Settings::default(),
    }
}

/// Two rooms and these sensors, turn about.
async fn rooms(store: &Store, sensors: &[&str]) {
    store.put_building(&acme(), &building("HQ")).await.unwrap();
    for name in ["a", "b"] {
        store.put_space(&acme(), &draft("HQ", None, name)).await.unwrap();
    }
    for (number, id) in sensors.iter().enumerate() {
        store.put_sensor(&acme(), &sensor(id, "HQ", ["a", "b"][number % 2])).await.unwrap();
    }
}

/// The sensors of each group. The items of the groups and of the sensors say the same.
async fn assert_in_step(table: &Table) -> BTreeMap<String, BTreeSet<SensorId>> {
    let groups = table.store.list_sensor_groups(&acme(), PageRequest::first(1_000)).await.unwrap().items;
    let sensors = table.store.list_sensors(&acme(), PageRequest::first(1_000)).await.unwrap().items;
    let by_group: BTreeMap<_, _> =
        groups.into_iter().map(|group| (group.sensor_group_ref_id.to_string(), group.sensor_ids)).collect();
    let mut by_sensor: BTreeMap<String, BTreeSet<SensorId>> =
        by_group.keys().map(|name| (name.clone(), BTreeSet::new())).collect();
    for sensor in sensors {
        for group in sensor.sensor_group_ref_ids {
            by_sensor.get_mut(group.as_str()).unwrap().insert(sensor.sensor_id.clone());
        }
    }
    assert_eq!(by_group, by_sensor);
    by_group
}

fn set(names: &[&str]) -> BTreeSet<SensorId> {
    names.iter().map(|name| sensor_id(name)).collect()
}

#[tokio::test]
async fn a_group_is_stored_changed_and_deleted() {
    with_table(async |table| {
        let store = &table.store;
        rooms(store, &["x", "y", "z"]).await;
        let version = async || store.tenant_overview(&acme()).await.unwrap().registry_version;
        let before = version().await;
        let (made, requests) = table.requests(store.put_sensor_group(&acme(), &group("west", &["x", "y"]))).await;
        assert_eq!(requests, "BatchGetItem 1, GetItem 1, TransactWriteItems 1, UpdateItem 1");
        let (made, put) = made.unwrap();
        assert_eq!((made.sensor_group_id, put), (SensorGroupId(1), Put::Created));
        assert_eq!(version().await, before + 1);
        let (again, requests) = table.requests(store.put_sensor_group(&acme(), &group("west", &["x", "y"]))).await;
        assert_eq!((again.unwrap(), requests.as_str()), ((made.clone(), Put::Updated), "GetItem 1"), "nothing changes");

        let settings = Settings {
            minimum_change: MinimumChange::read(&serde_json::json!({"temperature": 0.5})).unwrap(),
            vacant_after: Some(VacantAfter::from_s(60).unwrap()),
        };
        let changed = SensorGroupDraft {
            building_ref_id: Some(building_id("HQ")),
            name: Some("West".to_owned()),
            settings,
            ..group("west", &["y", "z"])
        };
        let (stored, put) = store.put_sensor_group(&acme(), &changed).await.unwrap();
        assert_eq!((put, stored.sensor_group_id), (Put::Updated, SensorGroupId(1)), "the same group");
        assert_eq!(store.sensor_group(&acme(), &group_id("west")).await.unwrap(), Some(stored.clone()));
        assert_eq!((stored.name, stored.settings), (changed.name.clone(), changed.settings.clone()));
        assert_eq!(assert_in_step(table).await["west"], set(&["y", "z"]));

        assert!(store.put_sensor(&acme(), &sensor("y", "HQ", "a")).await.unwrap().0.sensor_group_ref_ids.len() == 1);
        assert_eq!(assert_in_step(table).await["west"], set(&["y", "z"]), "one that is moved stays");
        assert!(store.delete_sensor(&acme(), &sensor_id("z")).await.unwrap());
        assert_eq!(assert_in_step(table).await["west"], set(&["y"]), "and one that is deleted leaves");

        let of = ObservedId::Group(SensorGroupId(1));
        let saved = store.save_state(&acme(), of, 0, &SpaceState::default(), &[], None).await.unwrap();
        assert_eq!(saved, Saved::Yes);
        assert!(store.delete_sensor_group(&acme(), &group_id("west")).await.unwrap());
        assert!(!store.delete_sensor_group(&acme(), &group_id("west")).await.unwrap());
        assert_eq!(store.stored_state(&acme(), of).await.unwrap().version, 0, "its state goes with it");
        assert!(assert_in_step(table).await.is_empty());
        let (anew, _) = store.put_sensor_group(&acme(), &group("west", &[])).await.unwrap();
        assert_eq!(anew.sensor_group_id, SensorGroupId(2), "a number is never given again");
    })
    .await;
}

#[tokio::test]
async fn what_a_group_names_must_be_there() {
    with_table(async |table| {
        let store = &table.store;
        rooms(store, &["x", "y"]).await;
        let refused = store.put_sensor_group(&acme(), &group("west", &["x", "nobody"])).await;
        assert!(matches!(refused, Err(PutSensorGroupError::NoSensors(missing)) if missing == set(&["nobody"])));
        let elsewhere = SensorGroupDraft { building_ref_id: Some(building_id("no")), ..group("west", &["x"]) };
        let refused = store.put_sensor_group(&acme(), &elsewhere).await;
        assert!(matches!(refused, Err(PutSensorGroupError::NoBuilding)));
        for number in 0..GROUPS_OF_SENSOR_LIMIT {
            store.put_sensor_group(&acme(), &group(&format!("g{number}"), &["x"])).await.unwrap();
        }
        let refused = store.put_sensor_group(&acme(), &group("west", &["x", "y"])).await;
        assert!(matches!(refused, Err(PutSensorGroupError::TooManyGroups(full)) if full == set(&["x"])));
        store.put_sensor_group(&acme(), &group("g0", &["x", "y"])).await.unwrap();
        assert!(!assert_in_step(table).await.contains_key("west"));
        let many: Vec<String> = (0..91).map(|number| format!("s{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let refused = store.put_sensor_group(&acme(), &group("west", &many)).await;
        assert!(matches!(refused, Err(PutSensorGroupError::TooManySensors)));
    })
    .await;
}

#[tokio::test]
async fn a_building_with_groups_stays() {
    with_table(async |table| {
        let store = &table.store;
        for name in ["HQ", "annex"] {
            store.put_building(&acme(), &building(name)).await.unwrap();
        }
        let of = |building: Option<&str>| SensorGroupDraft {
            building_ref_id: building.map(building_id),
            ..group("west", &[])
        };
        store.put_sensor_group(&acme(), &of(Some("HQ"))).await.unwrap();
        let refused = store.delete_building(&acme(), &building_id("HQ")).await;
        assert!(matches!(refused, Err(DeleteError::InUse("groups of sensors in the building"))));
        store.put_sensor_group(&acme(), &of(Some("annex"))).await.unwrap();
        assert!(store.delete_building(&acme(), &building_id("HQ")).await.unwrap());
        assert!(store.delete_building(&acme(), &building_id("annex")).await.is_err());
        store.delete_sensor_group(&acme(), &group_id("west")).await.unwrap();
        assert!(store.delete_building(&acme(), &building_id("annex")).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn as_many_sensors_as_can_be_change_at_once() {
    with_table(async |table| {
        let store = &table.store;
        let names: Vec<String> = (0..180).map(|number| format!("s{number:03}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        rooms(store, &names).await;
        let (first, second) = names.split_at(90);
        let (put, requests) = table.requests(store.put_sensor_group(&acme(), &group("west", first))).await;
        assert_eq!(put.unwrap().1, Put::Created);
        assert!(requests.contains("TransactWriteItems 1"), "{requests}");
        let (put, requests) = table.requests(store.put_sensor_group(&acme(), &group("west", second))).await;
        let stored: SensorGroup = put.unwrap().0;
        assert_eq!(stored.sensor_ids, set(second));
        assert!(requests.contains("TransactWriteItems 2"), "{requests}: 180 moves, 90 a transaction");
        assert_eq!(assert_in_step(table).await["west"], set(second));
        let (deleted, requests) = table.requests(store.delete_sensor_group(&acme(), &group_id("west"))).await;
        assert!(deleted.unwrap());
        assert_eq!(requests, "GetItem 1, TransactWriteItems 1", "whole or not at all");
        assert!(assert_in_step(table).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn many_at_once_keep_groups_and_sensors_in_step() {
    with_table(async |table| {
        let store = &table.store;
        rooms(store, &["x", "y", "z"]).await;
        let some: [&[&str]; 5] = [&["x"], &["y", "z"], &["x", "y", "z"], &[], &["z"]];
        let puts = (0..10).map(|number| {
            let draft = group(["west", "east"][number % 2], some[number % 5]);
            async move { store.put_sensor_group(&acme(), &draft).await.is_ok() }
        });
        let change = async {
            store.delete_sensor(&acme(), &sensor_id("y")).await.unwrap();
            store.put_sensor(&acme(), &sensor("y", "HQ", "b")).await.unwrap();
            store.put_sensor(&acme(), &sensor("x", "HQ", "b")).await.unwrap();
        };
        let removal = async { drop(store.delete_sensor_group(&acme(), &group_id("east")).await) };
        let (puts, (), ()) = futures::join!(join_all(puts), change, removal);
        // One that named the sensor while it was away was refused.
        assert!(puts.iter().filter(|is_done| **is_done).count() >= 5, "{puts:?}");
        assert_in_step(table).await;
    })
    .await;
}

#[tokio::test]
async fn a_sensor_is_found_with_its_groups() {
    with_table(async |table| {
        let store = &table.store;
        rooms(store, &["x", "y"]).await;
        let settings =
            |seconds| Settings { vacant_after: Some(VacantAfter::from_s(seconds).unwrap()), ..Settings::default() };
        let hq = spacehook_domain::place::Building { settings: settings(60), ..building("HQ") };
        store.put_building(&acme(), &hq).await.unwrap();
        let of_hq = SensorGroupDraft { building_ref_id: Some(building_id("HQ")), ..group("west", &["x", "y"]) };
        store.put_sensor_group(&acme(), &of_hq).await.unwrap();
        store.put_sensor_group(&acme(), &group("all", &["x"])).await.unwrap();
        let (found, requests) = table.requests(store.placement(&acme(), &sensor_id("x"))).await;
        assert_eq!(requests, "GetItem 6", "the sensor, its space and building, two groups, and the building of one");
        let found = found.unwrap().unwrap();
        assert_eq!(found.space.space_ref_id.as_str(), "a");
        let groups: Vec<_> =
            found.groups.iter().map(|group| (group.sensor_group_ref_id.as_str(), &group.settings)).collect();
        assert_eq!(groups, [("all", &Settings::default()), ("west", &settings(60))]);
        let (found, requests) = table.requests(store.placement(&acme(), &sensor_id("y"))).await;
        assert_eq!((found.unwrap().unwrap().groups.len(), requests.as_str()), (1, "GetItem 5"));
    })
    .await;
}
