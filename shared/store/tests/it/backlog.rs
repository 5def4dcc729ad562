//! Backlogs: what is read of them, and changes that happen as a whole or not at all.

use crate::table::{Fault, Table, with_table};
use crate::things::{acme, at, event, kept, stream, subscription_key};
use futures::future::join_all;
use spacehook_domain::backlog::{Backlog, Change, Kept, KeptKey, Lane};
use spacehook_domain::ids::{Sequence, SubscriptionKey};
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::BacklogMode;
use spacehook_store::{PageRequest, Saved, Standing, Store};
use std::collections::BTreeSet;

const CONFLICT: &str = concat!(
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","#,
    r#""CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict","Message":"busy"}]}"#
);
const DAY_S: i64 = 86_400;

/// The change of a first failure: backlog, note, lane and deliveries are made.
fn first_failure(of: &SubscriptionKey, space: u64, sequences: &[u64]) -> Change {
    let mut change = Change::of(of.clone());
    change.set_backlog(None, Backlog::new(at(100)));
    let mut lane = Lane::new(stream(space), at(100));
    lane.count = sequences.len().try_into().unwrap();
    change.set_lane(None, lane);
    change.put = sequences.iter().map(|sequence| kept(space, *sequence)).collect();
    change
}

async fn standing(store: &Store, of: &SubscriptionKey, spaces: &[u64]) -> Standing {
    let spaces: BTreeSet<Stream> = spaces.iter().copied().map(stream).collect();
    store.standings(&[(of.clone(), spaces)]).await.unwrap().remove(0)
}

async fn done(store: &Store, change: &Change) {
    assert_eq!(store.change_backlog(change, at(100)).await.unwrap(), Saved::Yes);
}

fn sequences(waiting: &[Kept]) -> Vec<u64> {
    waiting.iter().map(|kept| kept.event.sequence.0).collect()
}

#[tokio::test]
async fn a_first_failure_is_one_transaction_and_reads_back_as_it_was() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        assert_eq!(standing(store, &of, &[7]).await, Standing::default());
        assert_eq!(store.backlog(&of).await.unwrap(), None);
        let change = first_failure(&of, 7, &[4, 5]);
        let (saved, requests) = table.requests(store.change_backlog(&change, at(100))).await;
        assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Yes, "TransactWriteItems 1"));

        let backlog = change.backlog.clone().unwrap().new.unwrap();
        let lane = change.lanes[0].1.new.clone().unwrap();
        let (read, requests) = table.requests(standing(store, &of, &[7, 8])).await;
        assert_eq!(read, Standing { backlog: Some(backlog.clone()), lanes: vec![lane.clone()] });
        assert_eq!(requests, "BatchGetItem 1");
        let (read, requests) = table.requests(store.backlog(&of)).await;
        assert_eq!((read.unwrap(), requests.as_str()), (Some(backlog), "GetItem 1"));
        let (read, requests) = table.requests(store.lanes(&of)).await;
        assert_eq!((read.unwrap(), requests.as_str()), (vec![lane], "Query 1"));
        let (read, requests) = table.requests(store.waiting(&of, stream(7), 10)).await;
        assert_eq!((read.unwrap(), requests.as_str()), (change.put.clone(), "Query 1"));
        assert_eq!(store.tenant_overview(&acme()).await.unwrap().backlogs, [of.id.clone()].into());
        assert_eq!(store.backlog(&subscription_key(2)).await.unwrap(), None, "another's");
    })
    .await;
}

#[tokio::test]
async fn a_change_of_what_is_not_as_it_was_read_does_nothing() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        done(store, &first_failure(&of, 7, &[4])).await;
        let before = table.sort_keys(&format!("B#acme#{}", of.id)).await;
        let read = standing(store, &of, &[7]).await;
        let (backlog, lane) = (read.backlog.unwrap(), read.lanes[0].clone());

        // Made again; a lane made again; an older version of the backlog, and of the lane.
        let mut of_lane = Change::of(of.clone());
        of_lane.set_lane(None, lane.clone());
        let mut older_backlog = Change::of(of.clone());
        older_backlog.set_backlog(Some(&Backlog { version: backlog.version - 1, ..backlog.clone() }), backlog.clone());
        let mut older_lane = Change::of(of.clone());
        older_lane.set_backlog(Some(&backlog), backlog.clone());
        older_lane.delete_lane(&Lane { version: lane.version + 1, ..lane.clone() });
        for mut change in [first_failure(&of, 7, &[9]), of_lane, older_backlog, older_lane] {
            change.put = vec![kept(7, 9)];
            change.delete = vec![KeptKey::of(&event(7, 4))];
            let refused = store.change_backlog(&change, at(200)).await.unwrap();
            assert_eq!(refused, Saved::Conflict, "{change:?}");
        }
        assert_eq!(table.sort_keys(&format!("B#acme#{}", of.id)).await, before);
        assert_eq!(standing(store, &of, &[7]).await, Standing { backlog: Some(backlog), lanes: vec![lane] });
    })
    .await;
}

