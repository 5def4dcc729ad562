//! An SQS standard queue: delays, no order, doubles.

use super::{MOST_RECEIPTS, VISIBILITY};
use fastrand::Rng;
use spacehook_dispatcher::batch::{Content, Message};
use spacehook_dispatcher::ports::{Queue, Receipt};
use spacehook_domain::job::JobStep;
use spacehook_domain::wake::Wake;
use std::time::Duration;

#[derive(Debug)]
struct Queued {
    id: u64,
    content: Content,
    hidden_until: Duration,
    times: u32,
    handle: String,
}

#[derive(Debug, Default)]
pub(crate) struct Standard {
    queued: Vec<Queued>,
    made: u64,
}

impl Standard {
    /// Queues a timer. SQS counts delays in whole seconds.
    pub(crate) fn send(&mut self, now: Duration, wake: &Wake, after: Duration) {
        self.put(now, Content::Wake(wake.clone()), after);
    }

    /// Queues a step of a job.
    pub(crate) fn send_step(&mut self, now: Duration, step: &JobStep, after: Duration) {
        self.put(now, Content::Step(step.clone()), after);
    }

    fn put(&mut self, now: Duration, content: Content, after: Duration) {
        self.made += 1;
        self.queued.push(Queued {
            id: self.made,
            content,
            hidden_until: now + Duration::from_secs(after.as_secs()),
            times: 0,
            handle: String::new(),
        });
    }

    /// Up to so many messages, in any order; with this part of one, a message is seen again soon though it is in hand.
    pub(crate) fn receive(&mut self, now: Duration, rng: &mut Rng, most: usize, doubled: f64) -> Vec<Message> {
        self.queued.retain(|queued| queued.times < MOST_RECEIPTS || queued.hidden_until > now);
        let mut due: Vec<&mut Queued> = self.queued.iter_mut().filter(|queued| queued.hidden_until <= now).collect();
        rng.shuffle(&mut due);
        let mut batch = Vec::new();
        for queued in due.into_iter().take(most) {
            self.made += 1;
            queued.times += 1;
            let seen_again = rng.f64() < doubled;
            queued.hidden_until = now + if seen_again { Duration::from_millis(rng.u64(1..3_000)) } else { VISIBILITY };
            queued.handle = format!("r{}", self.made);
            let receipt =
                Receipt { queue: Queue::Retries, handle: queued.handle.clone(), times: queued.times, first_at: None };
            let content = queued.content.clone();
            batch.push(Message { id: queued.id.to_string(), receipt, content });
        }
        batch
    }

    /// Deletes a message.
    pub(crate) fn delete(&mut self, handle: &str) {
        self.queued.retain(|queued| queued.handle != handle);
    }

    /// Hides a message for so long from now, unless its receipt is out of date.
    pub(crate) fn show_again(&mut self, handle: &str, now: Duration, after: Duration) {
        for queued in self.queued.iter_mut().filter(|queued| queued.handle == handle && queued.hidden_until > now) {
            queued.hidden_until = now + after;
        }
    }

    /// When the next message can be received, if there is any.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.queued.iter().map(|queued| queued.hidden_until).min()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// The timers that are set, and when each comes.
    pub(crate) fn timers<'a>(&'a self) -> impl Iterator<Item = (&'a Wake, Duration)> {
        let wake = |content: &'a Content| match content {
            Content::Wake(wake) => Some(wake),
            _ => None,
        };
        self.queued.iter().filter_map(move |queued| Some((wake(&queued.content)?, queued.hidden_until)))
    }
}
