//! Kept events.

use crate::attempts::{log_ids, recorded};
use crate::table::{Table, with_table};
use crate::things::{acme, at, event};
use jiff::SignedDuration;
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::{Sequence, SpaceId, TenantId};
use spacehook_domain::kept_events::{KeptDays, Place, Position, Window, packs};
use spacehook_domain::stream::Stream;

fn event_at(sequence: u64, ms: i64) -> Event {
    let received_at = at(0) + SignedDuration::from_millis(ms);
    let stream = Stream::of_space(SpaceId(7));
    let id = Event::derived_id(&acme(), stream, EventType::SpaceReport, Sequence(sequence), received_at);
    Event { id, received_at, ..event(7, sequence) }
}

async fn keep(table: &Table, events: &[Event]) {
    let packs = packs(events, KeptDays::default());
    table.store.record_attempts(&[], &[], &packs, log_ids()).await.unwrap();
}

async fn all(table: &Table, window: Window, most: usize) -> (Vec<Event>, usize) {
    let (mut found, mut scans) = (Vec::new(), 0);
    let mut position = Some(Position::start(window));
    while let Some(from) = position.take() {
        let scanned = table.store.kept_events(&acme(), window, &from, most).await.unwrap();
        found.extend(scanned.events().cloned());
        position = scanned.next();
        scans += 1;
        assert!(scans < 100, "it does not come to an end");
    }
    (found, scans)
}

#[tokio::test]
async fn packs_are_written_with_the_attempts_and_found_again() {
    with_table(async |table| {
        let events: Vec<Event> = (0..10).map(|n| event_at(n, i64::try_from(n).unwrap() * 700)).collect();
        let attempts: Vec<_> = (0..10).map(|n| recorded(1, n, None)).collect();
        let packs = packs(&events, KeptDays::default());
        let work = table.store.record_attempts(&attempts, &[], &packs, log_ids());
        let (done, requests) = table.requests(work).await;
        done.unwrap();
        assert_eq!(requests, "BatchWriteItem 1, UpdateItem 1", "no request more");
        let pk = format!("E#acme#{}", at(0).strftime("%Y-%m-%dT%H"));
        let sks = table.sort_keys(&pk).await;
        assert_eq!(sks.len(), 1);
        let expires_at = table.raw_number(&pk, &sks[0], "expires_at").await.unwrap();
        assert_eq!(expires_at, at(6).as_second() + 7 * 86_400);

        for event in &events {
            let (found, requests) = table.requests(table.store.kept_event(&acme(), &event.id)).await;
            assert_eq!(found.unwrap().as_ref(), Some(event));
            // The first seconds of an hour belong to packs of the hour before, too.
            assert!(requests == "Query 1" || requests == "Query 2", "{requests}");
        }
        let other = TenantId::parse("other").unwrap();
        assert_eq!(table.store.kept_event(&other, &events[0].id).await.unwrap(), None);
        assert_eq!(table.store.kept_event(&acme(), &event_at(99, 700).id).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_window_is_read_in_order_across_hours_without_doubles() {
    with_table(async |table| {
        // Around the end of an hour, in batches that overlap in time, and some of them twice.
        let start = 3_600_000 - 30_000;
        let events: Vec<Event> =
            (0..120).map(|n| event_at(n, start + i64::try_from(n * 7 % 120).unwrap() * 500)).collect();
        for batch in events.chunks(9).chain(events.chunks(40).take(1)) {
            keep(table, batch).await;
        }
        keep(table, &[Event { tenant: TenantId::parse("other").unwrap(), ..event_at(500, start) }]).await;
        let window = Window {
            since: at(0) + SignedDuration::from_millis(start + 5_000),
            until: at(0) + SignedDuration::from_millis(start + 55_000),
        };
        let mut expected: Vec<Event> = events.iter().filter(|event| window.holds(event)).cloned().collect();
        expected.sort_by_key(Place::of);
        for most in [1_000, 17, 3] {
            assert_eq!(all(table, window, most).await.0, expected, "{most} at once");
        }
        // A long time without any costs a query an hour, and a scan no more than 26.
        let empty = Window { since: at(-40 * 3_600), until: at(-3_600) };
        let (found, scans) = all(table, empty, 10).await;
        assert_eq!((found.len(), scans), (0, 2));
    })
    .await;
}
