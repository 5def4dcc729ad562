//! Keys of the management API.

use crate::table::with_table;
use crate::things::{acme, at};
use spacehook_domain::api_key::{ApiKey, ApiKeyToken, KEYS_LIMIT, KeyId, Scope};
use spacehook_domain::ids::TenantId;
use spacehook_store::{KeyCreated, PageRequest};

fn key(number: u8, tenant: TenantId) -> (ApiKeyToken, ApiKey) {
    let token = ApiKeyToken::from_random([number; 8], [number; 32]);
    let key = ApiKey {
        id: token.id().clone(),
        tenant,
        name: format!("key {number}"),
        scopes: [Scope::Read, Scope::Publish].into(),
        hash: token.hash(),
        created_at: at(0),
        expires_at: Some(at(5_000)),
        last_used_at: None,
    };
    (token, key)
}

#[tokio::test]
async fn keys_are_found_listed_and_deleted_by_their_tenant_only() {
    with_table(async |table| {
        let store = &table.store;
        let other = TenantId::parse("other").unwrap();
        let (token, mine) = key(1, acme());
        let (_, theirs) = key(2, other.clone());
        for one in [&mine, &theirs] {
            let (saved, requests) = table.requests(store.create_key(one)).await;
            assert_eq!((saved.unwrap(), requests.as_str()), (KeyCreated::Yes, "TransactWriteItems 1"));
        }
        let (_, thief) = key(1, other.clone());
        assert_eq!(store.create_key(&thief).await.unwrap(), KeyCreated::Conflict, "an id is one tenant's");

        let (found, requests) = table.requests(store.key(token.id())).await;
        let found = found.unwrap().unwrap();
        assert_eq!(requests, "GetItem 1");
        assert_eq!((&found.tenant, &found.name, &found.scopes), (&acme(), &mine.name, &mine.scopes));
        assert!(found.hash.matches(&token.hash()));
        assert_eq!((found.expires_at, found.last_used_at), (Some(at(5_000)), None));
        let listed = store.list_keys(&acme(), PageRequest::first(10)).await.unwrap().items;
        assert_eq!(listed.iter().map(|one| &one.id).collect::<Vec<_>>(), [&mine.id]);

        assert!(!store.delete_key(&other, &mine.id).await.unwrap(), "not theirs");
        assert!(store.key(&mine.id).await.unwrap().is_some());
        assert!(store.delete_key(&acme(), &mine.id).await.unwrap());
        assert!(!store.delete_key(&acme(), &mine.id).await.unwrap());
        assert!(store.key(&mine.id).await.unwrap().is_none());
        assert!(store.list_keys(&acme(), PageRequest::first(10)).await.unwrap().items.is_empty());
        assert!(store.key(&theirs.id).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_once_and_brings_no_deleted_key_back() {
    with_table(async |table| {
        let store = &table.store;
        let (token, key) = key(1, acme());
        store.create_key(&key).await.unwrap();
        let (noted, requests) = table.requests(store.note_key_use(&key, at(10))).await;
        noted.unwrap();
        assert_eq!(requests, "UpdateItem 2");
        let (noted, requests) = table.requests(store.note_key_use(&key, at(11))).await;
        noted.unwrap();
        assert_eq!(requests, "UpdateItem 1", "somebody else was faster");
        let listed = store.list_keys(&acme(), PageRequest::first(10)).await.unwrap().items;
        let read = store.key(token.id()).await.unwrap().unwrap();
        assert_eq!((listed[0].last_used_at, read.last_used_at), (Some(at(10)), Some(at(10))));
        store.delete_key(&acme(), token.id()).await.unwrap();
        store.note_key_use(&read, at(5_000)).await.unwrap();
        assert!(store.key(token.id()).await.unwrap().is_none());
        assert!(store.list_keys(&acme(), PageRequest::first(10)).await.unwrap().items.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_tenant_has_so_many_keys_and_no_more() {
    with_table(async |table| {
        let store = &table.store;
        let (_, one) = key(1, acme());
        let numbered = |number: u64| ApiKey { id: KeyId::parse(format!("{number:016x}")).unwrap(), ..one.clone() };
        for number in 0..KEYS_LIMIT {
            assert_eq!(store.create_key(&numbered(number)).await.unwrap(), KeyCreated::Yes, "{number}");
        }
        assert_eq!(store.create_key(&numbered(KEYS_LIMIT)).await.unwrap(), KeyCreated::Full);
        assert_eq!(store.tenant_usage(&acme()).await.unwrap().api_keys, KEYS_LIMIT);
        assert!(store.delete_key(&acme(), &numbered(7).id).await.unwrap());
        assert_eq!(store.create_key(&numbered(KEYS_LIMIT)).await.unwrap(), KeyCreated::Yes);
    })
    .await;
}
