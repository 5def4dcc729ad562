//! An SQS FIFO queue: order in a message group, one batch of a group in flight, doubles dropped for five minutes.

use super::{MOST_RECEIPTS, VISIBILITY};
use fastrand::Rng;
use spacehook_dispatcher::batch::{Content, Message};
use spacehook_dispatcher::ports::{Queue, Receipt};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long a message that repeats another's id is dropped.
const DOUBLES_DROPPED: Duration = Duration::from_mins(5);

#[derive(Debug)]
struct Queued {
    id: String,
    content: Content,
    /// Hidden until then.
    hidden_until: Duration,
    times: u32,
    handle: String,
}

#[derive(Debug, Default)]
pub(crate) struct Fifo {
    groups: BTreeMap<String, VecDeque<Queued>>,
    seen: BTreeMap<String, Duration>,
    handles: u64,
    /// Messages that were received too often.
    pub(crate) dead: Vec<Content>,
}

impl Fifo {
    /// Queues a message; its id is also what doubles are dropped by. False where it is a double.
    pub(crate) fn send(&mut self, now: Duration, group: &str, id: &str, content: Content) -> bool {
        if self.seen.get(id).is_some_and(|sent| now < *sent + DOUBLES_DROPPED) {
            return false;
        }
        self.seen.insert(id.to_owned(), now);
        let queued =
            Queued { id: id.to_owned(), content, hidden_until: Duration::ZERO, times: 0, handle: String::new() };
        self.groups.entry(group.to_owned()).or_default().push_back(queued);
        true
    }

    /// Up to so many messages, of groups of which none is in flight.
    pub(crate) fn receive(&mut self, now: Duration, rng: &mut Rng, most: usize) -> Vec<Message> {
        let mut free: Vec<&String> =
            self.groups.iter().filter(|(_, group)| is_free(group, now)).map(|(name, _)| name).collect();
        rng.shuffle(&mut free);
        let free: Vec<String> = free.into_iter().take(most).cloned().collect();
        let mut batch = Vec::new();
        for name in free {
            // Now and then a batch is of one group alone.
            if batch.len() >= most || (!batch.is_empty() && rng.u8(0..4) == 0) {
                break;
            }
            self.take(&name, now, most, &mut batch);
        }
        batch
    }

    fn take(&mut self, name: &str, now: Duration, most: usize, batch: &mut Vec<Message>) {
        let Some(group) = self.groups.get_mut(name) else { return };
        while group.front().is_some_and(|first| first.times >= MOST_RECEIPTS) {
            self.dead.extend(group.pop_front().map(|dead| dead.content));
        }
        for queued in group.iter_mut().take(most - batch.len()) {
            self.handles += 1;
            queued.times += 1;
            queued.hidden_until = now + VISIBILITY;
            queued.handle = format!("e{}", self.handles);
            let receipt =
                Receipt { queue: Queue::Events, handle: queued.handle.clone(), times: queued.times, first_at: None };
            batch.push(Message { id: queued.id.clone(), receipt, content: queued.content.clone() });
        }
        if group.is_empty() {
            self.groups.remove(name);
        }
    }

    /// Deletes a message, unless its receipt is out of date.
    pub(crate) fn delete(&mut self, handle: &str, now: Duration) {
        for group in self.groups.values_mut() {
            group.retain(|queued| queued.handle != handle || queued.hidden_until <= now);
        }
        self.groups.retain(|_, group| !group.is_empty());
    }

    /// Hides a message for so long from now, unless its receipt is out of date.
    pub(crate) fn show_again(&mut self, handle: &str, now: Duration, after: Duration) {
        let all = self.groups.values_mut().flatten();
        for queued in all.filter(|queued| queued.handle == handle && queued.hidden_until > now) {
            queued.hidden_until = now + after;
        }
    }

    /// When the next message can be received, if there is any.
    pub(crate) fn next(&self) -> Option<Duration> {
        let free_at = |group: &VecDeque<Queued>| group.iter().map(|queued| queued.hidden_until).max();
        self.groups.values().filter_map(free_at).min()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

fn is_free(group: &VecDeque<Queued>, now: Duration) -> bool {
    group.iter().all(|queued| queued.hidden_until <= now)
}
