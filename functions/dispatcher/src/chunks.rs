//! Sending what waits in lanes: in order in each, several side by side, a chunk at a time.

use crate::attempting::Delivery;
use crate::delivering::Dispatcher;
use crate::keeping::{TRIES, dropped};
use crate::ports::{Changed, Fault, World};
use crate::sending::{ROUND, Sending, Stop};
use crate::serving::{AFTER_OUR_FAULT, CONCURRENT_ATTEMPTS_OF_ONE};
use futures::StreamExt as _;
use jiff::Timestamp;
use spacehook_domain::backlog::{Change, Dead, Kept, KeptKey, Lane, SLACK};
use spacehook_domain::breaker::after;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::retry::{AfterFailure, DeadBecause, Failure, after_failure};
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::{BacklogMode, Subscription};

/// Deliveries that are sent between two changes of a lane: what a crash repeats, at most.
const CHUNK: usize = 10;

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

impl Chunk {
    /// Whether nothing after it may be sent before it is settled: its last delivery waits, or was given up. Were that
    /// forgotten in a crash, it would be tried again, after what followed it.
    fn is_at_its_end(&self) -> bool {
        self.waits.is_some() || self.dead.iter().any(|dead| dead.because != DeadBecause::Expired)
    }
}

impl<W: World> Dispatcher<W> {
    /// Tries the first delivery of a lane, and nothing else.
    pub(crate) async fn probe(&self, sending: &Sending<'_>, lanes: &[Lane], stream: Stream) -> Result<(), Fault> {
        let Some(lane) = lanes.iter().find(|lane| lane.stream == stream) else { return Ok(()) };
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
        streams: &[Stream],
    ) -> Result<(), Fault> {
        sending.state().round_ends = self.world.now() + ROUND;
        let find = |stream: &Stream| lanes.iter().find(|lane| lane.stream == *stream).cloned();
        let work: Vec<_> = streams.iter().filter_map(find).map(|lane| self.send_lane(sending, lane)).collect();
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
        let waiting = self.world.waiting(&sending.subscription().key(), lane.stream, most).await?;
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
            let fared = if has_given_way(&tried, &kept, sending.subscription()) {
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
                    bury(sending, &mut chunk, kept, (DeadBecause::Expired, None), attempts, now);
                }
                Fared::Dead(because, reason, attempts) => {
                    bury(sending, &mut chunk, kept, (because, Some(reason)), attempts, self.world.now());
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
        if sending.subscription().backlog == BacklogMode::All || found.iter().all(is_known) {
            return Ok(Some(lane));
        }
        let standing = self.standing(sending.subscription(), [lane.stream].into_iter()).await?;
        Ok(standing.lanes.into_iter().next())
    }

    async fn try_one(&self, sending: &Sending<'_>, kept: &Kept, lane: &Lane, stood_for: Option<u64>) -> Fared {
        if !self.wait_for_a_slot(sending).await {
            return Fared::Untried;
        }
        let (number, began) = (lane.next_attempt(), self.world.now());
        let (subscription, superseded) = (sending.subscription(), stood_for);
        let delivery = Delivery { subscription, event: &kept.event, number, superseded, body: None };
        let Ok(made) = self.attempt(delivery).await else {
            sending.state().stop(Stop::OurFault);
            return Fared::Untried;
        };
        let now = self.world.now();
        let jitter = self.world.jitter();
        // What is tried before its own wait is over, since the receiver seemed to have recovered, uses nothing up.
        let is_early = lane.not_before.is_some_and(|not_before| not_before > after_slack(began));
        let is_probe = sending.state().is_probing || is_early;
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
    /// Writes what became of a chunk. Returns the lane as it is now; none where it is gone.
    async fn settle_chunk(
        &self,
        sending: &Sending<'_>,
        lane: Lane,
        chunk: Chunk,
        is_empty: bool,
    ) -> Result<Option<Lane>, Fault> {
        let key = sending.subscription().key();
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
            let standing = self.standing(sending.subscription(), [read.stream].into_iter()).await?;
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

fn after_slack(now: Timestamp) -> Timestamp {
    now.checked_add(SLACK).unwrap_or(Timestamp::MAX)
}

/// Gives a delivery up.
fn bury(
    sending: &Sending<'_>,
    chunk: &mut Chunk,
    kept: Kept,
    (because, reason): (DeadBecause, Option<FailureReason>),
    attempts: u32,
    died_at: Timestamp,
) {
    sending.dropped(dropped(because), 1);
    chunk.dead.push(Dead { event: kept.event, died_at, because, reason, attempts });
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
