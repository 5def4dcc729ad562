//! Sending what waits in a backlog, in order, at the pace that the receiver bears.

use crate::attempting::Delivery;
use crate::delivering::Dispatcher;
use crate::keeping::{TRIES, dropped, number_of};
use crate::ports::{Changed, Drop, Fault, World};
use crate::report::Served;
use crate::serving::{AFTER_OUR_FAULT, CONCURRENT_ATTEMPTS_OF_ONE};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::backlog::{Backlog, Change, Dead, Kept, KeptKey, Lane, Treatment};
use spacehook_domain::breaker::{Breaker, OPENS_AFTER, after};
use spacehook_domain::failure::FailureReason;
use spacehook_domain::ids::SpaceId;
use spacehook_domain::retry::{AfterFailure, DeadBecause, Failure, after_failure};
use spacehook_domain::stats::Dropped;
use spacehook_domain::subscription::{BacklogMode, RateLimit, Subscription};
use spacehook_store::RecordedAttempt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Deliveries that are sent between two changes of a lane: what a crash repeats, at most.
const CHUNK: usize = 10;

/// How long lanes are sent before all are looked at again: those that came to be meanwhile are sent beside them then.
const ROUND: SignedDuration = SignedDuration::from_secs(2);

/// What the lanes of a run share.
#[derive(Debug)]
struct State {
    backlog: Backlog,
    next_slot: Timestamp,
    round_ends: Timestamp,
    permits: Permits,
    /// Whether what is tried is a probe. Decided when it is begun: what was under way when the breaker opened is none.
    is_probing: bool,
    stop: Option<Stop>,
    attempts: Vec<RecordedAttempt>,
    drops: Vec<(Dropped, u64)>,
}

/// Why a run sends nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// The receiver is not to be sent to now, or the run's time is over.
    Enough,
    /// A fault of ours.
    OurFault,
    /// The receiver is gone.
    Gone,
}

/// Permits of the current second.
#[derive(Debug, Clone, Copy, Default)]
struct Permits {
    second: i64,
    left: u32,
}

/// A run that sends.
#[derive(Debug)]
pub(crate) struct Sending<'a> {
    subscription: &'a Subscription,
    until: Timestamp,
    state: Mutex<State>,
}

/// What a run learnt.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) backlog: Backlog,
    pub(crate) stop: Option<Stop>,
}

/// How a delivery fared that was tried.
enum Fared {
    Accepted,
    Expired,
    Dead(DeadBecause, FailureReason, u32),
    Waits {
        not_before: Timestamp,
        is_probe: bool,
    },
    /// Nothing was learnt of it: it stays first.
    Untried,
}

/// A delivery that failed, and waits.
#[derive(Debug, Clone, Copy)]
struct Waits {
    key: KeptKey,
    stood_for: Option<u64>,
    not_before: Timestamp,
    is_probe: bool,
}

/// What a chunk of a lane leaves to be settled: what is done, from its first delivery on, and what the next one waits for.
#[derive(Debug, Default)]
struct Chunk {
    done: Vec<(KeptKey, Option<u64>)>,
    /// What a newer one stands for, which was there when it was looked for.
    gave_way: Vec<KeptKey>,
    dead: Vec<Dead>,
    waits: Option<Waits>,
    /// Since when the first that is left has waited.
    left_since: Option<Timestamp>,
}

impl State {
    /// Ends the run; the gravest reason holds.
    fn stop(&mut self, why: Stop) {
        self.stop = self.stop.max(Some(why));
    }
}

impl Chunk {
    /// Whether nothing after it may be sent before it is settled: its last delivery waits, or was given up. Were that
    /// forgotten in a crash, it would be tried again, after what followed it.
    fn is_at_its_end(&self) -> bool {
        self.waits.is_some() || self.dead.iter().any(|dead| dead.because != DeadBecause::Expired)
    }
}

impl<'a> Sending<'a> {
    pub(crate) fn new(subscription: &'a Subscription, backlog: Backlog, until: Timestamp) -> Self {
        let state = State {
            backlog,
            next_slot: Timestamp::MIN,
            round_ends: Timestamp::MAX,
            permits: Permits::default(),
            is_probing: false,
            stop: None,
            attempts: Vec::new(),
            drops: Vec::new(),
        };
        Self { subscription, until, state: Mutex::new(state) }
    }

    /// The backlog, with what has been learnt so far.
    pub(crate) fn backlog(&self) -> Backlog {
        self.state().backlog.clone()
    }

