//! The world itself: what the dispatcher is told of SQS and DynamoDB must be what they do.

use crate::make;
use crate::make::stream;
use crate::world::{Fifo, Standard, Table, VISIBILITY};
use fastrand::Rng;
use spacehook_dispatcher::batch::{Content, Message};
use spacehook_dispatcher::ports::Changed;
use spacehook_domain::backlog::{Backlog, Change, Kept, Lane};
use spacehook_domain::event::EventType;
use spacehook_domain::subscription::RateLimit;
use spacehook_domain::wake::Wake;
use std::time::Duration;

const START: Duration = Duration::ZERO;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn queued(fifo: &mut Fifo, space: u64, sequence: u64) {
    let event = make::event("acme", space, EventType::SpaceReport, sequence, make::at(START));
    let content = Content::Event(Box::new(event));
    fifo.send(START, &format!("acme:{space}"), &format!("{space}-{sequence}"), content);
}

fn ids(batch: &[Message]) -> Vec<&str> {
    batch.iter().map(|message| message.id.as_str()).collect()
}

#[test]
fn a_message_group_is_in_order_and_in_one_hand() {
    let (mut fifo, mut rng) = (Fifo::default(), Rng::with_seed(1));
    (1..=3).for_each(|sequence| queued(&mut fifo, 1, sequence));
    let batch = fifo.receive(START, &mut rng, 2);
    assert_eq!(ids(&batch), ["1-1", "1-2"]);
    assert!(fifo.receive(s(1), &mut rng, 10).is_empty(), "the third waits until the first two are deleted or visible");
    fifo.delete(&batch[0].receipt.handle, s(2));
    fifo.show_again(&batch[1].receipt.handle, s(2), s(5));
    assert_eq!(fifo.next(), Some(s(7)));
    let again = fifo.receive(s(7), &mut rng, 10);
    assert_eq!(ids(&again), ["1-2", "1-3"]);
    assert_eq!(again[0].receipt.times, 2);
    fifo.delete(&batch[1].receipt.handle, s(8));
    assert_eq!(ids(&fifo.receive(s(8) + VISIBILITY, &mut rng, 10)), ["1-2", "1-3"], "an old receipt deletes nothing");
}

#[test]
fn doubles_are_dropped_for_five_minutes() {
    let mut fifo = Fifo::default();
    let content = Content::Wake(Wake::now(make::subscription("acme", 1, "a").key()));
    assert!(fifo.send(START, "g", "a", content.clone()));
    assert!(!fifo.send(s(299), "g", "a", content.clone()));
    assert!(fifo.send(s(301), "g", "a", content));
}

#[test]
fn timers_come_after_their_delay_and_again_unless_deleted() {
    let (mut standard, mut rng) = (Standard::default(), Rng::with_seed(1));
    let wake = Wake::now(make::subscription("acme", 1, "a").key());
    standard.send(START, &wake, s(10));
    assert!(standard.receive(s(9), &mut rng, 10, 0.0).is_empty());
    let batch = standard.receive(s(10), &mut rng, 10, 0.0);
    assert_eq!(batch.len(), 1);
    assert_eq!(standard.next(), Some(s(10) + VISIBILITY));
    let again = standard.receive(s(10) + VISIBILITY, &mut rng, 10, 0.0);
    assert_eq!(again[0].receipt.times, 2);
    standard.delete(&again[0].receipt.handle);
    assert!(standard.is_empty());
}

#[test]
fn a_change_happens_whole_or_not_at_all() {
    let subscription = make::subscription("acme", 1, "a");
    let key = subscription.key();
    let mut table = Table::default();
    table.save(subscription);
    let now = make::at(START);
    let event = make::event("acme", 7, EventType::SpaceReport, 1, now);
    let (backlog, lane) = (Backlog::new(now), Lane::new(stream(7), now));
    let mut change = Change::of(key.clone());
    change.set_backlog(None, backlog.clone());
    change.set_lane(None, lane.clone());
    change.put.push(Kept { event, kept_at: now, replayed: false });
    assert_eq!(table.change(&change, START, None), Ok(Changed::Yes));
    assert!(table.overview(&key.tenant).backlogs.contains(&key.id), "noted in the same change");
    assert_eq!(table.change(&change, START, None), Ok(Changed::Conflict), "it is there already");

    let mut stale = Change::of(key.clone());
    stale.set_lane(Some(&lane), lane.clone());
    stale.set_backlog(Some(&backlog.clone().next()), backlog.clone());
    assert_eq!(table.change(&stale, START, None), Ok(Changed::Conflict));
    assert_eq!(table.partition(&key).lanes[&stream(7)], lane, "not the lane either");

    let mut twice = Change::of(key.clone());
    twice.delete = vec![spacehook_domain::backlog::KeptKey::of(&table.waiting(&key, stream(7), 1)[0].event); 2];
    assert!(table.change(&twice, START, None).is_err());
}

#[test]
fn permits_of_a_second_are_no_more_than_the_limit() {
    let key = make::subscription("acme", 1, "a").key();
    let (mut table, limit) = (Table::default(), RateLimit::new(5).unwrap());
    let taken: Vec<u32> = (0..3).map(|_| table.permits(&key, limit, 1, 2)).collect();
    assert_eq!(taken, [2, 2, 1]);
    assert_eq!(table.permits(&key, limit, 2, 9), 5);
}
