//! The attempt log, the counts and the markers.

use crate::table::{Fault, with_table};
use crate::things::{acme, at, subscription_id, subscription_key};
use futures::future::join_all;
use jiff::Timestamp;
use spacehook_domain::attempt::{Attempt, Logged, Outcome};
use spacehook_domain::event::EventType;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::ids::{EventId, Sequence, SubscriptionKey};
use spacehook_domain::retry::AttemptNumber;
use spacehook_domain::stats::{BucketStart, Counts, Dropped};
use spacehook_store::{AttemptFilter, Failing, Page, PageRequest, RecordedAttempt, RecordedDrop};
use uuid::Uuid;

fn attempt(started_at: Timestamp, failed_with: Option<u16>) -> Attempt {
    Attempt {
        event_id: EventId::at(Timestamp::UNIX_EPOCH, &[7; 32]),
        revision: 1,
        sequence: Sequence(1),
        superseded: None,
        space: None,
        sensor_group: None,
        event_type: EventType::SpaceReport,
        trace_id: None,
        number: AttemptNumber::FIRST,
        started_at,
        duration_ms: 40,
        freshness_ms: 900,
        outcome: match failed_with {
            None => Outcome::Accepted { status: 204 },
            Some(status) => Outcome::Failed {
                reason: FailureReason::HttpStatus { status },
                status: Some(status),
                answer: Some("no".to_owned()),
            },
        },
    }
}

pub(crate) fn recorded(subscription: u128, second: i64, failed_with: Option<u16>) -> RecordedAttempt {
    RecordedAttempt {
        tenant: acme(),
        subscription: subscription_id(subscription),
        enabled_since: at(-3_600),
        attempt: attempt(at(second), failed_with),
    }
}

/// Ids that sort in the order they are drawn, as version 7 does.
pub(crate) fn log_ids() -> impl FnMut() -> Uuid {
    let mut last = 0_u128;
    move || {
        last += 1;
        Uuid::from_u128(last)
    }
}

fn listed(items: &[Logged]) -> Vec<Attempt> {
    items.iter().map(|one| one.attempt.clone()).collect()
}

fn first_bucket() -> BucketStart {
    BucketStart::holding(at(-86_400))
}

#[tokio::test]
async fn sixty_attempts_are_recorded_in_few_requests() {
    with_table(async |table| {
        let store = &table.store;
        // Two subscriptions; the second fails. 60 attempts in 60 s: one quarter of an hour.
        let attempts: Vec<_> =
            (0..60).map(|n| recorded(1 + u128::from(n % 2 == 1), i64::from(n), (n % 2 == 1).then_some(503))).collect();
        let (done, requests) = table.requests(store.record_attempts(&attempts, &[], &[], log_ids())).await;
        done.unwrap();
        // 25 + 25 + 10; counts of two subscriptions and one marker.
        assert_eq!(requests, "BatchWriteItem 3, UpdateItem 3");

        for (subscription, reason) in [(1, None), (2, Some("http_503"))] {
            let id = subscription_id(subscription);
            let page = store.list_attempts(&acme(), &id, PageRequest::first(100)).await.unwrap();
            let expected: Vec<_> =
                attempts.iter().rev().filter(|one| one.subscription == id).map(|one| one.attempt.clone()).collect();
            assert_eq!(listed(&page.items), expected, "the newest first");
            assert!(page.items.iter().rev().is_sorted_by_key(|one| &one.id));
            let first = &page.items[0];
            assert_eq!(store.attempt(&acme(), &id, &first.id).await.unwrap().as_ref(), Some(&first.attempt));
            let mut counts = Counts::default();
            for one in &expected {
                counts.add(one);
            }
            let buckets = store.buckets(&acme(), &id, first_bucket()).await.unwrap();
            assert_eq!(buckets.len(), 1);
            assert_eq!(buckets[0].counts, counts);
            assert_eq!((buckets[0].start.start(), buckets[0].enabled_since), (at(0), at(-3_600)));
            assert_eq!(counts.reasons.keys().next().map(String::as_str), reason);
        }
        let pk = format!("D#acme#{}", subscription_id(1));
        for sk in table.sort_keys(&pk).await {
            let days = if sk.starts_with("ATT#") { 7 } else { 8 };
            let expires_at = table.raw_number(&pk, &sk, "expires_at").await.unwrap();
            let base = if sk.starts_with("ATT#") { expires_at - days * 86_400 } else { at(0).as_second() };
            assert_eq!(expires_at, base + days * 86_400);
            assert!((0..60).contains(&(base - at(0).as_second())), "{sk}");
        }
    })
    .await;
}

