//! Subscriptions found by what they want and how they do, in pages of bounded cost.

use crate::attempts::{log_ids, recorded};
use crate::table::{Table, with_table};
use crate::things::{acme, at, building_id, subscription};
use spacehook_domain::backlog::{Backlog, Change};
use spacehook_domain::event::EventType::{SpaceAvailability, SpaceReport};
use spacehook_domain::failure_rate::Warning;
use spacehook_domain::notice::{Happened, Notice};
use spacehook_domain::subscription::search::{Health, Search};
use spacehook_domain::subscription::{Activity, DisabledReason, Subscription};
use spacehook_store::{Cursor, ListError, Page, PageRequest, Saved};

fn after(limit: u32, cursor: Cursor) -> PageRequest {
    PageRequest { limit, cursor: Some(cursor) }
}

fn names(page: &Page<(Subscription, Health)>) -> Vec<&str> {
    page.items.iter().map(|(one, _)| one.name.as_str()).collect()
}

fn disabled(one: Subscription) -> Subscription {
    Subscription { activity: Activity::Disabled { since: at(0), reason: DisabledReason::ByRequest }, ..one }
}

/// Has a subscription told to be failing, or to have recovered.
async fn warn(table: &Table, of: &Subscription, is_failing: bool) {
    let number = uuid::Uuid::parse_str(of.id.as_str().trim_start_matches("sub_")).unwrap().as_u128();
    table.store.record_attempts(&[recorded(number, 60, Some(500))], &[], &[], log_ids()).await.unwrap();
    let read = table.store.failing_subscriptions().await.unwrap();
    let read = read.into_iter().find(|one| one.subscription == of.key()).unwrap();
    let warning = Warning { enabled_since: of.activity.since(), is_failing, mailed_at: None };
    let notice = Notice::new(Happened::Failing, at(60), of.clone(), None, false);
    assert_eq!(table.store.warn(&read, &warning, &notice).await.unwrap(), Saved::Yes);
}

#[tokio::test]
async fn how_each_is_doing_costs_the_same_for_a_whole_page() {
    with_table(async |table| {
        let store = &table.store;
        let all = [1, 2, 3, 4, 5].map(|number| subscription(number, &number.to_string(), &[SpaceReport]));
        let [well, waits, fails, recovered, off] = all;
        let off = disabled(off);
        for one in [&well, &waits, &fails, &recovered, &off] {
            store.create_subscription(one).await.unwrap();
        }
        let mut change = Change::of(waits.key());
        change.set_backlog(None, Backlog::new(at(0)));
        assert_eq!(store.change_backlog(&change, at(0)).await.unwrap(), Saved::Yes);
        warn(table, &fails, true).await;
        warn(table, &recovered, false).await;

        let (page, requests) =
            table.requests(store.find_subscriptions(&acme(), &Search::default(), PageRequest::first(100))).await;
        assert_eq!(requests, "BatchGetItem 1, GetItem 1, Query 1");
        let doing: Vec<_> = page.unwrap().items.into_iter().map(|(_, health)| health).collect();
        assert_eq!(doing, [Health::Healthy, Health::Waiting, Health::Failing, Health::Healthy, Health::Disabled]);
        for (health, expected) in [(Health::Failing, "3"), (Health::Waiting, "2"), (Health::Disabled, "5")] {
            let search = Search { health: Some(health), ..Search::default() };
            let page = store.find_subscriptions(&acme(), &search, PageRequest::first(9)).await.unwrap();
            assert_eq!(names(&page), [expected]);
        }
        let (health, requests) = table.requests(store.subscription_health(&fails)).await;
        assert_eq!((health.unwrap(), requests.as_str()), (Health::Failing, "BatchGetItem 1, GetItem 1"));
        let (health, requests) = table.requests(store.subscription_health(&recovered)).await;
        assert_eq!((health.unwrap(), requests.as_str()), (Health::Healthy, "GetItem 1"));
        let (health, requests) = table.requests(store.subscription_health(&off)).await;
        assert_eq!((health.unwrap(), requests.as_str()), (Health::Disabled, ""));
    })
    .await;
}

#[tokio::test]
async fn a_search_by_type_reads_those_of_the_type_alone() {
    with_table(async |table| {
        let store = &table.store;
        for number in 1..=6 {
            let types = if number % 2 == 0 { &[SpaceReport, SpaceAvailability][..] } else { &[SpaceReport][..] };
            store.create_subscription(&subscription(number, &number.to_string(), types)).await.unwrap();
        }
        let search = Search { event_type: Some(SpaceAvailability), ..Search::default() };
        let first = store.find_subscriptions(&acme(), &search, PageRequest::first(2)).await.unwrap();
        assert_eq!(names(&first), ["2", "4"]);
        let next = first.next.unwrap();
        let rest = store.find_subscriptions(&acme(), &search, after(2, next.clone())).await.unwrap();
        assert_eq!((names(&rest), rest.next.is_none()), (vec!["6"], true));
        let elsewhere = Search { building_ref_id: Some(building_id("other")), ..search };
        let none = store.find_subscriptions(&acme(), &elsewhere, PageRequest::first(2)).await.unwrap();
        assert!(names(&none).is_empty());
        let other_filters = [
            elsewhere,
            Search { event_type: Some(SpaceReport), ..Search::default() },
            Search { enabled: Some(true), ..Search::default() },
            Search::default(),
        ];
        for search in other_filters {
            let refused = store.find_subscriptions(&acme(), &search, after(2, next.clone())).await;
            assert!(matches!(refused, Err(ListError::InvalidCursor)), "{search:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_looks_at_a_thousand_at_most_and_goes_on_there() {
    with_table(async |table| {
        let store = &table.store;
        // The last of many, and one that is found at once.
        let one = subscription(1, "needle first", &[SpaceReport]);
        store.create_subscription(&one).await.unwrap();
        table.copy_subscription(&one, 2..=2_100, |number| format!("hay {number}")).await;
        let last = subscription(9_999, "needle last", &[SpaceReport]);
        store.create_subscription(&last).await.unwrap();

        let search = Search { text: Some("NEEDLE".to_owned()), ..Search::default() };
        let (mut request, mut found, mut pages) = (PageRequest::first(10), Vec::new(), 0);
        loop {
            let (page, requests) = table.requests(store.find_subscriptions(&acme(), &search, request)).await;
            let page = page.unwrap();
            let queries: usize = requests.rsplit(' ').next().unwrap().parse().unwrap();
            assert!(queries <= 6, "{requests}");
            pages += 1;
            found.extend(names(&page).into_iter().map(str::to_owned));
            let Some(cursor) = page.next else { break };
            request = after(10, cursor);
        }
        assert_eq!((pages, found), (3, vec!["needle first".to_owned(), "needle last".to_owned()]));
    })
    .await;
}