    /// Whether nothing more is sent in this run.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.state().stop.is_some() || now >= self.until
    }

    /// Whether it is time to look at all lanes again.
    fn is_round_over(&self, now: Timestamp) -> bool {
        now >= self.state().round_ends
    }

    /// What was learnt; what was done goes to the report.
    pub(crate) fn into_outcome(self, served: &mut Served) -> Outcome {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (subscription, at) = (self.subscription, self.until);
        served.attempts.extend(state.attempts);
        for (why, count) in state.drops.into_iter().filter(|(_, count)| *count > 0) {
            let since = subscription.activity.since();
            served.drops.push(Drop { subscription: subscription.key(), since, at, why, count });
        }
        Outcome { backlog: state.backlog, stop: state.stop }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two assignments that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subscription(&self) -> &'a Subscription {
        self.subscription
    }

    pub(crate) fn treatment(&self) -> Option<Treatment> {
        self.state().backlog.treatment
    }

    /// Counts deliveries that will not be made.
    pub(crate) fn dropped(&self, why: Dropped, count: usize) {
        self.state().drops.push((why, number_of(count)));
    }

    /// Gives a delivery up.
    fn bury(
        &self,
        chunk: &mut Chunk,
        kept: Kept,
        because: DeadBecause,
        reason: Option<FailureReason>,
        attempts: u32,
        died_at: Timestamp,
    ) {
        self.dropped(dropped(because), 1);
        chunk.dead.push(Dead { event: kept.event, died_at, because, reason, attempts });
    }

    /// The moment of the next attempt, as the pace has it.
    fn slot(&self, now: Timestamp) -> Timestamp {
        let mut state = self.state();
        let slot = state.next_slot.max(now);
        let gap = state.backlog.pace.gap(self.subscription.rate_limit_per_second);
        state.next_slot = after(slot, gap);
        slot
    }

    /// Takes in that the receiver accepted.
    fn accepted(&self, now: Timestamp) {
        let mut state = self.state();
        state.backlog.failures_in_a_row = 0;
        if state.is_probing {
            state.backlog.drain(now);
        }
        state.backlog.pace.grow();
    }

    /// Takes in that it did not; the fifth failure in a row opens the breaker, and a failed probe keeps it open.
    fn refused(&self, reason: &FailureReason, now: Timestamp, retry_after: Option<Duration>, jitter: f64) {
        let mut state = self.state();
        let is_probing = state.is_probing;
        let backlog = &mut state.backlog;
        backlog.failures_in_a_row = backlog.failures_in_a_row.saturating_add(1);
        backlog.pace.after(reason);
        if is_probing {
            backlog.breaker = backlog.breaker.probe_failed(now, retry_after, jitter);
            state.stop(Stop::Enough);
        } else if backlog.breaker.is_open() {
            // It was under way when another failure opened the breaker.
            state.stop(Stop::Enough);
        } else if backlog.failures_in_a_row >= OPENS_AFTER {
            backlog.open(now, retry_after, jitter);
            state.stop(Stop::Enough);
        } else if let (Breaker::Draining { .. }, Some(wait)) = (backlog.breaker, retry_after) {
            backlog.paused_until = Some(after(now, wait));
            state.stop(Stop::Enough);
        }
    }
}

impl<W: World> Dispatcher<W> {
    /// Tries the first delivery of a lane, and nothing else.
    pub(crate) async fn probe(&self, sending: &Sending<'_>, lanes: &[Lane], space: SpaceId) -> Result<(), Fault> {
        let Some(lane) = lanes.iter().find(|lane| lane.space == space) else { return Ok(()) };
        let Some(lane) = self.treat(sending, lane.clone()).await? else { return Ok(()) };
        sending.state().is_probing = true;
        let sent = self.send_chunk(sending, lane, 1).await;
        sending.state().is_probing = false;
        sent.map(drop)
    }

    /// Sends what waits in these lanes: several at once, in order in each.
    pub(crate) async fn send_lanes(
        &self,
        sending: &Sending<'_>,
        lanes: &[Lane],
        spaces: &[SpaceId],
    ) -> Result<(), Fault> {
        sending.state().round_ends = self.world.now() + ROUND;
        let find = |space: &SpaceId| lanes.iter().find(|lane| lane.space == *space).cloned();
        let work: Vec<_> = spaces.iter().filter_map(find).map(|lane| self.send_lane(sending, lane)).collect();
        let mut running = futures::stream::iter(work).buffer_unordered(CONCURRENT_ATTEMPTS_OF_ONE);
        let mut first_fault = Ok(());
        while let Some(done) = running.next().await {
            if let Err(fault) = done {
                // The others come to their own end: what they have sent must be settled.
                sending.state().stop(Stop::Enough);
                first_fault = first_fault.and(Err(fault));
            }
        }
        first_fault
    }

    async fn send_lane(&self, sending: &Sending<'_>, lane: Lane) -> Result<(), Fault> {
        let mut next = Some(lane);
        while let Some(lane) = next.take() {
            if sending.is_over(self.world.now()) {
                break;
            }
            let Some(lane) = self.treat(sending, lane).await? else { break };
            next = self.send_chunk(sending, lane, CHUNK).await?;
            next = next.filter(|_| !sending.is_round_over(self.world.now()));
        }
        Ok(())
    }

