//! What is seen of the dispatcher from outside: its calls, what arrives at receivers, and what must never be seen.

use super::{Call, State};
use spacehook_dispatcher::ports::{Drop, Poison, Queue};
use spacehook_domain::backlog::Change;
use spacehook_domain::ids::{EventId, SubscriptionKey};
use spacehook_domain::stream::Stream;
use spacehook_store::RecordedAttempt;
use std::collections::BTreeMap;
use std::time::Duration;

/// One invocation of the function.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) began: Duration,
    pub(crate) ended: Option<Duration>,
    pub(crate) queue: Queue,
    /// Nothing of ours goes wrong in it, so that no message fails for ever.
    pub(crate) calm: bool,
    /// Something of ours went wrong in it: what it has done may be done again.
    pub(crate) disturbed: bool,
    conflicts: u32,
    /// It crashed, and does nothing more.
    pub(crate) is_dead: bool,
}

/// A request that reached a receiver.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) at: Duration,
    pub(crate) event: EventId,
    pub(crate) stream: Stream,
    pub(crate) sequence: u64,
    pub(crate) attempt: u32,
    /// How many older ones it says it stands for.
    pub(crate) superseded: u64,
    /// Whether it had been settled in the backlog before.
    pub(crate) settled: bool,
    /// Whether the receiver took it in.
    pub(crate) taken: bool,
    /// Whether the invocation heard that the receiver accepted.
    pub(crate) heard: bool,
    pub(crate) invocation: usize,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) invariant: &'static str,
    pub(crate) what: String,
}

#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) invocations: Vec<Invocation>,
    /// Which invocations had an event in their batch.
    pub(crate) handled: BTreeMap<EventId, Vec<usize>>,
    pub(crate) arrivals: BTreeMap<SubscriptionKey, Vec<Arrival>>,
    pub(crate) flights: BTreeMap<u64, (SubscriptionKey, usize)>,
    flights_begun: u64,
    pub(crate) calls: BTreeMap<Call, u64>,
    pub(crate) recorded: Vec<RecordedAttempt>,
    pub(crate) drops: Vec<Drop>,
    pub(crate) buried: Vec<Poison>,
    pub(crate) violations: Vec<Violation>,
    /// When deliveries were put among those that wait because somebody asked for them.
    pub(crate) replayed: BTreeMap<(SubscriptionKey, EventId), Vec<Duration>>,
    pub(crate) attempts: u64,
    pub(crate) crashes: u64,
    pub(crate) faults: u64,
}

impl Watch {
    pub(super) fn count(&mut self, call: Call) {
        *self.calls.entry(call).or_default() += 1;
    }

    pub(crate) fn calls_of(&self, call: Call) -> u64 {
        self.calls.get(&call).copied().unwrap_or(0)
    }

    pub(crate) fn begin(&mut self, began: Duration, queue: Queue, calm: bool) -> usize {
        self.invocations.push(Invocation {
            began,
            ended: None,
            queue,
            calm,
            disturbed: false,
            conflicts: 0,
            is_dead: false,
        });
        self.invocations.len() - 1
    }

    /// Notes a fault of ours. A conflict that nobody caused is tried again, and explains nothing unless it repeats.
    pub(super) fn fault(&mut self, invocation: usize, is_conflict: bool) {
        self.faults += 1;
        let invocation = &mut self.invocations[invocation];
        invocation.conflicts += u32::from(is_conflict);
        invocation.disturbed |= !is_conflict || invocation.conflicts >= 3;
    }

    /// An invocation ends in the middle of whatever it does.
    pub(crate) fn kill(&mut self, invocation: usize) {
        let invocation = &mut self.invocations[invocation];
        (invocation.is_dead, invocation.disturbed) = (true, true);
    }

    pub(crate) fn is_dead(&self, invocation: usize) -> bool {
        self.invocations.get(invocation).is_some_and(|it| it.is_dead)
    }

    /// Whether something went wrong in this invocation, or in any that had the event in its batch: SQS may give it again.
    pub(crate) fn may_repeat(&self, event: &EventId, invocation: usize) -> bool {
        let handled = self.handled.get(event).map(Vec::as_slice).unwrap_or_default();
        let all = handled.iter().chain([&invocation]);
        all.filter_map(|id| self.invocations.get(*id)).any(|it| it.disturbed)
    }

    pub(crate) fn note_replayed(&mut self, change: &Change, now: Duration) {
        for kept in change.put.iter().filter(|kept| kept.replayed) {
            self.replayed.entry((change.subscription.clone(), kept.event.id.clone())).or_default().push(now);
        }
    }

    /// Whether somebody had asked for this delivery again before a moment.
    pub(crate) fn is_replayed(&self, key: &SubscriptionKey, event: &EventId, before: Duration) -> bool {
        let times = self.replayed.get(&(key.clone(), event.clone()));
        times.is_some_and(|times| times.iter().any(|at| *at <= before))
    }

    pub(crate) fn violated(&mut self, invariant: &'static str, what: String) {
        self.violations.push(Violation { invariant, what });
    }
}

impl State {
    /// An attempt is sent. While the breaker is open it must be the only one, save for those of invocations that began
    /// before it opened.
    pub(super) fn take_off(&mut self, key: &SubscriptionKey, invocation: usize) -> u64 {
        let partition = self.table.partitions.get(key);
        let opened_at = partition.and_then(|it| it.opened_at);
        let is_leased = partition.and_then(|it| it.backlog.as_ref()).is_some_and(|it| it.lease_until.is_some());
        let began = |of: usize| self.watch.invocations.get(of).map_or(Duration::ZERO, |it| it.began);
        // Once its probe has succeeded, the run that holds the lease goes on.
        let goes_on = partition.is_some_and(|it| it.probed_by == Some(invocation));
        if let Some(opened_at) = opened_at.filter(|opened_at| began(invocation) > *opened_at && !goes_on) {
            let others = self.watch.flights.values();
            let others = others.filter(|(to, of)| to == key && began(*of) > opened_at).count();
            let what = format!("{} is sent to by invocation {invocation} while its breaker is open", key.id);
            if others > 0 {
                self.watch.violated("one-probe", format!("{what}, beside {others} others"));
            } else if !is_leased {
                self.watch.violated("one-probe", format!("{what}, and nobody holds the lease"));
            }
        }
        self.watch.attempts += 1;
        self.watch.flights_begun += 1;
        self.watch.flights.insert(self.watch.flights_begun, (key.clone(), invocation));
        self.watch.flights_begun
    }
}
