//! The queues against a real SQS API: the one that `SPACEHOOK_TEST_SQS` names, such as `http://127.0.0.1:4566` of the
//! local cloud. Without it every test is skipped, and says so.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod queue;

use queue::{Queue, with_queue};
use spacehook_domain::event::{About, Change, EVENT_VERSION, Event, EventSpace, EventType};
use spacehook_domain::ids::{BuildingRefId, Sequence, SpaceId, SpaceRefId, SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::share::{SHARES, Share};
use spacehook_domain::stream::Stream;
use spacehook_domain::trace::TraceId;
use spacehook_domain::wake::Wake;
use spacehook_queues::{DeadLetter, DeadLetterQueue, EventQueue, QueueError, WakeQueue};
use std::collections::BTreeMap;
use std::time::Duration;

const TRACE: &str = "5759e988bd862e3fe1be46a994272793";

fn event(sequence: u64) -> Event {
    let (tenant, space_id, sequence) = (TenantId::parse("acme").unwrap(), SpaceId(7), Sequence(sequence));
    let at = jiff::Timestamp::from_second(1_770_000_000).unwrap();
    Event {
        version: EVENT_VERSION,
        id: Event::derived_id(&tenant, Stream::of_space(space_id), EventType::SpaceReport, sequence, at),
        tenant,
        event_type: EventType::SpaceReport,
        sequence,
        about: About::Space(EventSpace {
            space_id,
            building_ref_id: BuildingRefId::parse("HQ").unwrap(),
            floor_ref_id: None,
            space_ref_id: SpaceRefId::parse("room").unwrap(),
        }),
        occurred_at: at,
        received_at: at,
        trace: TraceId::parse(TRACE).ok(),
        change: Change { occupancy_changed: true, first_of_hour: false },
        test: false,
        data: serde_json::json!({"person_count": 2}),
    }
}

const TRACE_HEADER: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";

fn wake() -> Wake {
    let tenant = TenantId::parse("acme").unwrap();
    let id = SubscriptionId::parse(format!("sub_{}", "0".repeat(32))).unwrap();
    Wake::timer(SubscriptionKey { tenant, id }, 7)
}

/// The sequences of the events of each share, in the order of its message group.
async fn by_share(queue: &Queue, messages: usize) -> BTreeMap<u32, Vec<u64>> {
    let mut shares: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for message in queue.receive(messages).await {
        let share = Share::from_json(&message.body).unwrap();
        assert_eq!(message.group, format!("acme:7:{}", share.share));
        shares.entry(share.share).or_default().push(share.event.sequence.0);
    }
    shares
}

fn every_share(sequences: &[u64]) -> BTreeMap<u32, Vec<u64>> {
    (0..SHARES).map(|share| (share, sequences.to_vec())).collect()
}

#[tokio::test]
async fn each_share_of_an_event_is_queued_once_in_a_group_of_its_own() {
    with_queue("shares.fifo", async |queue| {
        let events = EventQueue::new(queue.client.clone(), queue.url.as_str());
        events.send_shares(&event(1)).await.unwrap();
        assert_eq!(queue.sent(), 4, "32 shares, ten a request");
        // Again, as after a crash: dropped. And what follows it, in order.
        events.send_shares(&event(1)).await.unwrap();
        events.send_shares(&event(2)).await.unwrap();
        assert_eq!(by_share(queue, 64).await, every_share(&[1, 2]));
    })
    .await;
}

#[tokio::test]
async fn an_event_and_each_of_its_shares_have_its_trace() {
    with_queue("traces.fifo", async |queue| {
        let events = EventQueue::new(queue.client.clone(), queue.url.as_str());
        events.send(&[event(1)]).await.unwrap();
        assert_eq!(queue.receive(1).await[0].trace_header, TRACE_HEADER);
        // As it is sent: the emulator keeps it of single messages alone.
        events.send_shares(&event(2)).await.unwrap();
        assert_eq!(queue.traces(), vec![TRACE_HEADER; 32]);
    })
    .await;
}

#[tokio::test]
async fn what_sqs_does_not_take_of_a_batch_is_sent_once_more() {
    with_queue("refused.fifo", async |queue| {
        let events = EventQueue::new(queue.client.clone(), queue.url.as_str());
        queue.refuse("13", 1);
        events.send_shares(&event(1)).await.unwrap();
        assert_eq!(queue.sent(), 5);
        assert_eq!(by_share(queue, 32).await, every_share(&[1]));

        queue.refuse("13", 2);
        let error = events.send_shares(&event(2)).await.unwrap_err();
        assert!(matches!(error, QueueError::NotTaken { messages: 1, .. }), "{error:?}");
        assert_eq!(error.to_string(), "the queue did not take 1 messages of a batch: InternalError: not today");
        // The caller sends the event again, and every share is there once.
        events.send_shares(&event(2)).await.unwrap();
        assert_eq!(by_share(queue, 32).await, every_share(&[2]));
    })
    .await;
}

#[tokio::test]
async fn a_timer_comes_when_it_is_due_and_again_when_it_is_shown_again() {
    with_queue("retries", async |queue| {
        let wakes = WakeQueue::new(queue.client.clone(), queue.url.as_str());
        wakes.send(&wake(), Duration::from_millis(600)).await.unwrap();
        assert!(queue.receive_now().await.is_empty(), "a second, rounded up, is not over");
        let [message] = queue.receive(1).await.try_into().unwrap();
        assert_eq!(Wake::from_json(&message.body).unwrap(), wake());

        // Hidden for the queue's 30 s unless it is shown.
        assert!(queue.receive_now().await.is_empty());
        wakes.show_again(&message.receipt, Duration::ZERO).await.unwrap();
        assert_eq!(queue.receive(1).await[0].body, message.body);
        assert!(wakes.show_again("no receipt", Duration::ZERO).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_letter_is_buried_once_with_its_cause_and_group() {
    with_queue("dead.fifo", async |queue| {
        let dead = DeadLetterQueue::new(queue.client.clone(), queue.url.as_str());
        let letter = DeadLetter { message_id: "m1", group: Some("acme:7"), body: "{", cause: "bad\u{1} \"x\"" };
        dead.bury(&letter).await.unwrap();
        dead.bury(&letter).await.unwrap();
        dead.bury(&DeadLetter { message_id: "m2", body: "[", ..letter }).await.unwrap();
        let messages = queue.receive(2).await;
        assert_eq!(messages.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["{", "["]);
        assert!(messages.iter().all(|message| message.group == "acme:7" && message.cause == "bad \"x\""));
        assert!(queue.receive_now().await.is_empty());
    })
    .await;
}

/// The futures can be moved between threads, which the runtimes of Lambda ask for.
#[test]
fn futures_can_be_spawned() {
    fn sendable<T: Send>(_: impl Fn(EventQueue, WakeQueue) -> T) {}
    sendable(|events, wakes| async move {
        let _ = events.send_shares(&event(1)).await;
        let _ = events.show_again("", Duration::ZERO).await;
        let _ = wakes.send(&wake(), Duration::ZERO).await;
    });
}
