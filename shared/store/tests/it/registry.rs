//! Buildings, floors and spaces.

use crate::table::with_table;
use crate::things::{acme, at, building, building_id, draft, floor, floor_id, sensor, sensor_id, space_key};
use futures::future::join_all;
use spacehook_domain::ids::SpaceId;
use spacehook_domain::observed::ObservedId;
use spacehook_domain::place::{Building, Floor};
use spacehook_domain::space_state::SpaceState;
use spacehook_store::{DeleteError, PageRequest, Put, PutFloorError, PutSpaceError, Saved, SpaceDraft};
use std::collections::BTreeSet;

#[tokio::test]
async fn buildings_and_floors_are_stored_changed_and_deleted_when_empty() {
    with_table(async |table| {
        let store = &table.store;
        assert!(matches!(store.put_floor(&acme(), &floor("HQ", "1")).await, Err(PutFloorError::NoBuilding)));
        let (put, requests) = table.requests(store.put_building(&acme(), &building("HQ"))).await;
        assert_eq!((put.unwrap(), requests.as_str()), (Put::Created, "GetItem 1, TransactWriteItems 1"));
        let named = Building { name: Some("Head office".to_owned()), ..building("HQ") };
        assert_eq!(store.put_building(&acme(), &named).await.unwrap(), Put::Updated);
        let (put, requests) = table.requests(store.put_building(&acme(), &named)).await;
        assert_eq!((put.unwrap(), requests.as_str()), (Put::Updated, "GetItem 1"), "nothing changes");
        assert_eq!(store.building(&acme(), &building_id("HQ")).await.unwrap(), Some(named));

        assert_eq!(store.put_floor(&acme(), &floor("HQ", "1")).await.unwrap(), Put::Created);
        let named = Floor { name: Some("Ground".to_owned()), ..floor("HQ", "1") };
        assert_eq!(store.put_floor(&acme(), &named).await.unwrap(), Put::Updated);
        assert_eq!(store.floor(&acme(), &building_id("HQ"), &floor_id("1")).await.unwrap(), Some(named));
        let refused = store.delete_building(&acme(), &building_id("HQ")).await.unwrap_err();
        assert_eq!(refused.to_string(), "there are still floors in the building");
        assert!(store.delete_floor(&acme(), &building_id("HQ"), &floor_id("1")).await.unwrap());
        assert!(!store.delete_floor(&acme(), &building_id("HQ"), &floor_id("1")).await.unwrap());
        assert!(store.delete_building(&acme(), &building_id("HQ")).await.unwrap());
        assert!(!store.delete_building(&acme(), &building_id("HQ")).await.unwrap());
        assert_eq!(store.tenant_overview(&acme()).await.unwrap().registry_version, 6, "one a change");
        assert_eq!(table.sort_keys("T#acme").await, ["TENANT"]);
    })
    .await;
}