#[tokio::test]
async fn attempts_are_listed_the_newest_first_by_page() {
    with_table(async |table| {
        let store = &table.store;
        // Three of one millisecond among them.
        let attempts: Vec<_> = [0, 5, 5, 5, 9, 2_000].map(|second| recorded(1, second, None)).into();
        store.record_attempts(&attempts, &[], &[], log_ids()).await.unwrap();
        let (mut seen, mut request) = (Vec::new(), PageRequest::first(2));
        loop {
            let page = store.list_attempts(&acme(), &subscription_id(1), request).await.unwrap();
            seen.extend(page.items.iter().map(|one| one.attempt.started_at));
            // A newer one, recorded meanwhile, does not move what is still to come.
            store.record_attempts(&[recorded(1, 3_000, None)], &[], &[], || Uuid::from_u128(99)).await.unwrap();
            let Some(next) = page.next else { break };
            request = PageRequest { limit: 2, cursor: Some(next) };
        }
        assert_eq!(seen, [2_000, 9, 5, 5, 5, 0].map(at));
    })
    .await;
}

#[tokio::test]
async fn counts_of_many_writers_add_up_by_quarter_and_enabling() {
    with_table(async |table| {
        let store = &table.store;
        let batches: Vec<_> =
            (0..20).map(|n| [recorded(1, n, None), recorded(1, n, Some(500)), recorded(1, n + 900, None)]).collect();
        for done in join_all(batches.iter().enumerate().map(|(n, batch)| {
            let mut next = u128::try_from(n).unwrap() * 10;
            store.record_attempts(batch, &[], &[], move || {
                next += 1;
                Uuid::from_u128(next)
            })
        }))
        .await
        {
            done.unwrap();
        }
        let enabled_anew = RecordedAttempt { enabled_since: at(100), ..recorded(1, 101, Some(404)) };
        store.record_attempts(&[enabled_anew], &[], &[], log_ids()).await.unwrap();

        let buckets = store.buckets(&acme(), &subscription_id(1), first_bucket()).await.unwrap();
        let seen: Vec<_> = buckets
            .iter()
            .map(|one| {
                (one.start.start(), one.enabled_since, one.counts.attempts, one.counts.successes, one.counts.failures)
            })
            .collect();
        assert_eq!(
            seen,
            [(at(0), at(-3_600), 40, 20, 20), (at(0), at(100), 1, 0, 1), (at(900), at(-3_600), 20, 20, 0)]
        );
        let of_quarter = store.buckets(&acme(), &subscription_id(1), BucketStart::holding(at(900))).await.unwrap();
        assert_eq!(of_quarter.len(), 1);
        assert!(store.buckets(&acme(), &subscription_id(2), first_bucket()).await.unwrap().is_empty());
    })
    .await;
}

fn dropped(subscription: u128, second: i64, why: Dropped, count: u64) -> RecordedDrop {
    RecordedDrop {
        subscription: SubscriptionKey { tenant: acme(), id: subscription_id(subscription) },
        since: at(-3_600),
        at: at(second),
        why,
        count,
    }
}

