//! What health is to look at, found by the index and nothing else.

use crate::table::with_table;
use crate::things::{acme, at, space_id, subscription, subscription_key};
use spacehook_domain::backlog::{Backlog, Change};
use spacehook_domain::event::EventType::SpaceReport;
use spacehook_domain::failure_rate::Warning;
use spacehook_domain::ids::SensorGroupId;
use spacehook_domain::notice::{Happened, Notice};
use spacehook_domain::observed::ObservedId;
use spacehook_domain::space_state::SpaceState;
use spacehook_domain::subscription::DisabledReason;
use spacehook_store::{Failing, Saved};
use std::collections::BTreeSet;

#[tokio::test]
async fn spaces_are_found_when_they_are_due_and_others_cost_nothing() {
    with_table(async |table| {
        let store = &table.store;
        let save = async |space, version, due_at| {
            let saved = store.save_state(&acme(), space_id(space), version, &SpaceState::default(), &[], due_at).await;
            assert_eq!(saved.unwrap(), Saved::Yes);
        };
        for space in 1..=200 {
            save(space, 0, Some(at(3_600))).await;
        }
        save(201, 0, None).await;
        save(7, 1, Some(at(100))).await;
        save(8, 1, Some(at(101))).await;
        let due = async |second, most| {
            let found = store.due_states(at(second), most).await.unwrap();
            found
                .into_iter()
                .map(|(tenant, of)| (tenant.to_string(), of.space_number().unwrap()))
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(due(99, 9).await, BTreeSet::new());
        let group = ObservedId::Group(SensorGroupId(7));
        let saved = store.save_state(&acme(), group, 0, &SpaceState::default(), &[], Some(at(98))).await.unwrap();
        assert_eq!((saved, store.due_states(at(98), 9).await.unwrap()), (Saved::Yes, vec![(acme(), group)]));
        store.set_due(&acme(), group, 1, None).await.unwrap();
        let acme = |space| (acme().to_string(), space);
        assert_eq!(due(100, 9).await, [acme(7)].into());
        assert_eq!(due(3_599, 9).await, [acme(7), acme(8)].into());
        assert_eq!(due(3_600, 250).await.len(), 200);
        assert_eq!(due(3_600, 2).await.len(), 16, "two of each shard");
        let (_, requests) = table.requests(store.due_states(at(99), 9)).await;
        assert_eq!(requests, "Query 8");
        assert_eq!(store.stored_state(&crate::things::acme(), space_id(7)).await.unwrap().due_at, Some(at(100)));
    })
    .await;
}

#[tokio::test]
async fn when_a_space_is_due_is_set_for_the_version_that_was_read() {
    with_table(async |table| {
        let store = &table.store;
        let saved = store.save_state(&acme(), space_id(7), 0, &SpaceState::default(), &[], Some(at(50))).await;
        assert_eq!(saved.unwrap(), Saved::Yes);
        store.set_due(&acme(), space_id(7), 9, None).await.unwrap();
        store.set_due(&acme(), space_id(8), 1, Some(at(1))).await.unwrap();
        assert_eq!(store.due_states(at(50), 9).await.unwrap(), [(acme(), space_id(7))], "neither was this one");
        store.set_due(&acme(), space_id(7), 1, Some(at(60))).await.unwrap();
        assert_eq!(store.due_states(at(59), 9).await.unwrap(), []);
        store.set_due(&acme(), space_id(7), 1, None).await.unwrap();
        assert_eq!(store.due_states(at(9_999), 9).await.unwrap(), []);
        assert_eq!(store.stored_state(&acme(), space_id(7)).await.unwrap().version, 1);
    })
    .await;
}

#[tokio::test]
async fn backlogs_are_found_when_their_timer_is_lost() {
    with_table(async |table| {
        let store = &table.store;
        let put = async |number, backlog: Backlog| {
            let mut change = Change::of(subscription_key(number));
            change.set_backlog(None, backlog);
            assert_eq!(store.change_backlog(&change, at(0)).await.unwrap(), Saved::Yes);
        };
        put(1, Backlog { wake_at: Some(at(0)), ..Backlog::new(at(0)) }).await;
        put(2, Backlog { wake_at: Some(at(100)), ..Backlog::new(at(0)) }).await;
        put(3, Backlog { wake_at: None, ..Backlog::new(at(0)) }).await;
        assert_eq!(store.overdue_backlogs(at(179), 9).await.unwrap(), []);
        assert_eq!(store.overdue_backlogs(at(180), 9).await.unwrap(), [subscription_key(1)]);
        assert_eq!(store.overdue_backlogs(at(280), 9).await.unwrap().len(), 2);
        // A run sets the next timer.
        let read = store.backlog(&subscription_key(1)).await.unwrap().unwrap();
        let mut change = Change::of(subscription_key(1));
        change.set_backlog(Some(&read), Backlog { wake_at: Some(at(200)), ..read.clone() });
        assert_eq!(store.change_backlog(&change, at(180)).await.unwrap(), Saved::Yes);
        assert_eq!(store.overdue_backlogs(at(280), 9).await.unwrap(), [subscription_key(2)]);
    })
    .await;
}

#[tokio::test]
async fn a_warning_is_remembered_once_with_its_notice() {
    with_table(async |table| {
        let store = &table.store;
        let subject = subscription(1, "Kiosk", &[SpaceReport]);
        store.create_subscription(&subject).await.unwrap();
        let recorded = crate::attempts::recorded(1, 1, Some(500));
        store.record_attempts(&[recorded], &[], &[], crate::attempts::log_ids()).await.unwrap();
        let [read] = store.failing_subscriptions().await.unwrap().try_into().unwrap();
        let warning = Warning { enabled_since: subject.created_at, is_failing: true, mailed_at: None };
        let notice = |second| Notice::new(Happened::Failing, at(second), subject.clone(), None, false);
        assert_eq!(store.warn(&read, &warning, &notice(1)).await.unwrap(), Saved::Yes);
        assert_eq!(store.warn(&read, &warning, &notice(2)).await.unwrap(), Saved::Conflict, "as it was read first");
        let [marked] = store.failing_subscriptions().await.unwrap().try_into().unwrap();
        assert_eq!(marked.warning, Some(warning));
        // A later failure keeps what is remembered.
        let later = crate::attempts::recorded(1, 2_000, Some(500));
        table.other_process().record_attempts(&[later], &[], &[], crate::attempts::log_ids()).await.unwrap();
        let marked = Failing { failed_at: at(2_000), ..marked };
        assert_eq!(store.failing_subscriptions().await.unwrap(), std::slice::from_ref(&marked));
        let well = Warning { is_failing: false, ..warning };
        let changed = Notice { subscription: subject.disabled(at(2), DisabledReason::ByRequest), ..notice(5) };
        assert_eq!(store.warn(&marked, &well, &changed).await.unwrap(), Saved::Conflict, "the subscription is another");
        assert_eq!(store.warn(&marked, &well, &notice(3)).await.unwrap(), Saved::Yes);
        assert_eq!(store.list_notices().await.unwrap().len(), 2);
        // What has been forgotten is not made again.
        store.clear_failing(&marked).await.unwrap();
        assert_eq!(store.warn(&marked, &well, &notice(4)).await.unwrap(), Saved::Conflict);
        assert_eq!(store.failing_subscriptions().await.unwrap(), []);
    })
    .await;
}
