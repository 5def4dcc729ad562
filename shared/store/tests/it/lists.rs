//! Pages and cursors.

use crate::table::with_table;
use crate::things::{acme, building, building_id, draft, floor};
use spacehook_domain::ids::TenantId;
use spacehook_store::{Cursor, ListError, PageRequest};

fn after(limit: u32, cursor: &Cursor) -> PageRequest {
    PageRequest { limit, cursor: Some(cursor.clone()) }
}

#[tokio::test]
async fn a_list_goes_on_where_it_was_whatever_is_inserted_or_deleted() {
    with_table(async |table| {
        let store = &table.store;
        for name in ["b", "d", "f", "h"] {
            store.put_building(&acme(), &building(name)).await.unwrap();
        }
        let (page, requests) = table.requests(store.list_buildings(&acme(), PageRequest::first(2))).await;
        let page = page.unwrap();
        assert_eq!(requests, "Query 1");
        assert_eq!(page.items, [building("b"), building("d")]);
        let next = page.next.unwrap();

        // Before the cursor, at it and after it.
        for name in ["a", "c", "e"] {
            store.put_building(&acme(), &building(name)).await.unwrap();
        }
        assert!(store.delete_building(&acme(), &building_id("d")).await.unwrap());
        let read_back = Cursor::from_text(next.as_str());
        let page = store.list_buildings(&acme(), after(2, &read_back)).await.unwrap();
        assert_eq!(page.items, [building("e"), building("f")]);
        let page = store.list_buildings(&acme(), after(2, &page.next.unwrap())).await.unwrap();
        assert_eq!((page.items, page.next), (vec![building("h")], None));
    })
    .await;
}

#[tokio::test]
async fn the_last_page_may_be_full_but_none_is_empty() {
    with_table(async |table| {
        let store = &table.store;
        let empty = store.list_buildings(&acme(), PageRequest::first(2)).await.unwrap();
        assert_eq!((empty.items.len(), empty.next), (0, None));
        for name in ["a", "b", "c", "d"] {
            store.put_building(&acme(), &building(name)).await.unwrap();
        }
        let first = store.list_buildings(&acme(), PageRequest::first(2)).await.unwrap();
        let second = store.list_buildings(&acme(), after(2, &first.next.unwrap())).await.unwrap();
        assert_eq!((second.items.len(), second.next), (2, None));
        let none_wanted = store.list_buildings(&acme(), PageRequest::first(0)).await.unwrap();
        assert_eq!(none_wanted.items.len(), 1, "a limit of 0 counts as 1");
        let all_wanted = store.list_buildings(&acme(), PageRequest::first(u32::MAX)).await.unwrap();
        assert_eq!(all_wanted.items.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_cursor_is_refused_by_every_other_list() {
    with_table(async |table| {
        let store = &table.store;
        let other = TenantId::parse("acme-2").unwrap();
        for name in ["a", "b"] {
            store.put_building(&acme(), &building(name)).await.unwrap();
            store.put_building(&other, &building(name)).await.unwrap();
            for space in ["1", "2"] {
                store.put_floor(&acme(), &floor(name, space)).await.unwrap();
                store.put_space(&acme(), &draft(name, None, space)).await.unwrap();
            }
        }
        let first = PageRequest::first(1);
        let buildings = store.list_buildings(&acme(), first.clone()).await.unwrap().next.unwrap();
        let floors = store.list_floors(&acme(), &building_id("a"), first.clone()).await.unwrap().next.unwrap();
        let refused = [
            store.list_buildings(&other, after(1, &buildings)).await.err(),
            store.list_sensors(&acme(), after(1, &buildings)).await.err(),
            store.list_subscriptions(&acme(), after(1, &buildings)).await.err(),
            store.list_floors(&acme(), &building_id("b"), after(1, &floors)).await.err(),
            store.list_spaces(&acme(), &building_id("a"), after(1, &floors)).await.err(),
            store.list_buildings(&acme(), after(1, &Cursor::from_text("tampered"))).await.err(),
        ];
        for error in refused {
            assert!(matches!(error, Some(ListError::InvalidCursor)), "{error:?}");
        }
        assert!(store.list_buildings(&acme(), after(1, &buildings)).await.is_ok());
    })
    .await;
}