#[tokio::test]
async fn drops_are_counted_with_the_attempts_of_their_quarter() {
    with_table(async |table| {
        let store = &table.store;
        let drops = [
            dropped(1, 10, Dropped::Superseded, 40),
            dropped(1, 20, Dropped::Superseded, 2),
            dropped(1, 30, Dropped::Dead, 1),
            dropped(1, 900, Dropped::Expired, 7),
            dropped(2, 10, Dropped::BacklogFull, 3),
        ];
        let (done, requests) =
            table.requests(store.record_attempts(&[recorded(1, 5, None)], &drops, &[], log_ids())).await;
        done.unwrap();
        // The log; counts of two quarters of one subscription, and of one of the other.
        assert_eq!(requests, "BatchWriteItem 1, UpdateItem 3");
        let all = Dropped::ALL.map(|why| dropped(2, 11, why, 1));
        store.record_attempts(&[], &all, &[], log_ids()).await.unwrap();

        let counts = async |subscription: u128| -> Vec<Counts> {
            let id = subscription_id(subscription);
            let buckets = store.buckets(&acme(), &id, first_bucket()).await.unwrap();
            buckets.into_iter().map(|bucket| bucket.counts).collect()
        };
        let of_first = counts(1).await;
        assert_eq!(of_first.iter().map(|counts| counts.attempts).collect::<Vec<_>>(), [1, 0]);
        assert_eq!(of_first[0].dropped, [(Dropped::Superseded, 42), (Dropped::Dead, 1)].into());
        assert_eq!(of_first[1].dropped, [(Dropped::Expired, 7)].into());
        let of_second = counts(2).await;
        let expected = Dropped::ALL.map(|why| (why, if why == Dropped::BacklogFull { 4 } else { 1 }));
        assert_eq!(of_second[0].dropped, expected.into());
        assert!(store.failing_subscriptions().await.unwrap().is_empty(), "a drop is no failure");
        let (done, requests) = table.requests(store.record_attempts(&[], &[], &[], log_ids())).await;
        done.unwrap();
        assert_eq!(requests, "");
    })
    .await;
}

