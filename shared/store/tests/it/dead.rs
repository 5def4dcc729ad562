//! Dead deliveries, listed and replayed.

use crate::table::{Table, with_table};
use crate::things::{at, event, kept, stream, subscription_key};
use futures::future::join_all;
use spacehook_domain::backlog::{Backlog, Change, Dead, Kept, Lane};
use spacehook_domain::failure::FailureReason;
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::retry::DeadBecause;
use spacehook_store::{PageRequest, Replayed, Saved};
use std::collections::BTreeSet;

fn dead(sequence: u64, second: i64) -> Dead {
    Dead {
        event: event(7, sequence),
        died_at: at(second),
        because: DeadBecause::AttemptsExhausted,
        reason: Some(FailureReason::from_http_status(503)),
        attempts: 8,
    }
}

async fn bury(table: &Table, of: &SubscriptionKey, bury: &[Dead]) {
    let mut change = Change::of(of.clone());
    change.bury = bury.to_vec();
    assert_eq!(table.store.change_backlog(&change, at(0)).await.unwrap(), Saved::Yes);
}

#[tokio::test]
async fn the_dead_are_listed_the_last_first_and_found_by_their_event() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        // Two in one millisecond; the event of the first died again.
        let all = [dead(1, 0), dead(2, 5), dead(3, 5), dead(4, 86_400), dead(1, 90_000)];
        bury(table, &of, &all).await;
        bury(table, &subscription_key(2), &[dead(9, 7)]).await;
        // What waits is no part of the list.
        let mut change = Change::of(of.clone());
        change.put = vec![kept(7, 1)];
        assert_eq!(store.change_backlog(&change, at(0)).await.unwrap(), Saved::Yes);

        let mut listed = Vec::new();
        let mut request = PageRequest::first(2);
        loop {
            let (page, requests) = table.requests(store.list_dead(&of, request)).await;
            assert_eq!(requests, "Query 1");
            let page = page.unwrap();
            listed.extend(page.items);
            // One that dies meanwhile does not move what is still to come.
            bury(table, &of, &[dead(50, 100_000)]).await;
            let Some(cursor) = page.next else { break };
            request = PageRequest { limit: 2, cursor: Some(cursor) };
        }
        assert_eq!(listed.iter().map(|dead| dead.died_at).collect::<Vec<_>>(), [90_000, 86_400, 5, 5, 0].map(at));
        assert!(listed.iter().all(|one| all.contains(one)));

        let (found, requests) = table.requests(store.dead(&of, &event(7, 1).id)).await;
        assert_eq!((found.unwrap(), requests.as_str()), (Some(dead(1, 90_000)), "Query 1"));
        assert_eq!(store.dead(&of, &event(7, 2).id).await.unwrap(), Some(dead(2, 5)));
        assert_eq!(store.dead(&of, &event(7, 9).id).await.unwrap(), None, "another subscription's");
        let sk = format!("DEAD#{:015}#{}", at(5).as_millisecond(), event(7, 2).id);
        let expires_at = table.raw_number(&format!("B#acme#{}", of.id), &sk, "expires_at").await;
        assert_eq!(expires_at, Some(at(5).as_second() + 7 * 86_400));
    })
    .await;
}

#[tokio::test]
async fn a_dead_delivery_is_found_behind_pages_of_others() {
    with_table(async |table| {
        let of = subscription_key(1);
        bury(table, &of, &[dead(1, 0)]).await;
        for second in 1..=6 {
            let mut large = dead(2, second);
            large.event.data = "x".repeat(300_000).into();
            bury(table, &of, &[large]).await;
        }
        let (found, requests) = table.requests(table.store.dead(&of, &event(7, 1).id)).await;
        assert_eq!((found.unwrap(), requests.as_str()), (Some(dead(1, 0)), "Query 2"));
        assert_eq!(table.store.dead(&of, &event(7, 3).id).await.unwrap(), None);
    })
    .await;
}

/// The change that has a delivery wait again, as it is now.
async fn replay(table: &Table, of: &SubscriptionKey, one: &Dead) -> Change {
    let wanted = [(of.clone(), BTreeSet::from([stream(7)]))];
    let read = table.store.standings(&wanted).await.unwrap().remove(0);
    let mut change = Change::of(of.clone());
    let lane = read.lanes.first();
    let mut new = lane.cloned().unwrap_or_else(|| Lane::new(stream(7), at(200)));
    new.count += 1;
    change.set_lane(lane, new);
    change.set_backlog(read.backlog.as_ref(), read.backlog.clone().unwrap_or_else(|| Backlog::new(at(200))));
    change.put = vec![Kept { event: one.event.clone(), kept_at: at(200), replayed: true }];
    change
}

