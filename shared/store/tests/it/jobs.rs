//! Jobs.

use crate::table::with_table;
use crate::things::{at, event, stream, subscription, subscription_key};
use spacehook_domain::backlog::{Backlog, Change, Dead, KeptKey};
use spacehook_domain::event::EventType;
use spacehook_domain::ids::JobId;
use spacehook_domain::job::{Job, JobCounts, JobKey, JobState, Progress, Work};
use spacehook_domain::retry::DeadBecause;
use spacehook_store::{Advanced, JobMade, PageRequest, Saved};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use uuid::Uuid;

fn job(number: u128) -> Job {
    let key = JobKey { subscription: subscription_key(1), id: JobId::from_uuid(Uuid::from_u128(number)) };
    Job::new(key, Work::Dead { died_before: at(1_000) }, None, at(0))
}

fn dead(sequence: u64, second: i64) -> Dead {
    let because = DeadBecause::AttemptsExhausted;
    Dead { event: event(7, sequence), died_at: at(second), because, reason: None, attempts: 8 }
}

#[tokio::test]
async fn five_at_most_are_not_finished() {
    with_table(async |table| {
        let store = &table.store;
        for number in 1..=5 {
            assert_eq!(store.create_job(&job(number)).await.unwrap(), JobMade::Yes);
        }
        let (made, requests) = table.requests(store.create_job(&job(6))).await;
        assert_eq!((made.unwrap(), requests.as_str()), (JobMade::TooMany, "TransactWriteItems 1"));
        assert_eq!(store.job(&job(6).key).await.unwrap(), None);
        let ended = job(3).ended(JobState::Cancelled, None, at(5));
        assert_eq!(store.save_job(&job(3), &ended).await.unwrap(), Saved::Yes);
        assert_eq!(store.save_job(&job(3), &ended).await.unwrap(), Saved::Conflict, "it is not as it was read");
        assert_eq!(store.create_job(&job(6)).await.unwrap(), JobMade::Yes);
        let listed = store.list_jobs(&subscription_key(1), PageRequest::first(2)).await.unwrap();
        assert_eq!(listed.items, [job(6), job(5)], "the newest first");
        assert!(listed.next.is_some());
        assert_eq!(store.job(&ended.key).await.unwrap(), Some(ended));
    })
    .await;
}

