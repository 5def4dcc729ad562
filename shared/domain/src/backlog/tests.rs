use super::*;
use crate::event::{Event, EventType};
use crate::ids::Sequence;
use crate::ids::SpaceId;
use crate::stream::Stream;
use crate::subscription::BacklogMode;
use crate::test_data;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_770_000_000 + second).unwrap()
}

fn event(sequence: u64, event_type: EventType) -> Event {
    Event { sequence: Sequence(sequence), event_type, ..test_data::event(serde_json::json!({})) }
}

fn report(sequence: u64) -> Event {
    event(sequence, EventType::SpaceReport)
}

fn kept(sequence: u64) -> Kept {
    Kept { event: report(sequence), kept_at: at(0), replayed: false }
}

fn key(sequence: u64) -> KeptKey {
    KeptKey::of(&report(sequence))
}

fn waiting(failed_at: Option<i64>, not_before: Option<i64>) -> Lane {
    Lane {
        failed_at: failed_at.map(at),
        not_before: not_before.map(at),
        ..Lane::new(Stream::of_space(SpaceId(7)), at(0))
    }
}

#[test]
fn five_failures_in_a_row_open_the_breaker() {
    let mut backlog = Backlog::new(at(0));
    for failures in 1..=5 {
        assert!(backlog.breaker.is_closed(), "{failures}");
        let mut streak = Streak::default();
        streak.failure();
        backlog.hear(streak, at(failures), None, 0.0);
    }
    assert_eq!(backlog.breaker, Breaker::opened(at(5), None, 0.0));
}

#[test]
fn a_run_probes_then_sends_then_closes_then_rests_and_goes() {
    let mut backlog = Backlog::new(at(0));
    let lanes = [waiting(Some(0), Some(600))];
    backlog.open(at(0), None, 0.0);
    assert_eq!(plan(&backlog, &lanes, at(0)), Plan::Wait(at(5)));
    assert_eq!(plan(&backlog, &lanes, at(4)), Plan::Probe(Stream::of_space(SpaceId(7))), "a second early is due");
    backlog.drain(at(5));
    assert_eq!(
        plan(&backlog, &lanes, at(5)),
        Plan::Send(vec![Stream::of_space(SpaceId(7))]),
        "it failed before the receiver recovered"
    );
    let failed_again = [waiting(Some(6), Some(11))];
    assert_eq!(plan(&backlog, &failed_again, at(6)), Plan::Close, "what waits for its retry keeps nobody else waiting");
    backlog.breaker = Breaker::Closed;
    assert_eq!(plan(&backlog, &failed_again, at(6)), Plan::Wait(at(11)));
    assert_eq!(plan(&backlog, &failed_again, at(11)), Plan::Send(vec![Stream::of_space(SpaceId(7))]));
    assert_eq!(plan(&backlog, &[], at(12)), Plan::Rest);
    backlog.quiet_since = Some(at(12));
    assert_eq!(plan(&backlog, &[], at(13)), Plan::Wait(at(132)));
    assert_eq!(plan(&backlog, &[], at(132)), Plan::Delete);
}

#[test]
fn what_waits_longest_is_sent_first() {
    let lane =
        |stream, kept_since| Lane { kept_since: at(kept_since), ..Lane::new(Stream::of_space(SpaceId(stream)), at(0)) };
    let lanes = [lane(1, 30), lane(2, 10), lane(3, 20)];
    let mut backlog = Backlog::new(at(0));
    assert_eq!(
        plan(&backlog, &lanes, at(40)),
        Plan::Send(vec![Stream::of_space(SpaceId(2)), Stream::of_space(SpaceId(3)), Stream::of_space(SpaceId(1))])
    );
    backlog.open(at(0), None, 0.0);
    assert_eq!(plan(&backlog, &lanes, at(40)), Plan::Probe(Stream::of_space(SpaceId(2))));
}

#[test]
fn retry_after_pauses_the_whole_drain() {
    let mut backlog = Backlog::new(at(0));
    backlog.drain(at(0));
    backlog.paused_until = Some(at(60));
    assert_eq!(plan(&backlog, &[waiting(None, None)], at(0)), Plan::Wait(at(60)));
    assert_eq!(plan(&backlog, &[waiting(None, None)], at(60)), Plan::Send(vec![Stream::of_space(SpaceId(7))]));
    assert_eq!(plan(&backlog, &[], at(0)), Plan::Close);
}