    /// Sends the first deliveries of a lane, and settles them. Returns the lane if there is more to send of it now.
    async fn send_chunk(&self, sending: &Sending<'_>, lane: Lane, most: usize) -> Result<Option<Lane>, Fault> {
        let waiting = self.world.waiting(&sending.subscription.key(), lane.space, most).await?;
        let version = lane.version;
        let Some(lane) = self.as_new_as(sending, lane, &waiting).await? else { return Ok(None) };
        // What was found is all there is only if nothing was appended after it was read.
        let is_all = waiting.len() < most && lane.version == version;
        let found = waiting.len();
        let mut chunk = Chunk::default();
        let mut tried = lane.clone();
        for kept in waiting {
            let now = self.world.now();
            // One at least of each lane in each round, so that all go on.
            let is_enough = !chunk.done.is_empty() && sending.is_round_over(now);
            if chunk.is_at_its_end() || is_enough || sending.is_over(now) {
                chunk.left_since.get_or_insert(kept.kept_at);
                break;
            }
            let key = KeptKey::of(&kept.event);
            let stood_for = tried.stands_for(&key);
            let now = self.world.now();
            let fared = if has_given_way(&tried, &kept, sending.subscription) {
                chunk.gave_way.push(key);
                continue;
            } else if now.duration_since(kept.kept_at) > self.settings.max_age {
                Fared::Expired
            } else {
                self.try_one(sending, &kept, &tried, stood_for).await
            };
            match fared {
                Fared::Accepted => {}
                Fared::Expired => {
                    let attempts = tried.next_attempt().0 - 1;
                    sending.bury(&mut chunk, kept, DeadBecause::Expired, None, attempts, now);
                }
                Fared::Dead(because, reason, attempts) => {
                    sending.bury(&mut chunk, kept, because, Some(reason), attempts, self.world.now());
                }
                Fared::Waits { not_before, is_probe } => {
                    chunk.waits = Some(Waits { key, stood_for, not_before, is_probe });
                    chunk.left_since = Some(kept.kept_at);
                    continue;
                }
                Fared::Untried => {
                    chunk.left_since = Some(kept.kept_at);
                    break;
                }
            }
            tried.settled(&key, stood_for);
            chunk.done.push((key, stood_for));
        }
        let is_empty = is_all && chunk.done.len() + chunk.gave_way.len() == found;
        let goes_on = !is_empty && chunk.waits.is_none();
        let left = self.settle_chunk(sending, lane, chunk, is_empty).await?;
        Ok(left.filter(|_| goes_on || is_empty))
    }

    /// The lane, read again where a delivery was found in it that it does not know yet: what stands for others must say so.
    async fn as_new_as(&self, sending: &Sending<'_>, lane: Lane, found: &[Kept]) -> Result<Option<Lane>, Fault> {
        let is_known = |kept: &Kept| kept.replayed || lane.stands_for(&KeptKey::of(&kept.event)).is_some();
        if sending.subscription.backlog == BacklogMode::All || found.iter().all(is_known) {
            return Ok(Some(lane));
        }
        let standing = self.standing(sending.subscription, [lane.space].into_iter()).await?;
        Ok(standing.lanes.into_iter().next())
    }

    async fn try_one(&self, sending: &Sending<'_>, kept: &Kept, lane: &Lane, stood_for: Option<u64>) -> Fared {
        if !self.wait_for_a_slot(sending).await {
            return Fared::Untried;
        }
        let number = lane.next_attempt();
        let (subscription, superseded) = (sending.subscription, stood_for);
        let delivery = Delivery { subscription, event: &kept.event, number, superseded, body: None };
        let Ok(made) = self.attempt(delivery).await else {
            sending.state().stop(Stop::OurFault);
            return Fared::Untried;
        };
        let now = self.world.now();
        let jitter = self.world.jitter();
        let is_probe = sending.state().is_probing;
        let fared = match made.failure() {
            None => {
                sending.accepted(now);
                Fared::Accepted
            }
            Some(reason) => {
                let failures = lane.failures + u32::from(!is_probe);
                let retry_after = made.retry_after;
                let failure = Failure { reason, failures, attempts: number.0, retry_after };
                let next = after_failure(failure, &self.settings.schedule, jitter);
                if next != AfterFailure::Dead(DeadBecause::RefusedByPolicy) {
                    sending.refused(reason, now, retry_after, jitter);
                }
                match next {
                    AfterFailure::Retry(wait) => Fared::Waits { not_before: after(now, wait), is_probe },
                    AfterFailure::Dead(because) => Fared::Dead(because, *reason, number.0),
                    AfterFailure::Disable => {
                        sending.state().stop(Stop::Gone);
                        Fared::Waits { not_before: after(now, AFTER_OUR_FAULT), is_probe: true }
                    }
                }
            }
        };
        sending.state().attempts.push(made.recorded);
        fared
    }