#[tokio::test]
async fn a_change_of_one_item_is_a_plain_write() {
    Box::pin(with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        done(store, &first_failure(&of, 7, &[4])).await;
        let lane = standing(store, &of, &[7]).await.lanes.remove(0);
        let mut change = Change::of(of.clone());
        change.set_lane(Some(&lane), Lane { failures: 3, ..lane.clone() });
        let (saved, requests) = table.requests(store.change_backlog(&change, at(200))).await;
        assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Yes, "PutItem 1"));
        let (saved, requests) = table.requests(store.change_backlog(&change, at(200))).await;
        assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Conflict, "PutItem 1"));

        let lane = standing(store, &of, &[7]).await.lanes.remove(0);
        assert_eq!(lane.failures, 3);
        let mut change = Change::of(of.clone());
        change.delete_lane(&lane);
        let (saved, requests) = table.requests(store.change_backlog(&change, at(200))).await;
        assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Yes, "DeleteItem 1"));
        assert_eq!(store.change_backlog(&change, at(200)).await.unwrap(), Saved::Conflict);
        assert!(store.lanes(&of).await.unwrap().is_empty());
        let (saved, requests) = table.requests(store.change_backlog(&Change::of(of.clone()), at(200))).await;
        assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Yes, ""));
    }))
    .await;
}

#[tokio::test]
async fn the_note_at_the_tenant_goes_with_the_backlog() {
    with_table(async |table| {
        let store = &table.store;
        let of = [1, 2].map(subscription_key);
        for of in &of {
            done(store, &first_failure(of, 7, &[4])).await;
        }
        let backlogs = async || store.tenant_overview(&acme()).await.unwrap().backlogs;
        assert_eq!(backlogs().await, of.iter().map(|of| of.id.clone()).collect());
        for (gone, of) in of.iter().enumerate() {
            let backlog = store.backlog(of).await.unwrap().unwrap();
            let mut change = Change::of(of.clone());
            change.delete_backlog(&backlog);
            assert_eq!(store.change_backlog(&change, at(200)).await.unwrap(), Saved::Yes);
            assert_eq!(store.backlog(of).await.unwrap(), None);
            assert_eq!(backlogs().await.len(), 1 - gone);
            assert_eq!(store.change_backlog(&change, at(200)).await.unwrap(), Saved::Conflict, "it is gone");
        }
    })
    .await;
}

/// Appends an event to a lane as a dispatcher does, however often others are faster. Returns how often they were.
async fn append(store: &Store, of: &SubscriptionKey, sequence: u64) -> u32 {
    let event = event(7, sequence);
    for conflicts in 0.. {
        let read = standing(store, of, &[7]).await.lanes.pop();
        let mut lane = read.clone().unwrap_or_else(|| Lane::new(stream(7), at(100)));
        let appended = lane.append(&[&event], BacklogMode::All, at(100));
        let mut change = Change::of(of.clone());
        change.set_lane(read.as_ref(), lane);
        change.put = appended.put;
        if store.change_backlog(&change, at(100)).await.unwrap() == Saved::Yes {
            return conflicts;
        }
    }
    unreachable!()
}

#[tokio::test]
async fn concurrent_writers_of_a_lane_lose_nothing() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        let conflicts: u32 = join_all((1..=12).map(|sequence| append(store, &of, sequence))).await.iter().sum();
        assert!(conflicts > 0, "nobody met anybody");
        let lane = standing(store, &of, &[7]).await.lanes.remove(0);
        assert_eq!(lane.count, 12);
        assert_eq!(lane.version, Lane::new(stream(7), at(100)).version + 11, "one more with each change");
        assert_eq!(sequences(&store.waiting(&of, stream(7), 100).await.unwrap()), (1..=12).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn of_concurrent_claims_of_a_backlog_one_holds() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        // Making it, with a transaction.
        let changes: Vec<_> = (0..10).map(|n| first_failure(&of, n, &[n + 1])).collect();
        let made = join_all(changes.iter().map(|change| store.change_backlog(change, at(100)))).await;
        let made: Vec<Saved> = made.into_iter().map(Result::unwrap).collect();
        assert_eq!(made.iter().filter(|saved| **saved == Saved::Yes).count(), 1);
        assert_eq!(store.lanes(&of).await.unwrap().len(), 1, "nothing is left of who lost");

        // Leasing it, with a plain write.
        let read = store.backlog(&of).await.unwrap().unwrap();
        let claims: Vec<_> = (0..10)
            .map(|n| {
                let mut change = Change::of(of.clone());
                change.set_backlog(Some(&read), Backlog { lease_until: Some(at(145 + n)), ..read.clone() });
                change
            })
            .collect();
        let held = join_all(claims.iter().map(|claim| store.change_backlog(claim, at(100)))).await;
        let winners: Vec<usize> =
            held.iter().enumerate().filter(|(_, saved)| matches!(saved, Ok(Saved::Yes))).map(|(n, _)| n).collect();
        assert_eq!(winners.len(), 1);
        let holds = store.backlog(&of).await.unwrap().unwrap().lease_until;
        assert_eq!(holds, Some(at(145 + i64::try_from(winners[0]).unwrap())));
    })
    .await;
}

