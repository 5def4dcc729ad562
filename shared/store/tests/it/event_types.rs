//! Event types of a tenant's own.

use crate::table::with_table;
use crate::things::{acme, at, own_type, subscription};
use serde_json::json;
use spacehook_domain::event::{CustomType, EventType};
use spacehook_domain::ids::TenantId;
use spacehook_domain::own_type::{OWN_TYPES_LIMIT, OwnType, OwnTypeVersion};
use spacehook_domain::subscription::EVENT_TYPES_LIMIT;
use spacehook_store::{Registered, Saved};

fn name(text: &str) -> CustomType {
    CustomType::parse(text).unwrap()
}

fn own(text: &str, version: u32, revision: u64) -> OwnType {
    OwnType {
        name: name(text),
        description: Some("A door was opened.".to_owned()),
        version,
        archived_at: None,
        created_at: at(0),
        updated_at: at(0),
        revision,
    }
}

fn version(text: &str, number: u32) -> OwnTypeVersion {
    let example = json!({"door": 1.0, "at": {"z": 1, "a": 2}});
    OwnTypeVersion {
        name: name(text),
        version: number,
        schema: Some(json!({"type": "object", "maxProperties": 9_007_199_254_740_993_u64})),
        example: example.as_object().cloned(),
        created_at: at(1),
    }
}

#[tokio::test]
async fn a_type_is_registered_once_and_changed_by_who_read_it_last() {
    with_table(async |table| {
        let store = &table.store;
        let (first, text) = (own("acme.door", 1, 1), "acme.door");
        let (made, requests) = table.requests(store.register_event_type(&acme(), &first, &version(text, 1))).await;
        assert_eq!((made.unwrap(), requests.as_str()), (Registered::Yes, "TransactWriteItems 1"));
        let again = store.register_event_type(&acme(), &own(text, 1, 1), &version(text, 1)).await.unwrap();
        assert_eq!(again, Registered::NameTaken);
        let (read, requests) = table.requests(store.event_type(&acme(), name(text))).await;
        assert_eq!((read.unwrap(), requests.as_str()), (Some(first), "GetItem 1"));

        let second = own(text, 2, 2);
        let saved = store.update_event_type(&acme(), &second, Some(&version(text, 2))).await.unwrap();
        assert_eq!(saved, Saved::Yes);
        let late = store.update_event_type(&acme(), &own(text, 2, 2), Some(&version(text, 3))).await.unwrap();
        assert_eq!(late, Saved::Conflict);
        let archived = OwnType { archived_at: Some(at(9)), ..own(text, 2, 3) };
        let (saved, requests) = table.requests(store.update_event_type(&acme(), &archived, None)).await;
        assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Yes, "PutItem 1"));
        assert_eq!(store.update_event_type(&acme(), &archived, None).await.unwrap(), Saved::Conflict);
        assert_eq!(store.event_type(&acme(), name(text)).await.unwrap(), Some(archived));

        for number in [1, 2] {
            let read = store.event_type_version(&acme(), name(text), number).await.unwrap();
            assert_eq!(read, Some(version(text, number)), "as it was written, numbers too");
        }
        assert_eq!(
            store.event_type_version(&acme(), name(text), 3).await.unwrap(),
            None,
            "what was refused left nothing"
        );
        let other = TenantId::parse("other").unwrap();
        assert_eq!(store.event_type(&other, name(text)).await.unwrap(), None);
        assert!(store.event_types(&other).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn types_are_listed_by_name_and_there_are_so_many() {
    with_table(async |table| {
        let store = &table.store;
        for number in (0..OWN_TYPES_LIMIT).rev() {
            let text = format!("t{number:03}.a");
            let made = store.register_event_type(&acme(), &own(&text, 1, 1), &version(&text, 1)).await.unwrap();
            assert_eq!(made, Registered::Yes);
        }
        let one_more = store.register_event_type(&acme(), &own("z", 1, 1), &version("z", 1)).await.unwrap();
        assert_eq!(one_more, Registered::LimitReached);
        let (listed, requests) = table.requests(store.event_types(&acme())).await;
        let listed = listed.unwrap();
        assert_eq!((listed.len(), requests.as_str()), (200, "Query 1"));
        assert!(listed.is_sorted_by(|one, next| one.name < next.name));
        // The counter is none of a subscription's.
        assert!(store.tenant_overview(&acme()).await.unwrap().subscribed.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_subscription_can_change_all_of_its_types_at_once() {
    with_table(async |table| {
        let store = &table.store;
        let long = |letter: char, number: usize| {
            EventType::parse(&format!("{}{number:02}", letter.to_string().repeat(62))).unwrap()
        };
        let types = |letter| (0..EVENT_TYPES_LIMIT).map(|number| long(letter, number)).collect::<Vec<_>>();
        let before = subscription(1, "a", &types('a'));
        let mut after = subscription(1, "b", &types('b'));
        after.revision = 2;
        store.create_subscription(&before).await.unwrap();
        store.update_subscription(&before, &after).await.unwrap();
        assert_eq!(store.tenant_overview(&acme()).await.unwrap().subscribed, after.event_types);
        let own = store.matching_subscriptions(&acme(), own_type()).await.unwrap();
        assert!(own.is_empty());
    })
    .await;
}
