//! Records of tenants, and what they mean to the tenant's own item.

use crate::table::with_table;
use crate::things::{acme, at, subscription};
use spacehook_domain::event::EventType::SpaceReport;
use spacehook_domain::ids::TenantId;
use spacehook_domain::tenant::{Limits, Status, Tenant};
use spacehook_store::{ChangeError, PageRequest, Saved};

fn id(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn made(name: &str) -> Tenant {
    Tenant::unrecorded(id(name)).changed(at(0), |tenant| tenant.created_at = Some(at(0)))
}

fn suspended(tenant: &Tenant) -> Tenant {
    tenant.changed(at(1), |it| it.status = Status::Suspended { since: at(1), reason: None })
}

#[tokio::test]
async fn a_record_is_changed_by_who_read_it_and_a_suspension_is_seen_by_all() {
    with_table(async |table| {
        let store = &table.store;
        let tenant = made("acme");
        let (saved, requests) = table.requests(store.put_tenant(&tenant)).await;
        assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Yes, "TransactWriteItems 1"));
        assert_eq!(store.put_tenant(&tenant).await.unwrap(), Saved::Conflict, "it is there");
        assert_eq!(store.tenant(&acme()).await.unwrap(), Some(tenant.clone()));
        store.create_subscription(&subscription(1, "a", &[SpaceReport])).await.unwrap();

        let off = suspended(&tenant);
        assert_eq!(store.put_tenant(&off).await.unwrap(), Saved::Yes);
        assert_eq!(store.put_tenant(&off).await.unwrap(), Saved::Conflict, "somebody else was faster");
        let overview = store.tenant_overview(&acme()).await.unwrap();
        assert!(overview.is_suspended && overview.subscribed.is_empty(), "{overview:?}");
        let on = off.changed(at(2), |it| it.status = Status::Active);
        assert_eq!(store.put_tenant(&on).await.unwrap(), Saved::Yes);
        let overview = store.tenant_overview(&acme()).await.unwrap();
        assert!(!overview.is_suspended && overview.subscribed.contains(&SpaceReport), "{overview:?}");
    })
    .await;
}

#[tokio::test]
async fn a_tenant_has_as_many_subscriptions_as_its_record_says() {
    with_table(async |table| {
        let store = &table.store;
        let small =
            made("acme").changed(at(0), |it| it.limits = Limits { subscriptions: 2, requests_per_minute: None });
        let small = Tenant { revision: 1, ..small };
        assert_eq!(store.put_tenant(&small).await.unwrap(), Saved::Yes);
        let one = |number: u128| subscription(number, &format!("s{number}"), &[SpaceReport]);
        for number in 1..=2 {
            store.create_subscription(&one(number)).await.unwrap();
        }
        let refused = store.create_subscription(&one(3)).await;
        assert!(matches!(refused, Err(ChangeError::TenantFull(2))), "{refused:?}");
        assert_eq!(store.tenant_usage(&acme()).await.unwrap().subscriptions, 2);
        store.delete_subscription(&one(1)).await.unwrap();
        store.create_subscription(&one(3)).await.unwrap();
        let larger = small.changed(at(1), |it| it.limits.subscriptions = 3);
        assert_eq!(store.put_tenant(&larger).await.unwrap(), Saved::Yes);
        store.create_subscription(&one(4)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_first_tenant_is_listed_once_whether_it_is_recorded_or_not() {
    with_table(async |table| {
        let store = &table.store;
        let first = Tenant::unrecorded(id("m"));
        for (place, name) in ["a", "b", "n", "z"].into_iter().enumerate() {
            let tenant = made(name);
            assert_eq!(store.put_tenant(&tenant).await.unwrap(), Saved::Yes);
            if place % 2 == 1 {
                assert_eq!(store.put_tenant(&suspended(&tenant)).await.unwrap(), Saved::Yes);
            }
        }
        let all = async |limit: u32, wanted: fn(&Tenant) -> bool| {
            let (mut names, mut request) = (Vec::new(), PageRequest::first(limit));
            loop {
                let page = store.list_tenants(&request, &first, wanted).await.unwrap();
                assert!(page.items.len() <= limit as usize);
                names.extend(page.items.iter().map(|tenant| tenant.id.to_string()));
                match page.next {
                    Some(next) => request.cursor = Some(next),
                    None => return names.concat(),
                }
            }
        };
        for limit in 1..=6 {
            assert_eq!(all(limit, |_| true).await, "abmnz", "{limit}");
            assert_eq!(all(limit, Tenant::is_suspended).await, "bz", "{limit}");
            assert_eq!(all(limit, |it| !it.is_suspended()).await, "amn", "{limit}");
        }
        assert_eq!(store.put_tenant(&made("m")).await.unwrap(), Saved::Yes);
        for limit in 1..=6 {
            assert_eq!(all(limit, |_| true).await, "abmnz", "{limit}");
        }
    })
    .await;
}
