//! Profiles of tenants' own.

use crate::table::with_table;
use crate::things::{acme, at, draft, sensor, sensor_id};
use serde_json::json;
use spacehook_domain::ids::{ProfileName, TenantId};
use spacehook_domain::place::Sensor;
use spacehook_domain::profile::{OWN_PROFILES_LIMIT, OwnProfile, OwnProfileVersion, VERSIONS_KEPT};
use spacehook_store::{PageRequest, ProfileCreated, Saved};
use std::collections::BTreeMap;

fn name(text: &str) -> ProfileName {
    ProfileName::parse(text).unwrap()
}

fn profile(text: &str, version: u32) -> OwnProfile {
    let title = Some(format!("Version {version}"));
    OwnProfile { name: name(text), title, version, created_at: at(0), updated_at: at(i64::from(version)) }
}

fn version(text: &str, version: u32) -> OwnProfileVersion {
    let definition =
        json!({"z": 1, "a": {"scale": 0.1, "large": 9_007_199_254_740_993_u64, "source": "line 1\nline 2"}});
    OwnProfileVersion { name: name(text), version, title: None, definition, created_at: at(i64::from(version)) }
}

#[tokio::test]
async fn a_profile_is_made_once_and_changed_by_who_read_it_last() {
    with_table(async |table| {
        let store = &table.store;
        let (made, requests) = table.requests(store.create_profile(&acme(), &profile("a", 1), &version("a", 1))).await;
        assert_eq!((made.unwrap(), requests.as_str()), (ProfileCreated::Yes, "TransactWriteItems 1"));
        let again = store.create_profile(&acme(), &profile("a", 1), &version("a", 1)).await.unwrap();
        assert_eq!(again, ProfileCreated::NameTaken);
        let registry = async || store.tenant_overview(&acme()).await.unwrap().registry_version;
        let before = registry().await;
        for expected in [Saved::Yes, Saved::Conflict] {
            assert_eq!(store.update_profile(&acme(), &profile("a", 2), &version("a", 2)).await.unwrap(), expected);
        }
        assert_eq!(registry().await, before + 1, "what ingest remembers is read anew");
        let (read, requests) = table.requests(store.profile(&acme(), &name("a"))).await;
        assert_eq!((read.unwrap(), requests.as_str()), (Some(profile("a", 2)), "GetItem 1"));
        let (read, requests) = table.requests(store.profile_version(&acme(), &name("a"), 1)).await;
        assert_eq!((read.unwrap(), requests.as_str()), (Some(version("a", 1)), "GetItem 1"), "as it was written");
        let other = TenantId::parse("other").unwrap();
        assert_eq!(store.profile(&other, &name("a")).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_newest_versions_are_kept_and_all_go_with_the_profile() {
    with_table(async |table| {
        let store = &table.store;
        store.create_profile(&acme(), &profile("a", 1), &version("a", 1)).await.unwrap();
        store.create_profile(&acme(), &profile("a-b", 1), &version("a-b", 1)).await.unwrap();
        let last = VERSIONS_KEPT + 3;
        for number in 2..=last {
            let saved = store.update_profile(&acme(), &profile("a", number), &version("a", number)).await.unwrap();
            assert_eq!(saved, Saved::Yes);
        }
        let versions = async |text: &str| {
            let page = store.profile_versions(&acme(), &name(text), &PageRequest::first(100)).await.unwrap();
            page.items.into_iter().map(|one| one.version).collect::<Vec<_>>()
        };
        assert_eq!(versions("a").await, (4..=last).rev().collect::<Vec<_>>());
        assert_eq!(store.delete_profile(&acme(), &profile("a", last - 1)).await.unwrap(), Saved::Conflict);
        assert_eq!(store.delete_profile(&acme(), &profile("a", last)).await.unwrap(), Saved::Yes);
        assert!(versions("a").await.is_empty());
        assert_eq!(versions("a-b").await, [1], "another's stay");
        let left: Vec<_> = store.profiles(&acme()).await.unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(left, [name("a-b")]);
    })
    .await;
}

#[tokio::test]
async fn there_is_a_limit_and_deleting_makes_room() {
    with_table(async |table| {
        let store = &table.store;
        for number in 0..OWN_PROFILES_LIMIT {
            let text = format!("p{number}");
            let made = store.create_profile(&acme(), &profile(&text, 1), &version(&text, 1)).await.unwrap();
            assert_eq!(made, ProfileCreated::Yes);
        }
        let one_more = async || store.create_profile(&acme(), &profile("x", 1), &version("x", 1)).await.unwrap();
        assert_eq!(one_more().await, ProfileCreated::LimitReached);
        assert_eq!(store.delete_profile(&acme(), &profile("p7", 1)).await.unwrap(), Saved::Yes);
        assert_eq!(one_more().await, ProfileCreated::Yes);
    })
    .await;
}

#[tokio::test]
async fn a_sensor_keeps_its_profile_through_an_import() {
    with_table(async |table| {
        let store = &table.store;
        store.put_building(&acme(), &crate::things::building("HQ")).await.unwrap();
        store.put_space(&acme(), &draft("HQ", None, "a")).await.unwrap();
        let with_profile = Sensor { profile: Some(name("acme_parking")), ..sensor("s1", "HQ", "a") };
        store.put_sensor(&acme(), &with_profile).await.unwrap();
        let names = BTreeMap::from([(sensor_id("s1"), Some("Ceiling".to_owned()))]);
        store.put_space_with_sensors(&acme(), &draft("HQ", None, "a"), &names).await.unwrap();
        let stored = store.placement(&acme(), &sensor_id("s1")).await.unwrap().unwrap();
        assert_eq!(stored.sensor, Sensor { name: Some("Ceiling".to_owned()), ..with_profile });
        assert!(stored.space.sensor_ids.contains(&sensor_id("s1")));
        store.put_sensor(&acme(), &sensor("s1", "HQ", "a")).await.unwrap();
        assert_eq!(store.sensor(&acme(), &sensor_id("s1")).await.unwrap().unwrap().profile, None);
    })
    .await;
}
