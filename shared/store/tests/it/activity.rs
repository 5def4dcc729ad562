//! Enabling with a backlog, disabling with a notice, and what the tenant knows of both.

use crate::table::{Table, with_table};
use crate::things::{acme, at, subscription, subscription_id};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use spacehook_domain::backlog::{Backlog, Change};
use spacehook_domain::event::EventType::{self, SpaceAvailability, SpaceReport};
use spacehook_domain::notice::{Happened, MailState, Notice};
use spacehook_domain::subscription::{Activity, DisabledReason, Subscription, SubscriptionName};
use spacehook_store::{ChangeError, Saved, StoredNotice};
use std::collections::BTreeSet;

fn disabled(number: u128) -> Subscription {
    let activity = Activity::Disabled { since: at(50), reason: DisabledReason::ByRequest };
    Subscription { activity, ..subscription(number, "Kiosk", &[SpaceReport, SpaceAvailability]) }
}

fn enabled(before: &Subscription) -> Subscription {
    Subscription {
        activity: Activity::Enabled { since: at(200) },
        updated_at: at(200),
        revision: before.revision + 1,
        ..before.clone()
    }
}

fn draining() -> Backlog {
    let mut backlog = Backlog::new(at(200));
    backlog.drain(at(200));
    backlog
}

/// A subscription as each of its places has it.
async fn everywhere(table: &Table, id: u128) -> Subscription {
    let stored = table.store.subscription(&acme(), &subscription_id(id)).await.unwrap().unwrap();
    for event_type in &stored.event_types {
        let matched = table.store.matching_subscriptions(&acme(), *event_type).await.unwrap();
        assert!(matched.contains(&stored));
    }
    stored
}

#[tokio::test]
async fn enabling_puts_a_backlog_and_notes_it_in_one_transaction() {
    with_table(async |table| {
        let store = &table.store;
        let before = disabled(1);
        store.create_subscription(&before).await.unwrap();
        let after = enabled(&before);
        let (saved, requests) =
            table.requests(store.enable_subscription(&before, &after, None, draining(), None, at(200))).await;
        assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Yes, "TransactWriteItems 1"));
        assert_eq!(everywhere(table, 1).await, after);
        let made = store.backlog(&before.key()).await.unwrap().unwrap();
        assert_eq!(made, draining());
        let overview = store.tenant_overview(&acme()).await.unwrap();
        assert_eq!((overview.version, overview.backlogs), (2, [before.id.clone()].into()));

        // Once more, over the backlog that is there.
        let later = Subscription { name: SubscriptionName::parse("Renamed").unwrap(), ..enabled(&after) };
        let other = Backlog { ticket: 9, ..draining() };
        let saved = store.enable_subscription(&after, &later, Some(&made), other, None, at(300)).await.unwrap();
        assert_eq!(saved, Saved::Yes);
        let replaced = store.backlog(&before.key()).await.unwrap().unwrap();
        assert_eq!((replaced.ticket, replaced.version), (9, made.version + 1));
        assert_eq!(everywhere(table, 1).await, later);
    })
    .await;
}

#[tokio::test]
async fn enabling_changes_nothing_where_backlog_or_subscription_is_another() {
    with_table(async |table| {
        let store = &table.store;
        let before = disabled(1);
        store.create_subscription(&before).await.unwrap();
        let mut change = Change::of(before.key());
        change.set_backlog(None, Backlog::new(at(100)));
        assert_eq!(store.change_backlog(&change, at(100)).await.unwrap(), Saved::Yes);
        let stored = store.backlog(&before.key()).await.unwrap().unwrap();
        let (after, older) = (enabled(&before), Backlog { version: stored.version - 1, ..stored.clone() });
        for read in [None, Some(&older)] {
            let saved = store.enable_subscription(&before, &after, read, draining(), None, at(200)).await.unwrap();
            assert_eq!(saved, Saved::Conflict);
        }
        let changed = enabled(&after);
        let stale = store.enable_subscription(&after, &changed, Some(&stored), draining(), None, at(200)).await;
        assert!(matches!(stale, Err(ChangeError::Conflict)), "the subscription comes first: {stale:?}");
        assert_eq!(everywhere(table, 1).await, before);
        assert_eq!(store.backlog(&before.key()).await.unwrap().unwrap(), stored);
    })
    .await;
}

/// The notice of a disabling that a mail tells of too.
fn gone(before: &Subscription, second: i64) -> Notice {
    let disabled = before.disabled(at(second), DisabledReason::Gone);
    Notice::new(Happened::Disabled, at(second), disabled, None, true)
}