    /// Waits until the pace and the rate limit allow an attempt; false where that is not in this run.
    async fn wait_for_a_slot(&self, sending: &Sending<'_>) -> bool {
        let slot = sending.slot(self.world.now());
        if slot >= sending.until {
            sending.state().stop(Stop::Enough);
            return false;
        }
        self.sleep_until(slot).await;
        let Some(limit) = sending.subscription.rate_limit_per_second else { return sending.state().stop.is_none() };
        while !sending.is_over(self.world.now()) {
            if self.has_permit(sending, limit).await {
                return true;
            }
            let next_second = Timestamp::from_second(self.world.now().as_second() + 1).unwrap_or(Timestamp::MAX);
            self.sleep_until(next_second).await;
        }
        false
    }

    /// Takes one of the attempts that the rate limit allows in this second. They are taken a few at a time, and what is
    /// left of a second is lost with it.
    async fn has_permit(&self, sending: &Sending<'_>, limit: RateLimit) -> bool {
        let second = self.world.now().as_second();
        {
            let mut state = sending.state();
            if state.permits.second == second && state.permits.left > 0 {
                state.permits.left -= 1;
                return true;
            }
        }
        let wanted = limit.per_second().div_ceil(4);
        let granted = match self.world.permits(&sending.subscription.key(), limit, second, wanted).await {
            Ok(granted) => granted,
            Err(fault) => {
                tracing::error!(
                    tenant = %sending.subscription.tenant, subscription = %sending.subscription.id, error = %fault,
                    "the rate limit can't be looked up"
                );
                0
            }
        };
        let mut state = sending.state();
        if state.permits.second != second {
            state.permits = Permits { second, left: 0 };
        }
        state.permits.left += granted;
        if state.permits.left == 0 {
            return false;
        }
        state.permits.left -= 1;
        true
    }

    async fn sleep_until(&self, at: Timestamp) {
        let wait: SignedDuration = at.duration_since(self.world.now());
        if let Ok(wait) = Duration::try_from(wait)
            && !wait.is_zero()
        {
            self.world.sleep(wait).await;
        }
    }

    /// Writes what became of a chunk. Returns the lane as it is now; none where it is gone.
    async fn settle_chunk(
        &self,
        sending: &Sending<'_>,
        lane: Lane,
        chunk: Chunk,
        is_empty: bool,
    ) -> Result<Option<Lane>, Fault> {
        let key = sending.subscription.key();
        let mut read = lane;
        // Only a lane that nobody has appended to meanwhile is known to be empty.
        let mut may_go = is_empty;
        for _ in 0..TRIES {
            let mut change = Change::of(key.clone());
            let mut new = read.clone();
            for (done, stood_for) in &chunk.done {
                new.settled(done, *stood_for);
                change.delete.push(*done);
            }
            change.delete.extend(&chunk.gave_way);
            change.bury.clone_from(&chunk.dead);
            if let Some(waits) = chunk.waits {
                wait(&mut new, waits, self.world.now());
            }
            new.kept_since = chunk.left_since.unwrap_or(new.kept_since).max(new.kept_since);
            if may_go {
                change.delete_lane(&read);
            } else if new == read && change.delete.is_empty() {
                return Ok(Some(read));
            } else {
                change.set_lane(Some(&read), new.clone());
            }
            if self.world.change(&change).await? == Changed::Yes {
                return Ok((!may_go).then(|| new.next()));
            }
            may_go = false;
            let standing = self.standing(sending.subscription, [read.space].into_iter()).await?;
            match standing.lanes.into_iter().next() {
                // An answer can get lost, and the write that it was of then looks like somebody else's.
                Some(lane) if lane == new.clone().next() => return Ok(Some(lane)),
                Some(lane) => read = lane,
                None => return Ok(None),
            }
        }
        Err("other writers kept changing a lane".into())
    }
}

/// Whether a newer delivery stands for this one.
fn has_given_way(lane: &Lane, kept: &Kept, subscription: &Subscription) -> bool {
    let newest = lane.newest.get(&kept.event.event_type);
    let is_old = newest.is_some_and(|newest| newest.sequence > kept.event.sequence);
    subscription.backlog == BacklogMode::Latest && !kept.replayed && is_old
}

/// Notes in a lane that its first delivery waits.
fn wait(lane: &mut Lane, waits: Waits, now: Timestamp) {
    if !lane.still_keeps(&waits.key, waits.stood_for) {
        lane.put_off(now, waits.not_before);
    } else if waits.is_probe {
        lane.probe_failed(now);
    } else {
        lane.failed(now, waits.not_before);
    }
}
