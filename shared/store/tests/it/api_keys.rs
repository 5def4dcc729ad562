//! Keys of the management API.

use crate::table::with_table;
use crate::things::{acme, at};
use spacehook_domain::api_key::{ApiKey, ApiKeyToken, Scope};
use spacehook_domain::ids::TenantId;
use spacehook_store::{PageRequest, Saved};

fn key(number: u8, tenant: TenantId) -> (ApiKeyToken, ApiKey) {
    let token = ApiKeyToken::from_random([number; 8], [number; 32]);
    let key = ApiKey {
        id: token.id().clone(),
        tenant,
        name: format!("key {number}"),
        scopes: [Scope::Read, Scope::Publish].into(),
        hash: token.hash(),
        created_at: at(0),
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
            assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Yes, "TransactWriteItems 1"));
        }
        let (_, thief) = key(1, other.clone());
        assert_eq!(store.create_key(&thief).await.unwrap(), Saved::Conflict, "an id is one tenant's");

        let (found, requests) = table.requests(store.key(token.id())).await;
        let found = found.unwrap().unwrap();
        assert_eq!(requests, "GetItem 1");
        assert_eq!((&found.tenant, &found.name, &found.scopes), (&acme(), &mine.name, &mine.scopes));
        assert!(found.hash.matches(&token.hash()));
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