#[tokio::test]
async fn a_subscription_is_disabled_once_with_exactly_one_notice() {
    with_table(async |table| {
        let store = &table.store;
        let before = subscription(1, "Kiosk", &[SpaceReport, SpaceAvailability]);
        store.create_subscription(&before).await.unwrap();
        let notices: Vec<Notice> = (0..20).map(|n| gone(&before, 100 + n)).collect();
        let saved = join_all(notices.iter().map(|notice| store.disable(&before, notice))).await;
        let saved: Vec<Saved> = saved.into_iter().map(Result::unwrap).collect();
        let winner = saved.iter().position(|saved| *saved == Saved::Yes).unwrap();
        assert_eq!(saved.iter().filter(|saved| **saved == Saved::Yes).count(), 1);
        let after = everywhere(table, 1).await;
        assert_eq!(after, notices[winner].subscription);
        assert_eq!(store.tenant_overview(&acme()).await.unwrap().version, 2);
        // Not again, as it is now.
        let (saved, requests) = table.requests(store.disable(&after, &gone(&after, 300))).await;
        assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Conflict, ""));

        let (listed, requests) = table.requests(store.list_notices()).await;
        let listed = listed.unwrap();
        assert_eq!(requests, "Query 8");
        assert_eq!(listed, [StoredNotice { version: 1, notice: notices[winner].clone() }]);
        assert_eq!(store.notice(&notices[winner].id()).await.unwrap().as_ref(), listed.first());
    })
    .await;
}