#[tokio::test]
async fn a_change_has_a_hundred_items_at_most_and_nothing_is_done_of_a_larger_one() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        // Backlog, note, lane and 97 deliveries.
        let fits = first_failure(&of, 7, &(1..=97).collect::<Vec<_>>());
        let other = subscription_key(2);
        let one_more = first_failure(&other, 7, &(1..=98).collect::<Vec<_>>());
        let (refused, requests) = table.requests(store.change_backlog(&one_more, at(100))).await;
        let error = refused.unwrap_err();
        assert!(error.exceeds_transaction() && !error.is_throttled() && !error.is_too_large(), "{error}");
        assert_eq!(requests, "", "it is known without asking");
        assert_eq!(store.backlog(&other).await.unwrap(), None);
        done(store, &fits).await;
        assert_eq!(store.waiting(&of, stream(7), 1_000).await.unwrap().len(), 97);

        let mut large = first_failure(&other, 7, &(1..=16).collect::<Vec<_>>());
        for kept in &mut large.put {
            kept.event.data = "x".repeat(250_000).into();
        }
        let error = store.change_backlog(&large, at(100)).await.unwrap_err();
        assert!(error.exceeds_transaction(), "{error}");
        large.put.pop();
        done(store, &large).await;
        let (waiting, requests) = table.requests(store.waiting(&other, stream(7), 1_000)).await;
        assert_eq!(waiting.unwrap(), large.put);
        assert_eq!(requests, "Query 4", "a page of DynamoDB's is a megabyte");
    })
    .await;
}

async fn many(table: &Table, subscriptions: u128) -> Vec<(SubscriptionKey, BTreeSet<Stream>)> {
    let changes: Vec<_> =
        (0..subscriptions).map(|n| first_failure(&subscription_key(n), u64::try_from(n).unwrap(), &[1])).collect();
    for saved in join_all(changes.iter().map(|change| table.store.change_backlog(change, at(100)))).await {
        assert_eq!(saved.unwrap(), Saved::Yes);
    }
    let wanted = |n| (subscription_key(n), BTreeSet::from([stream(u64::try_from(n).unwrap()), stream(999)]));
    (0..subscriptions).map(wanted).collect()
}

#[tokio::test]
async fn standings_are_read_by_the_hundred_and_answered_in_order() {
    with_table(async |table| {
        // 50 backlogs, a lane each, and a lane each that is not there: 150 keys.
        let mut wanted = many(table, 50).await;
        wanted.reverse();
        // Asked for twice, and not there at all.
        wanted.push(wanted[0].clone());
        wanted.push((subscription_key(777), BTreeSet::from([stream(1)])));
        let (standings, requests) = table.requests(table.store.standings(&wanted)).await;
        let standings = standings.unwrap();
        assert_eq!(requests, "BatchGetItem 2");
        assert_eq!(standings.len(), 52);
        for ((_, spaces), standing) in wanted.iter().zip(&standings).take(51) {
            assert!(standing.backlog.is_some());
            let lanes: Vec<Stream> = standing.lanes.iter().map(|lane| lane.stream).collect();
            assert_eq!(lanes, [*spaces.first().unwrap()]);
        }
        assert_eq!(standings[51], Standing::default());
        let (none, requests) = table.requests(table.store.standings(&[])).await;
        assert_eq!((none.unwrap(), requests.as_str()), (vec![], ""));
    })
    .await;
}

#[tokio::test]
async fn keys_left_out_are_asked_for_again() {
    with_table(async |table| {
        let wanted = many(table, 3).await;
        table.fault("BatchGetItem", Fault::LeftOut);
        table.fault("BatchGetItem", Fault::LeftOut);
        let (standings, requests) = table.requests(table.store.standings(&wanted)).await;
        assert_eq!(requests, "BatchGetItem 3");
        assert!(standings.unwrap().iter().all(|standing| standing.backlog.is_some() && standing.lanes.len() == 1));
        for _ in 0..9 {
            table.fault("BatchGetItem", Fault::LeftOut);
        }
        assert!(table.store.standings(&wanted).await.unwrap_err().is_throttled());
    })
    .await;
}