#[tokio::test]
async fn who_fails_is_marked_once_a_quarter_by_each_process() {
    with_table(async |table| {
        let store = &table.store;
        let failing = async || {
            let mut failing: Vec<_> = store
                .failing_subscriptions()
                .await
                .unwrap()
                .into_iter()
                .map(|failing| failing.subscription.id)
                .collect();
            failing.sort();
            failing
        };
        assert!(failing().await.is_empty());
        let requests = async |attempt: RecordedAttempt| {
            let (done, requests) = table.requests(store.record_attempts(&[attempt], &[], &[], log_ids())).await;
            done.unwrap();
            requests
        };
        assert_eq!(requests(recorded(1, 0, None)).await, "BatchWriteItem 1, UpdateItem 1");
        assert!(failing().await.is_empty());
        assert_eq!(requests(recorded(1, 1, Some(500))).await, "BatchWriteItem 1, UpdateItem 2");
        assert_eq!(requests(recorded(1, 2, Some(500))).await, "BatchWriteItem 1, UpdateItem 1", "marked already");
        assert_eq!(requests(recorded(1, 900, Some(500))).await, "BatchWriteItem 1, UpdateItem 2", "a new quarter");
        for number in 2..20 {
            store.record_attempts(&[recorded(number, 0, Some(500))], &[], &[], log_ids()).await.unwrap();
        }
        assert_eq!(failing().await, (1..20).map(subscription_id).collect::<Vec<_>>());
        let (_, requests) = table.requests(store.failing_subscriptions()).await;
        assert_eq!(requests, "Query 8");

        let marked = store.failing_subscriptions().await.unwrap();
        let read = |n| marked.iter().find(|it| it.subscription == subscription_key(n)).unwrap();
        let older = Failing { failed_at: at(-9), ..read(3).clone() };
        store.clear_failing(&older).await.unwrap();
        table.other_process().clear_failing(read(1)).await.unwrap();
        store.clear_failing(read(2)).await.unwrap();
        assert_eq!(failing().await, (3..20).map(subscription_id).collect::<Vec<_>>());
        // Who cleared it marks it anew at once; others with the next quarter.
        store
            .record_attempts(&[recorded(2, 3, Some(500)), recorded(1, 1_800, Some(500))], &[], &[], log_ids())
            .await
            .unwrap();
        assert_eq!(failing().await, (1..20).map(subscription_id).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn items_left_out_are_sent_again() {
    with_table(async |table| {
        let attempts: Vec<_> = (0..30).map(|n| recorded(1, n, None)).collect();
        table.fault("BatchWriteItem", Fault::LeftOut);
        table.fault("BatchWriteItem", Fault::LeftOut);
        let (done, requests) = table.requests(table.store.record_attempts(&attempts, &[], &[], log_ids())).await;
        done.unwrap();
        assert_eq!(requests, "BatchWriteItem 4, UpdateItem 1");
        let page = table.store.list_attempts(&acme(), &subscription_id(1), PageRequest::first(100)).await.unwrap();
        assert_eq!(page.items.len(), 30);
    })
    .await;
}

#[tokio::test]
async fn a_mark_that_was_not_made_is_made_with_the_next_failure() {
    with_table(async |table| {
        const DENIED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","message":"no"}"#;
        // The first UpdateItem is the counter's, the second the marker's.
        table.fault("UpdateItem", Fault::Answer(400, DENIED));
        table.fault("UpdateItem", Fault::Answer(400, DENIED));
        let error = table.store.record_attempts(&[recorded(1, 0, Some(500))], &[], &[], log_ids()).await.unwrap_err();
        assert_eq!(error.to_string(), "record attempts: AccessDeniedException: no");
        assert!(!error.is_throttled());
        let page = table.store.list_attempts(&acme(), &subscription_id(1), PageRequest::first(10)).await.unwrap();
        assert_eq!(page.items.len(), 1, "the other requests were made");
        table.store.record_attempts(&[recorded(1, 1, Some(500))], &[], &[], log_ids()).await.unwrap();
        let failing = table.store.failing_subscriptions().await.unwrap();
        assert_eq!(failing, [Failing { subscription: subscription_key(1), failed_at: at(1), warning: None }]);
    })
    .await;
}

#[tokio::test]
async fn a_filtered_page_looks_through_a_thousand_at_most() {
    with_table(async |table| {
        let (store, id) = (&table.store, subscription_id(1));
        // Every 400th fails; one a second.
        let attempts: Vec<_> = (0..2_600).map(|n| recorded(1, n, (n % 400 == 399).then_some(503))).collect();
        store.record_attempts(&attempts, &[], &[], log_ids()).await.unwrap();
        let failed = |attempt: &Attempt| !attempt.outcome.is_accepted();
        let filter = AttemptFilter { name: "failed".to_owned(), ..AttemptFilter::default() };
        let (mut found, mut request, mut pages) = (Vec::new(), PageRequest::first(2), 0);
        loop {
            let page = store.find_attempts(&acme(), &id, &filter, &failed, request).await.unwrap();
            found.extend(page.items.iter().map(|one| one.attempt.started_at));
            pages += 1;
            let Some(next) = page.next else { break };
            // Not of another filter's list.
            let other = AttemptFilter { name: "accepted".to_owned(), ..AttemptFilter::default() };
            let mixed_up = PageRequest { limit: 2, cursor: Some(next.clone()) };
            assert!(store.find_attempts(&acme(), &id, &other, &failed, mixed_up).await.is_err());
            request = PageRequest { limit: 2, cursor: Some(next) };
        }
        assert_eq!(found, [2_399, 1_999, 1_599, 1_199, 799, 399].map(at));
        assert!(pages >= 3, "{pages}");

        let none = |_: &Attempt| false;
        let acme_id = acme();
        let work = store.find_attempts(&acme_id, &id, &filter, &none, PageRequest::first(2));
        let (page, requests) = table.requests(work).await;
        let page = page.unwrap();
        assert_eq!((page.items.len(), page.next.is_some(), requests.as_str()), (0, true, "Query 4"));

        // A time: from the first second that is named on, before the last.
        let filter = AttemptFilter { since: Some(at(10)), until: Some(at(13)), name: String::new() };
        let page = store.find_attempts(&acme(), &id, &filter, &|_| true, PageRequest::first(2)).await.unwrap();
        assert_eq!(page.items.iter().map(|one| one.attempt.started_at).collect::<Vec<_>>(), [12, 11].map(at));
        let rest = PageRequest { limit: 2, cursor: page.next };
        let page = store.find_attempts(&acme(), &id, &filter, &|_| true, rest).await.unwrap();
        assert_eq!((page.items.len(), page.items[0].attempt.started_at, page.next), (1, at(10), None));

        // A time that ends before it begins has none.
        let filter = AttemptFilter { since: Some(at(13)), until: Some(at(10)), name: String::new() };
        let work = store.find_attempts(&acme_id, &id, &filter, &none, PageRequest::first(2));
        let (page, requests) = table.requests(work).await;
        assert_eq!((page.unwrap(), requests.as_str()), (Page { items: Vec::new(), next: None }, ""));
    })
    .await;
}
