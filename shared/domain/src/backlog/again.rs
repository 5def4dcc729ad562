//! Putting deliveries among those that wait, because somebody asks for them: each takes its place by its sequence, and is
//! sent though newer ones of its space have been.

use crate::backlog::{Backlog, Change, Kept, KeptKey, Lane};
use crate::event::Event;
use crate::stream::Stream;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The backlog as it must be before deliveries are put into lanes of an enabled subscription: there, and not about to be
/// deleted for having nothing in it. None where it is so.
pub fn held(read: Option<&Backlog>, now: Timestamp) -> Option<Backlog> {
    match read {
        Some(backlog) if backlog.quiet_since.is_none() => None,
        Some(backlog) => Some(Backlog { quiet_since: None, ..backlog.clone() }),
        None => Some(Backlog::new(now)),
    }
}

impl Lane {
    /// Whether something is remembered of its first delivery, which another that becomes the first must not inherit.
    pub fn has_history(&self) -> bool {
        self.failures > 0 || self.probes > 0 || self.failed_at.is_some() || self.not_before.is_some()
    }

    /// Takes in deliveries that somebody asks for again. `first` is what is first in it now, where that matters.
    pub fn take_again(&mut self, events: &[&Event], first: Option<&KeptKey>, now: Timestamp) -> Vec<Kept> {
        let first_of_these = events.iter().map(|event| KeptKey::of(event)).min();
        if first_of_these.is_some_and(|key| first.is_none_or(|first| key <= *first)) {
            // It is the first now, and how another fared is not its history.
            (self.failures, self.probes, self.failed_at, self.not_before) = (0, 0, None, None);
        }
        let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
        self.count = self.count.saturating_add(count);
        events.iter().map(|event| Kept { event: (*event).clone(), kept_at: now, replayed: true }).collect()
    }
}

impl Change {
    /// Puts these deliveries into their lanes. `lanes` are those that are there, `firsts` what is first in those that
    /// remember how their first fared.
    pub fn put_again(&mut self, events: &[Event], lanes: &[Lane], firsts: &BTreeMap<Stream, KeptKey>, now: Timestamp) {
        let mut by_stream: BTreeMap<Stream, Vec<&Event>> = BTreeMap::new();
        for event in events {
            by_stream.entry(event.stream()).or_default().push(event);
        }
        for (stream, events) in by_stream {
            let read = lanes.iter().find(|lane| lane.stream == stream);
            let mut lane = read.cloned().unwrap_or_else(|| Lane::new(stream, now));
            self.put.extend(lane.take_again(&events, firsts.get(&stream), now));
            self.set_lane(read, lane);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Sequence;
    use crate::test_data;
    use jiff::SignedDuration;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_770_000_000 + second).unwrap()
    }

    fn event(sequence: u64) -> Event {
        Event { sequence: Sequence(sequence), ..test_data::event(serde_json::json!({})) }
    }

    #[test]
    fn a_backlog_is_made_or_kept_from_resting() {
        assert!(held(None, at(0)).is_some());
        let resting = Backlog { quiet_since: Some(at(0)), ..Backlog::new(at(0)) };
        assert_eq!(held(Some(&resting), at(1)).unwrap().quiet_since, None);
        assert_eq!(held(Some(&Backlog::new(at(0))), at(1)), None);
    }

    #[test]
    fn one_that_becomes_the_first_does_not_inherit_failures() {
        let mut lane = Lane::new(event(5).stream(), at(0));
        lane.count = 1;
        lane.failed(at(1), at(1) + SignedDuration::from_mins(10));
        assert!(lane.has_history());
        let first = KeptKey::of(&event(5));
        let (mut behind, mut before) = (lane.clone(), lane);
        let kept = behind.take_again(&[&event(6), &event(7)], Some(&first), at(2));
        assert_eq!((behind.failures, behind.count, kept.len()), (1, 3, 2));
        assert!(kept.iter().all(|kept| kept.replayed && kept.kept_at == at(2)));
        before.take_again(&[&event(6), &event(4)], Some(&first), at(2));
        assert!(!before.has_history());
    }

    #[test]
    fn a_change_puts_each_into_its_lane() {
        let mut other = event(3);
        other.about = crate::event::About::Subject(crate::stream::Subject::parse("x").unwrap());
        let mut lane = Lane::new(event(1).stream(), at(0));
        lane.version = 7;
        let mut change = Change::of(test_data::subscription().key());
        change.put_again(&[event(1), other, event(2)], &[lane], &BTreeMap::new(), at(1));
        assert_eq!((change.put.len(), change.lanes.len()), (3, 2));
        let expected: Vec<_> = change.lanes.iter().map(|(_, lane)| lane.expected).collect();
        assert!(expected.contains(&Some(7)) && expected.contains(&None), "{expected:?}");
        assert!(change.backlog.is_none());
    }
}