#[tokio::test]
async fn a_space_keeps_its_number_and_its_sensors() {
    with_table(async |table| {
        let store = &table.store;
        let on = |floor| draft("HQ", Some(floor), "room 1");
        assert!(matches!(store.put_space(&acme(), &on("1")).await, Err(PutSpaceError::NoBuilding)));
        store.put_building(&acme(), &building("HQ")).await.unwrap();
        assert!(matches!(store.put_space(&acme(), &on("1")).await, Err(PutSpaceError::NoFloor)));
        for name in ["1", "2"] {
            store.put_floor(&acme(), &floor("HQ", name)).await.unwrap();
        }
        let (created, requests) = table.requests(store.put_space(&acme(), &on("1"))).await;
        let (space, put) = created.unwrap();
        assert_eq!((put, requests.as_str()), (Put::Created, "GetItem 1, TransactWriteItems 1, UpdateItem 1"));
        store.put_sensor(&acme(), &sensor("s1", "HQ", "room 1")).await.unwrap();

        let moved = SpaceDraft { name: Some("Blue room".to_owned()), ..on("2") };
        let (updated, requests) = table.requests(store.put_space(&acme(), &moved)).await;
        assert_eq!(requests, "GetItem 1, TransactWriteItems 1");
        let (updated, put) = updated.unwrap();
        assert_eq!((put, updated.space_id), (Put::Updated, space.space_id));
        assert_eq!(updated.sensor_ids, [sensor_id("s1")].into());
        assert_eq!(store.space(&acme(), &moved.key()).await.unwrap(), Some(updated));
        assert!(matches!(store.put_space(&acme(), &on("3")).await, Err(PutSpaceError::NoFloor)));

        assert!(store.delete_floor(&acme(), &building_id("HQ"), &floor_id("1")).await.unwrap(), "the space left it");
        let refused = store.delete_floor(&acme(), &building_id("HQ"), &floor_id("2")).await;
        assert!(matches!(refused, Err(DeleteError::InUse("spaces on the floor"))));
        let nowhere = draft("HQ", None, "room 1");
        assert_eq!(store.put_space(&acme(), &nowhere).await.unwrap().0.floor_ref_id, None);
        assert!(store.delete_floor(&acme(), &building_id("HQ"), &floor_id("2")).await.unwrap());
        let refused = store.delete_building(&acme(), &building_id("HQ")).await;
        assert!(matches!(refused, Err(DeleteError::InUse("spaces in the building"))));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_space_leaves_nothing_and_its_number_is_not_given_again() {
    with_table(async |table| {
        let store = &table.store;
        store.put_building(&acme(), &building("HQ")).await.unwrap();
        store.put_floor(&acme(), &floor("HQ", "1")).await.unwrap();
        let on_floor = draft("HQ", Some("1"), "room 1");
        let (space, _) = store.put_space(&acme(), &on_floor).await.unwrap();
        let saved = store
            .save_state(&acme(), ObservedId::Space(space.space_id), 0, &SpaceState::default(), &[], None)
            .await
            .unwrap();
        assert_eq!(saved, Saved::Yes);
        store.put_sensor(&acme(), &sensor("s1", "HQ", "room 1")).await.unwrap();
        let refused = store.delete_space(&acme(), &on_floor.key()).await;
        assert!(matches!(refused, Err(DeleteError::InUse("sensors in the space"))));
        assert!(store.delete_sensor(&acme(), &sensor_id("s1")).await.unwrap());
        assert!(!store.delete_sensor(&acme(), &sensor_id("s1")).await.unwrap());
        let (deleted, requests) = table.requests(store.delete_space(&acme(), &on_floor.key())).await;
        assert_eq!((deleted.unwrap(), requests.as_str()), (true, "GetItem 1, TransactWriteItems 1"));
        assert!(!store.delete_space(&acme(), &on_floor.key()).await.unwrap());
        assert!(table.sort_keys(&format!("S#acme#{}", space.space_id)).await.is_empty());

        let (again, put) = store.put_space(&acme(), &on_floor).await.unwrap();
        assert_eq!(put, Put::Created);
        assert!(again.space_id > space.space_id);
        assert!(store.delete_space(&acme(), &on_floor.key()).await.unwrap());
        assert!(store.delete_floor(&acme(), &building_id("HQ"), &floor_id("1")).await.unwrap());
        assert!(store.delete_building(&acme(), &building_id("HQ")).await.unwrap(), "the counts went back to nothing");
    })
    .await;
}

#[tokio::test]
async fn concurrent_creations_get_distinct_numbers_and_one_space_a_name() {
    with_table(async |table| {
        let store = &table.store;
        store.put_building(&acme(), &building("HQ")).await.unwrap();
        let drafts: Vec<_> = (0..20).map(|n| draft("HQ", None, &format!("room {}", n % 10))).collect();
        let spaces = join_all(drafts.iter().map(async |draft| store.put_space(&acme(), draft).await)).await;
        let spaces: Vec<_> = spaces.into_iter().map(Result::unwrap).collect();
        assert_eq!(spaces.iter().filter(|(_, put)| *put == Put::Created).count(), 10);
        let numbers: BTreeSet<SpaceId> = spaces.iter().map(|(space, _)| space.space_id).collect();
        assert_eq!(numbers.len(), 10);
        let page = store.list_spaces(&acme(), &building_id("HQ"), PageRequest::first(50)).await.unwrap();
        assert_eq!(page.items.len(), 10);
        assert_eq!(table.raw_number("T#acme", "BLD#HQ", "spaces").await, Some(10));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_put_into_a_building_that_is_being_deleted() {
    with_table(async |table| {
        let store = &table.store;
        for round in 0..10 {
            let name = format!("B{round}");
            store.put_building(&acme(), &building(&name)).await.unwrap();
            let delete = async { store.delete_building(&acme(), &building_id(&name)).await };
            let put = async { store.put_floor(&acme(), &floor(&name, "1")).await };
            // Who asks first mostly wins; each does in turn.
            let (deleted, put) = if round % 2 == 0 {
                futures::join!(delete, put)
            } else {
                let (put, deleted) = futures::join!(put, delete);
                (deleted, put)
            };
            let there = store.building(&acme(), &building_id(&name)).await.unwrap().is_some();
            let floor = store.floor(&acme(), &building_id(&name), &floor_id("1")).await.unwrap().is_some();
            assert_eq!((deleted.is_ok(), put.is_ok()), (!there, there));
            assert_eq!(floor, there);
        }
    })
    .await;
}

#[tokio::test]
async fn names_that_look_like_keys_and_the_longest_names_are_names_like_others() {
    with_table(async |table| {
        let store = &table.store;
        let longest = "🏢".repeat(128);
        for (building_name, space_name) in
            [("a#b", "c"), ("a", "b#c"), ("a%23b", "c"), (longest.as_str(), longest.as_str())]
        {
            store.put_building(&acme(), &building(building_name)).await.unwrap();
            store.put_space(&acme(), &draft(building_name, None, space_name)).await.unwrap();
            store.put_sensor(&acme(), &sensor(space_name, building_name, space_name)).await.unwrap();
            let page = store.list_spaces(&acme(), &building_id(building_name), PageRequest::first(9)).await.unwrap();
            let keys: Vec<_> = page.items.iter().map(spacehook_domain::place::Space::key).collect();
            assert_eq!(keys, [space_key(building_name, space_name)]);
            store.record_unassigned(&acme(), &sensor_id(&longest), 1, at(0)).await.unwrap();
        }
        assert_eq!(store.list_buildings(&acme(), PageRequest::first(9)).await.unwrap().items.len(), 4);
    })
    .await;
}