#[tokio::test]
async fn a_job_is_due_until_it_ends() {
    with_table(async |table| {
        let store = &table.store;
        assert_eq!(store.create_job(&job(1)).await.unwrap(), JobMade::Yes);
        assert_eq!(store.overdue_jobs(at(179), 10).await.unwrap(), []);
        assert_eq!(store.overdue_jobs(at(181), 10).await.unwrap(), [job(1).key]);
        let later = job(1).waiting(Duration::from_mins(5), true, at(0));
        assert_eq!(store.save_job(&job(1), &later).await.unwrap(), Saved::Yes);
        assert_eq!(store.overdue_jobs(at(181), 10).await.unwrap(), []);
        let ended = later.ended(JobState::Done, None, at(9));
        assert_eq!(store.save_job(&later, &ended).await.unwrap(), Saved::Yes);
        assert_eq!(store.overdue_jobs(at(100_000), 10).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_part_of_a_job_is_done_and_noted_or_neither() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        store.create_subscription(&subscription(1, "a", &[EventType::SpaceReport])).await.unwrap();
        assert_eq!(store.create_job(&job(1)).await.unwrap(), JobMade::Yes);
        let all = [dead(1, 0), dead(2, 5), dead(3, 5), dead(4, 2_000)];
        let mut change = Change::of(of.clone());
        change.bury = all.to_vec();
        assert_eq!(store.change_backlog(&change, at(0)).await.unwrap(), Saved::Yes);

        let mut change = Change::of(of.clone());
        change.set_backlog(None, Backlog::new(at(10)));
        let events = [event(7, 1), event(7, 2)];
        change.put_again(&events, &[], &BTreeMap::new(), at(10));
        let progress = Progress::Dead { died_at: at(5), event_id: event(7, 2).id };
        let counts = JobCounts { examined: 2, matched: 2, enqueued: 2, ..JobCounts::default() };
        let advanced = job(1).advanced(progress, counts, at(10));
        let first = job(1);
        let work = store.advance_job(&first, &advanced, &change, &all[..2], at(10));
        let (done, requests) = table.requests(work).await;
        assert_eq!((done.unwrap(), requests.as_str()), (Advanced::Yes, "TransactWriteItems 1"));
        assert_eq!(store.job(&job(1).key).await.unwrap(), Some(advanced.clone()));
        let waits = store.waiting(&of, stream(7), 9).await.unwrap();
        assert_eq!(
            waits.iter().map(|kept| (kept.event.sequence.0, kept.replayed)).collect::<Vec<_>>(),
            [(1, true), (2, true)]
        );
        assert_eq!(store.list_dead(&of, PageRequest::first(9)).await.unwrap().items.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_part_of_a_job_is_done_only_as_it_was_read() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        store.create_subscription(&subscription(1, "a", &[EventType::SpaceReport])).await.unwrap();
        let first = job(1);
        assert_eq!(store.create_job(&first).await.unwrap(), JobMade::Yes);
        let mut change = Change::of(of.clone());
        change.put_again(&[event(7, 1), event(7, 2)], &[], &BTreeMap::new(), at(10));
        let counts = JobCounts { examined: 2, ..JobCounts::default() };
        let advanced = first.advanced(Progress::Nothing, counts, at(10));
        assert_eq!(store.advance_job(&first, &advanced, &change, &[], at(10)).await.unwrap(), Advanced::Yes);
        // The same step again: it has been made.
        assert_eq!(store.advance_job(&first, &advanced, &change, &[], at(10)).await.unwrap(), Advanced::Overtaken);
        // As the lane was before it.
        let next = advanced.advanced(Progress::Nothing, counts, at(11));
        assert_eq!(store.advance_job(&advanced, &next, &change, &[], at(11)).await.unwrap(), Advanced::Conflict);
        let (nothing, gone) = (Change::of(of.clone()), [dead(1, 0)]);
        assert_eq!(store.advance_job(&advanced, &next, &nothing, &gone, at(11)).await.unwrap(), Advanced::Gone);
        assert_eq!(store.job(&first.key).await.unwrap(), Some(advanced));
        assert_eq!(store.lanes(&of).await.unwrap()[0].count, 2);

        let asked = [1, 2, 3].map(|sequence| KeptKey::of(&event(7, sequence)));
        let places = BTreeSet::from(asked);
        let (found, requests) = table.requests(store.waiting_among(&of, &places)).await;
        assert_eq!((found.unwrap(), requests.as_str()), (BTreeSet::from([asked[0], asked[1]]), "BatchGetItem 1"));
        assert_eq!(store.waiting_among(&of, &BTreeSet::new()).await.unwrap(), BTreeSet::new());
    })
    .await;
}

#[tokio::test]
async fn the_dead_are_read_the_first_to_die_first() {
    with_table(async |table| {
        let (store, of) = (&table.store, subscription_key(1));
        let all = [dead(1, 0), dead(2, 5), dead(3, 6), dead(4, 2_000)];
        let mut change = Change::of(of.clone());
        change.bury = all.to_vec();
        assert_eq!(store.change_backlog(&change, at(0)).await.unwrap(), Saved::Yes);
        let (oldest, requests) = table.requests(store.oldest_dead(&of, None, at(1_000), 2)).await;
        assert_eq!((oldest.unwrap(), requests.as_str()), (all[..2].to_vec(), "Query 1"));
        let after = Some((all[1].died_at, &all[1].event.id));
        assert_eq!(store.oldest_dead(&of, after, at(1_000), 9).await.unwrap(), all[2..3]);
    })
    .await;
}
