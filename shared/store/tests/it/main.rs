//! The store against a real `DynamoDB` API: the one that `SPACEHOOK_TEST_DYNAMODB` names, such as
//! `http://127.0.0.1:4566` of the local cloud. Without it every test is skipped, and says so.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod activity;
mod api_keys;
mod attempts;
mod backlog;
mod contacts;
mod dead;
mod due;
mod event_types;
mod faults;
mod idempotency;
mod jobs;
mod kept_events;
mod lists;
mod permits;
mod profiles;
mod raw_payloads;
mod registry;
mod request_rates;
mod search;
mod sensor_groups;
mod sensors;
mod states;
mod subscriptions;
mod table;
mod tenancy;
mod things;

/// Every future of the store can be moved between threads, which the runtimes of Lambda ask for.
#[test]
fn futures_can_be_spawned() {
    fn sendable<T: Send>(_: impl Fn(spacehook_store::Store) -> T) {}
    sendable(|store| async move {
        let tenant = things::acme();
        let page = || spacehook_store::PageRequest::first(1);
        let one = things::subscription(1, "a", &[]);
        let draft = things::draft("a", None, "b");
        let _ = store.record_attempts(&[], &[], &[], uuid::Uuid::now_v7).await;
        let _ = store.failing_subscriptions().await;
        let _ = store.buckets(&tenant, &one.id, spacehook_domain::stats::BucketStart::holding(things::at(0))).await;
        let _ = store.list_attempts(&tenant, &one.id, page()).await;
        let _ = store.create_subscription(&one).await;
        let _ = store.update_subscription(&one, &one).await;
        let _ = store.matching_subscriptions(&tenant, spacehook_domain::event::EventType::SpaceReport).await;
        let _ = store.put_space_with_sensors(&tenant, &draft, &std::collections::BTreeMap::new()).await;
        let _ = store.put_sensor(&tenant, &things::sensor("s", "a", "b")).await;
        let _ = store.delete_space(&tenant, &draft.key()).await;
        let change = spacehook_domain::backlog::Change::of(one.key());
        let new = spacehook_domain::backlog::Backlog::new(things::at(0));
        let _ = store.standings(&[]).await;
        let _ = store.lanes(&one.key()).await;
        let _ = store.waiting(&one.key(), things::stream(1), 1).await;
        let _ = store.change_backlog(&change, things::at(0)).await;
        let _ = store.replay(&change, &[], things::at(0)).await;
        let _ = store.enable_subscription(&one, &one, None, new, None, things::at(0)).await;
        let _ = store.list_notices().await;
        let search = spacehook_domain::subscription::search::Search::default();
        let _ = store.find_subscriptions(&tenant, &search, spacehook_store::PageRequest::first(1)).await;
        let _ = store.subscription_health(&one).await;
        let _ = store.purge_backlog(&one.key()).await;
        let _ = store.contacts(&tenant).await;
        let _ = store.put_contacts(&tenant, &spacehook_store::Contacts::default()).await;
        let first = spacehook_domain::tenant::Tenant::unrecorded(tenant.clone());
        let _ = store.put_tenant(&first).await;
        let _ = store.list_tenants(&page(), &first, |_| true).await;
        let _ = store.count_request(&tenant, "k", spacehook_domain::request_rate::Minute(0)).await;
        let (place, claim) = (idempotency::place("k"), idempotency::claim(1, "{}", 0));
        let _ = store.claim_request(&place, &claim).await;
        let _ = store.end_request(&place, &claim, &spacehook_domain::idempotency::Ended::Unanswered).await;
        let name = spacehook_domain::event::CustomType::parse("a").unwrap();
        let _ = store.event_types(&tenant).await;
        let _ = store.event_type_version(&tenant, name, 1).await;
        let _ = store.placement(&tenant, &things::sensor_id("s")).await;
    });
}