#[tokio::test]
async fn a_replay_takes_a_delivery_from_the_dead_once() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        let both = [dead(1, 0), dead(2, 5)];
        bury(table, &of, &both).await;
        let change = replay(table, &of, &both[0]).await;
        let (done, requests) = table.requests(store.replay(&change, &both[..1], at(200))).await;
        assert_eq!((done.unwrap(), requests.as_str()), (Replayed::Yes, "TransactWriteItems 1"));
        assert_eq!(store.waiting(&of, stream(7), 9).await.unwrap(), change.put);
        assert_eq!(store.list_dead(&of, PageRequest::first(9)).await.unwrap().items, both[1..]);
        let overview = store.tenant_overview(&of.tenant).await.unwrap();
        assert!(overview.backlogs.contains(&of.id));

        // The same again, and together with one that is there: nothing happens.
        let again = replay(table, &of, &both[0]).await;
        assert_eq!(store.replay(&again, &both[..1], at(200)).await.unwrap(), Replayed::Gone);
        assert_eq!(store.replay(&again, &both, at(200)).await.unwrap(), Replayed::Gone);
        // As the lane was before the first.
        let stale = Change { put: replay(table, &of, &both[1]).await.put, ..change };
        assert_eq!(store.replay(&stale, &both[1..], at(200)).await.unwrap(), Replayed::Conflict);
        assert_eq!(store.list_dead(&of, PageRequest::first(9)).await.unwrap().items, both[1..]);
        assert_eq!(store.waiting(&of, stream(7), 9).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn of_concurrent_replays_one_is_done() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        let one = dead(1, 0);
        bury(table, &of, std::slice::from_ref(&one)).await;
        let change = replay(table, &of, &one).await;
        let done = join_all((0..8).map(|_| store.replay(&change, std::slice::from_ref(&one), at(200)))).await;
        assert_eq!(done.iter().filter(|one| matches!(one, Ok(Replayed::Yes))).count(), 1, "{done:?}");
        assert!(done.iter().all(|one| matches!(one, Ok(Replayed::Yes | Replayed::Gone))), "{done:?}");
        let lanes = store.lanes(&of).await.unwrap();
        assert_eq!(lanes.iter().map(|lane| lane.count).collect::<Vec<_>>(), [1]);
    })
    .await;
}

#[tokio::test]
async fn a_replay_too_large_for_a_transaction_is_refused() {
    with_table(async |table| {
        let of = subscription_key(1);
        let many: Vec<Dead> = (1..=60).map(|sequence| dead(sequence, 0)).collect();
        bury(table, &of, &many).await;
        let mut change = replay(table, &of, &many[0]).await;
        change.put = many.iter().map(|one| Kept { event: one.event.clone(), kept_at: at(9), replayed: true }).collect();
        let error = table.store.replay(&change, &many, at(200)).await.unwrap_err();
        assert!(error.exceeds_transaction(), "{error}");
        assert_eq!(table.store.list_dead(&of, PageRequest::first(100)).await.unwrap().items.len(), 60);
    })
    .await;
}

#[tokio::test]
async fn what_a_deleted_subscription_left_behind_goes_step_by_step() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        let backlog = Backlog::new(at(0));
        for first in [1, 51, 101] {
            let mut change = Change::of(of.clone());
            change.put = (first..first + 50).map(|sequence| kept(7, sequence)).collect();
            change.bury = (first..first + 40).map(|sequence| dead(sequence, 0)).collect();
            assert_eq!(store.change_backlog(&change, at(0)).await.unwrap(), Saved::Yes);
        }
        let mut change = Change::of(of.clone());
        change.set_backlog(None, backlog.clone());
        change.set_lane(None, Lane::new(stream(7), at(0)));
        assert_eq!(store.change_backlog(&change, at(0)).await.unwrap(), Saved::Yes);
        bury(table, &subscription_key(2), &[dead(9, 7)]).await;

        let mut steps = Vec::new();
        loop {
            let (is_done, requests) = table.requests(store.purge_backlog(&of)).await;
            steps.push(requests);
            if is_done.unwrap() {
                break;
            }
        }
        assert_eq!(steps, ["BatchWriteItem 4, Query 1", "BatchWriteItem 4, Query 1", "BatchWriteItem 3, Query 1"]);
        assert_eq!(table.sort_keys(&format!("B#acme#{}", of.id)).await, ["BACKLOG"], "it goes by a change");
        assert_eq!(store.backlog(&of).await.unwrap(), Some(backlog));
        let (is_done, requests) = table.requests(store.purge_backlog(&of)).await;
        assert_eq!((is_done.unwrap(), requests.as_str()), (true, "Query 1"));
        let others = store.list_dead(&subscription_key(2), PageRequest::first(9)).await.unwrap();
        assert_eq!(others.items.len(), 1, "another's stay");
    })
    .await;
}