#[tokio::test]
async fn what_waits_is_in_order_and_of_its_own_lane() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        // Numbers that would sort otherwise as they are written: 9 and 10, 255 and 256, and spaces that begin alike.
        let mut change = Change::of(of.clone());
        for (space, sequence) in [(1, 256), (1, 9), (1, 10), (1, u64::MAX), (1, 255), (16, 1), (17, 1), (0, 1)] {
            change.put.push(kept(space, sequence));
        }
        done(store, &change).await;
        let waiting = async |space, most| sequences(&store.waiting(&of, stream(space), most).await.unwrap());
        assert_eq!(waiting(1, 10).await, [9, 10, 255, 256, u64::MAX]);
        assert_eq!(waiting(1, 2).await, [9, 10]);
        assert_eq!(waiting(1, 5).await.len(), 5);
        assert_eq!(waiting(1, 0).await, [0; 0]);
        assert_eq!(waiting(2, 10).await, [0; 0]);

        let mut listed = Vec::new();
        let mut request = PageRequest::first(3);
        loop {
            let page = store.list_kept(&of, None, request).await.unwrap();
            listed.extend(page.items.iter().map(|kept| KeptKey::of(&kept.event)));
            let Some(cursor) = page.next else { break };
            request = PageRequest { limit: 3, cursor: Some(cursor) };
        }
        assert_eq!(listed.len(), 8);
        assert!(listed.is_sorted());
        let of_space = store.list_kept(&of, Some(stream(1)), PageRequest::first(9)).await.unwrap();
        assert_eq!(sequences(&of_space.items), [9, 10, 255, 256, u64::MAX]);
        assert!(store.list_kept(&of, Some(stream(2)), PageRequest::first(9)).await.unwrap().items.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_is_put_and_deleted_is_put() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        let mut change = Change::of(of.clone());
        change.put = vec![kept(7, 4), kept(7, 4), kept(7, 5)];
        change.delete = vec![KeptKey::of(&event(7, 4)), KeptKey::of(&event(7, 3))];
        done(store, &change).await;
        assert_eq!(sequences(&store.waiting(&of, stream(7), 9).await.unwrap()), [4, 5]);
        let mut change = Change::of(of.clone());
        change.delete =
            [4, 5, 6].map(|sequence| KeptKey { sequence: Sequence(sequence), ..KeptKey::of(&event(7, 4)) }).to_vec();
        done(store, &change).await;
        assert!(store.waiting(&of, stream(7), 9).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn everything_expires_some_time_after_its_last_change() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        let made = first_failure(&of, 7, &[4]);
        assert_eq!(store.change_backlog(&made, at(500)).await.unwrap(), Saved::Yes);
        let pk = format!("B#acme#{}", of.id);
        let expires = async |sk: &str| table.raw_number(&pk, sk, "expires_at").await.unwrap() - 21 * DAY_S;
        let lane = "LANE#0000000000000007";
        assert_eq!(expires("BACKLOG").await, at(500).as_second());
        assert_eq!(expires(lane).await, at(500).as_second());
        // By when it began to wait, also where it is moved later.
        assert_eq!(expires("KEPT#0000000000000007#0000000000000004#space_report").await, at(100).as_second());
        let read = standing(store, &of, &[7]).await.lanes.remove(0);
        let mut change = Change::of(of);
        change.set_lane(Some(&read), read.clone());
        assert_eq!(store.change_backlog(&change, at(900)).await.unwrap(), Saved::Yes);
        assert_eq!(expires(lane).await, at(900).as_second());
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_no_harm_in_a_transaction_and_a_conflict_with_oneself_in_a_plain_write() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        table.fault("TransactWriteItems", Fault::Lost);
        let (saved, requests) = table.requests(store.change_backlog(&first_failure(&of, 7, &[4]), at(100))).await;
        assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Yes, "TransactWriteItems 2"));

        let read = store.backlog(&of).await.unwrap().unwrap();
        let mut change = Change::of(of.clone());
        change.set_backlog(Some(&read), Backlog { lease_until: Some(at(145)), ..read.clone() });
        table.fault("PutItem", Fault::Lost);
        assert_eq!(store.change_backlog(&change, at(100)).await.unwrap(), Saved::Conflict);
        let stored = store.backlog(&of).await.unwrap().unwrap();
        assert_eq!((stored.version, stored.lease_until), (read.version + 1, Some(at(145))));
    })
    .await;
}

#[tokio::test]
async fn a_change_in_conflict_with_another_is_repeated() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        for _ in 0..3 {
            table.fault("TransactWriteItems", Fault::Answer(400, CONFLICT));
        }
        let (saved, requests) = table.requests(store.change_backlog(&first_failure(&of, 7, &[4]), at(100))).await;
        assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Yes, "TransactWriteItems 4"));
    })
    .await;
}