#[test]
fn all_keeps_every_delivery_and_latest_the_newest_of_each_type() {
    let (one, two) = (report(1), event(2, EventType::SpaceAvailability));
    let (three, four) = (report(3), report(4));
    let mut all = Lane::new(Stream::of_space(SpaceId(7)), at(0));
    let appended = all.append(&[&one, &two, &three, &four], BacklogMode::All, at(0));
    assert_eq!((appended.put.len(), appended.delete.len(), all.count), (4, 0, 4));

    let mut latest = Lane::new(Stream::of_space(SpaceId(7)), at(0));
    let appended = latest.append(&[&one, &two, &three], BacklogMode::Latest, at(0));
    let put: Vec<u64> = appended.put.iter().map(|kept| kept.event.sequence.0).collect();
    assert_eq!((put, latest.count), (vec![2, 3], 2));
    let appended = latest.append(&[&four], BacklogMode::Latest, at(1));
    assert_eq!((appended.put.len(), appended.delete, latest.count), (1, vec![key(3)], 2));
    assert_eq!(latest.stands_for(&key(4)), Some(2));
    assert_eq!(latest.stands_for(&key(3)), None);
    let again = latest.append(&[&three, &four], BacklogMode::Latest, at(2));
    assert_eq!((again.put.len(), again.delete.len(), latest.count), (1, 0, 2), "a repetition takes its own place");
    assert_eq!(latest.stands_for(&key(4)), Some(2));
    assert!(!latest.is_loose());
}

#[test]
fn what_gave_way_under_way_and_arrived_is_not_counted_as_superseded() {
    let mut lane = Lane::new(Stream::of_space(SpaceId(7)), at(0));
    lane.append(&[&report(1), &report(2)], BacklogMode::Latest, at(0));
    let stood_for = lane.stands_for(&key(2));
    assert_eq!(stood_for, Some(1));
    lane.append(&[&report(3), &report(4)], BacklogMode::Latest, at(1));
    assert_eq!(lane.stands_for(&key(4)), Some(3));
    lane.settled(&key(2), stood_for);
    assert_eq!((lane.stands_for(&key(4)), lane.count), (Some(1), 1), "only 3 never arrived");
    lane.settled(&key(4), Some(1));
    assert_eq!((lane.count, lane.newest.len()), (0, 0));
}

#[test]
fn a_long_lane_is_compacted_a_page_at_a_time() {
    let mut lane = Lane::new(Stream::of_space(SpaceId(7)), at(0));
    let events: Vec<Event> = (1..=5).map(report).collect();
    lane.append(&events.iter().collect::<Vec<_>>(), BacklogMode::All, at(0));
    assert_eq!(lane.compact(&[kept(1), kept(2), kept(3)]), [key(1), key(2)]);
    assert_eq!(lane.compact(&[kept(3), kept(4), kept(5)]), [key(3), key(4)]);
    assert_eq!((lane.count, lane.stands_for(&key(5))), (1, Some(4)));
    lane.append(&[&report(6)], BacklogMode::Latest, at(1));
    assert_eq!(lane.stands_for(&key(6)), Some(5));
    let replay = Kept { replayed: true, ..kept(2) };
    assert_eq!(lane.compact(&[replay, kept(6)]), [], "a replay was asked for");
}

#[test]
fn a_settled_delivery_takes_its_failures_with_it() {
    let mut lane = Lane::new(Stream::of_space(SpaceId(7)), at(0));
    lane.append(&[&report(1), &report(2)], BacklogMode::All, at(0));
    lane.failed(at(0), at(5));
    lane.probe_failed(at(5));
    assert_eq!((lane.next_attempt().0, lane.failures), (3, 1));
    lane.settled(&key(1), None);
    assert_eq!((lane.next_attempt().0, lane.count, lane.not_before), (1, 1, None));
}

#[test]
fn a_new_backlog_is_noted_and_versions_go_on() {
    let key = test_data::subscription().key();
    let mut change = Change::of(key.clone());
    assert!(change.is_empty());
    let backlog = Backlog::new(at(0));
    change.set_backlog(None, backlog.clone());
    assert_eq!((change.enlist, change.backlog.as_ref().unwrap().expected), (Some(Enlist::Add), None));
    let mut change = Change::of(key.clone());
    change.set_backlog(Some(&backlog), backlog.clone());
    let replace = change.backlog.unwrap();
    assert_eq!((replace.expected, replace.new.unwrap().version), (Some(backlog.version), backlog.version + 1));
    assert_eq!(change.enlist, None);
    let mut change = Change::of(key);
    change.delete_backlog(&backlog);
    assert_eq!(change.enlist, Some(Enlist::Remove));
    assert!(Backlog::new(at(1)).version > backlog.version + 100, "none returns");
}

#[test]
fn lost_timers_are_noticed() {
    let mut backlog = Backlog::new(at(0));
    backlog.wake_at = None;
    assert!(!backlog.is_overdue(at(1_000_000)), "nobody is to look");
    backlog.drain(at(0));
    assert!(!backlog.is_overdue(at(180)));
    assert!(backlog.is_overdue(at(181)));
    backlog.lease_until = Some(at(45));
    assert!(!backlog.is_overdue(at(181)) && backlog.is_leased(at(44)) && !backlog.is_leased(at(45)));
}