#[tokio::test]
async fn a_notice_is_claimed_by_one_and_goes_when_it_is_told() {
    with_table(async |table| {
        let store = &table.store;
        let before = subscription(1, "Kiosk", &[SpaceReport]);
        store.create_subscription(&before).await.unwrap();
        assert_eq!(store.disable(&before, &gone(&before, 100)).await.unwrap(), Saved::Yes);
        let [stored] = store.list_notices().await.unwrap().try_into().unwrap();
        let sending =
            Notice { mail: MailState::Sending { until: at(900) }, to_publish: false, ..stored.notice.clone() };
        let claims = join_all((0..10).map(|_| store.update_notice(&stored, &sending))).await;
        assert_eq!(claims.into_iter().map(Result::unwrap).filter(|saved| *saved == Saved::Yes).count(), 1);
        let claimed = store.notice(&stored.notice.id()).await.unwrap().unwrap();
        assert_eq!(claimed, StoredNotice { version: 2, notice: sending.clone() });
        // One that can't be read, of an older release say, keeps nobody from being told.
        let attribute = |value: &str| AttributeValue::S(value.to_owned());
        let unreadable = [("pk", attribute("NOTICE#0")), ("sk", attribute("x")), ("document", attribute("{}"))];
        table.put_raw(unreadable).await;
        assert_eq!(store.list_notices().await.unwrap(), std::slice::from_ref(&claimed));
        let told = Notice { mail: MailState::Done, ..sending };
        assert_eq!(store.update_notice(&stored, &told).await.unwrap(), Saved::Conflict, "as it was read first");
        assert_eq!(store.update_notice(&claimed, &told).await.unwrap(), Saved::Yes);
        assert_eq!(store.update_notice(&claimed, &told).await.unwrap(), Saved::Conflict, "it is gone");
        assert!(store.list_notices().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn each_change_has_its_own_notice() {
    with_table(async |table| {
        let store = &table.store;
        let mut expected = Vec::new();
        for number in 1..=12 {
            let name = SubscriptionName::parse(format!("n{number}")).unwrap();
            let one = Subscription { name, ..subscription(number, "x", &[SpaceReport]) };
            store.create_subscription(&one).await.unwrap();
            assert_eq!(store.disable(&one, &gone(&one, 100)).await.unwrap(), Saved::Yes);
            expected.push(gone(&one, 100));
        }
        // The first is enabled, and disabled once more, before anybody was told.
        let again = enabled(&expected[0].subscription);
        let news = Notice::new(Happened::Enabled, at(200), again.clone(), None, false);
        let saved =
            store.enable_subscription(&expected[0].subscription, &again, None, draining(), Some(&news), at(200));
        assert_eq!(saved.await.unwrap(), Saved::Yes);
        assert_eq!(store.disable(&again, &gone(&again, 300)).await.unwrap(), Saved::Yes);
        expected.extend([news, gone(&again, 300)]);
        let listed = store.list_notices().await.unwrap();
        let (of_first, requests) = table.requests(store.notices_of(&again.key())).await;
        let of_first = of_first.unwrap();
        assert_eq!((of_first.len(), requests.as_str()), (3, "Query 1"));
        assert!(of_first.is_sorted_by_key(|stored| stored.notice.at));
        let in_list: Vec<_> = listed.iter().filter(|it| it.notice.subscription.id == again.id).cloned().collect();
        assert_eq!(in_list, of_first, "in the same order among all");
        let mut notices: Vec<Notice> = listed.into_iter().map(|stored| stored.notice).collect();
        notices.sort_by_key(Notice::id);
        expected.sort_by_key(Notice::id);
        assert_eq!(notices, expected);
    })
    .await;
}

#[tokio::test]
async fn a_subscription_that_is_deleted_has_no_backlog_at_its_tenant() {
    with_table(async |table| {
        let store = &table.store;
        for number in [1, 2] {
            let name = SubscriptionName::parse(format!("n{number}")).unwrap();
            let before = Subscription { name, ..disabled(number) };
            store.create_subscription(&before).await.unwrap();
            let saved = store.enable_subscription(&before, &enabled(&before), None, draining(), None, at(200)).await;
            assert_eq!(saved.unwrap(), Saved::Yes);
        }
        let first = everywhere(table, 1).await;
        let (deleted, requests) = table.requests(store.delete_subscription(&first)).await;
        deleted.unwrap();
        assert_eq!(requests, "TransactWriteItems 1");
        let backlogs = store.tenant_overview(&acme()).await.unwrap().backlogs;
        assert_eq!(backlogs, [subscription_id(2)].into());
    })
    .await;
}

async fn count_at(table: &Table, reports: u64) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let count = AttributeValue::N(reports.to_string());
    table.put_raw([("pk", text("T#acme")), ("sk", text("TENANT")), ("n_space_report", count)]).await;
}

#[tokio::test]
async fn a_type_is_split_with_its_hundredth_subscription_and_for_good() {
    with_table(async |table| {
        let store = &table.store;
        let split = async || store.tenant_overview(&acme()).await.unwrap().split;
        let names = |types: &[EventType]| types.iter().copied().collect::<BTreeSet<_>>();
        count_at(table, 98).await;
        let both = [SpaceReport, SpaceAvailability];
        let (first, second) = (subscription(1, "a", &both), subscription(2, "b", &both));
        let (created, requests) = table.requests(store.create_subscription(&first)).await;
        created.unwrap();
        assert_eq!(requests, "TransactWriteItems 1");
        assert_eq!(split().await, names(&[]));
        let (created, requests) = table.requests(store.create_subscription(&second)).await;
        created.unwrap();
        assert_eq!(requests, "GetItem 1, TransactWriteItems 2", "once, when it is reached");
        assert_eq!(split().await, names(&[SpaceReport]));
        assert_eq!(table.raw_number("T#acme", "TENANT", "n_space_report").await, Some(100));
        assert_eq!(table.raw_number("T#acme", "TENANT", "version").await, Some(2));

        let third = subscription(3, "c", &[SpaceReport]);
        let (created, requests) = table.requests(store.create_subscription(&third)).await;
        created.unwrap();
        assert_eq!(requests, "TransactWriteItems 1");
        for one in [&first, &second, &third] {
            store.delete_subscription(one).await.unwrap();
        }
        assert_eq!(split().await, names(&[SpaceReport]), "for good");
    })
    .await;
}

#[tokio::test]
async fn a_type_is_split_also_by_changes_and_by_many_at_once() {
    with_table(async |table| {
        let store = &table.store;
        count_at(table, 90).await;
        let before: Vec<_> = (1..=20)
            .map(|number| {
                let name = SubscriptionName::parse(format!("n{number}")).unwrap();
                Subscription { name, ..subscription(number, "x", &[SpaceAvailability]) }
            })
            .collect();
        for one in &before {
            store.create_subscription(one).await.unwrap();
        }
        let changes: Vec<_> = before
            .iter()
            .map(|before| {
                let event_types = [SpaceReport, SpaceAvailability].into();
                (before, Subscription { event_types, revision: 2, ..before.clone() })
            })
            .collect();
        for done in join_all(changes.iter().map(|(before, after)| store.update_subscription(before, after))).await {
            done.unwrap();
        }
        let overview = store.tenant_overview(&acme()).await.unwrap();
        assert_eq!(overview.split, [SpaceReport].into());
        assert_eq!(table.raw_number("T#acme", "TENANT", "n_space_report").await, Some(110));
    })
    .await;
}
